"""Predictions for single images, in batches, through the preprocessing of a bundle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch

from striate.analysis.new_images import findings_on_new
from striate.audit.unused_content import first_frames
from striate.data import (
    Canvas,
    Header,
    ImageFrame,
    ImageStore,
    Limits,
    Unreadable,
    as_colors,
    canvas_view,
    image_statistics,
)
from striate.data.decoding.resize import Pixels
from striate.data.survey import SAMPLE, survey
from striate.data.value_ranges import on_one_scale, waits_for_scale
from striate.findings import Finding
from striate.runs import Bundle
from striate.sources import NamedInput
from striate.tasks import Prediction
from striate.training import inference_batch_size, predict_inputs
from striate.views import evaluation_view
from striate.views.geometry import center_geometry

__all__ = ["ImagePredictor"]

BATCH: Final = 64

Numbered = tuple[int, NamedInput]  # an image and its position among all


@final
@dataclass(frozen=True)
class _Survey:
    """Images as a survey takes them."""

    ids: tuple[str, ...]
    store: ImageStore


@final
@dataclass
class ImagePredictor:
    """A bundle's network on a device, and what is recorded of the images that it was given.

    Images of more than 8 bits that a network of 8-bit images is given are brought to one scale, that of all of them.
    """

    bundle: Bundle
    limits: Limits
    device: torch.device
    statistics: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)  # by name, see `image_statistics`
    many_frames: list[str] = field(default_factory=list)
    first: list[NamedInput] = field(default_factory=list)  # for a survey

    def __post_init__(self) -> None:
        self.bundle.model.to(self.device)

    def predict(self, images: Iterator[NamedInput]) -> list[Prediction]:
        """One prediction for each image, in order; unreadable images have one with an error."""
        canvas, numbered = self.bundle.preprocessing.canvas, enumerate(images)
        predictions: dict[int, Prediction] = {}
        waiting: list[Numbered] = []
        while batch := list(islice(numbered, BATCH)):
            wait = [waits_for_scale(one.image, canvas.rendering, self.limits) for _, one in batch]
            waiting += [one for one, waits in zip(batch, wait, strict=True) if waits]
            predictions |= self._batch(canvas, [one for one, waits in zip(batch, wait, strict=True) if not waits])
        rendering, scaled = on_one_scale([one.image for _, one in waiting], canvas.rendering, self.limits)
        for first in range(0, len(waiting), BATCH):
            last = first + BATCH
            batch = [
                (i, replace(one, image=image))
                for (i, one), image in zip(waiting[first:last], scaled[first:last], strict=True)
            ]
            predictions |= self._batch(replace(canvas, rendering=rendering), batch)
        return [predictions[i] for i in range(len(predictions))]

    def findings(self) -> list[Finding]:
        """Whether the images look like those of the training, and content of them that is not used."""
        if not self.statistics:
            return []
        names, store = (
            tuple(one.name for one in self.first),
            ImageStore(tuple(one.image for one in self.first), self.limits),
        )
        surveyed = survey({"all": _Survey(names, store)})
        measured = np.stack(list(self.statistics.values()))
        return [
            *(one.finding for one in first_frames(self.many_frames)),
            *findings_on_new(self.bundle, surveyed, measured, list(self.statistics)),
        ]

    def _batch(self, canvas: Canvas, batch: Sequence[Numbered]) -> dict[int, Prediction]:
        """Predictions by the numbers of the images."""
        images, headers, errors = self._decode(canvas, [one for _, one in batch])
        predictions = {batch[i][0]: self.bundle.task.unreadable(batch[i][1].name, why) for i, why in errors.items()}
        if images:
            decoded = torch.from_numpy(np.stack(list(images.values())))  # B H W C
            frames = [self._frame(canvas, batch[i][1].name, headers[i]) for i in images]
            self.statistics |= zip((one.name for one in frames), image_statistics(decoded), strict=True)
            predictions |= zip((batch[i][0] for i in images), self._described(canvas, decoded, frames), strict=True)
        return predictions

    def _decode(
        self, canvas: Canvas, given: Sequence[NamedInput]
    ) -> tuple[dict[int, Pixels], dict[int, Header], dict[int, str]]:
        """Images on the canvas with their headers, and the errors of others, by their position in the batch."""
        store = ImageStore(tuple(one.image for one in given), self.limits)
        images, headers, errors = {}, {}, {}
        for i, one in enumerate(given):
            try:
                images[i], headers[i] = store.decode(i, canvas), store.header(i)
                if headers[i].frames > 1:
                    self.many_frames.append(one.name)
                if len(self.first) < SAMPLE:
                    self.first.append(one)
            except Unreadable as error:
                errors[i] = error.detail if error.reason == "vanished" else f"{error.reason}: {error.detail}"
        return images, headers, errors

    def _frame(self, canvas: Canvas, name: str, header: Header) -> ImageFrame:
        """Where the image lies in what the network is shown of it."""
        whole = canvas_view((header.height, header.width), (canvas.height, canvas.width), canvas.fit)
        size = self.bundle.preprocessing.size
        center = center_geometry((canvas.height, canvas.width), size)
        return ImageFrame(name, (header.height, header.width), whole.then(center, size))

    def _described(self, canvas: Canvas, decoded: torch.Tensor, frames: Sequence[ImageFrame]) -> list[Prediction]:
        """B H W C -> what the network predicts of each; a few at a time, since maps of many take much memory."""
        preprocessing, task = self.bundle.preprocessing, self.bundle.task
        few = inference_batch_size(preprocessing.size, self.device)
        predictions: list[Prediction] = []
        for first in range(0, len(frames), few):
            some = as_colors(decoded[first : first + few].to(self.device).permute(0, 3, 1, 2))  # B C H W
            view = evaluation_view(
                len(some),
                image_size=(canvas.height, canvas.width),
                size=preprocessing.size,
                normalization=preprocessing.normalization,
            )
            merged = predict_inputs(self.bundle.model, task, view.image(some), preprocessing.tta)
            predictions += task.describe(merged, frames[first : first + few])
        return predictions
