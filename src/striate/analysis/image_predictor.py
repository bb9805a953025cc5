"""Predictions for single images, in batches, through the preprocessing of a bundle."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, TypeVar, final

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
from striate.data.store import ImageItem
from striate.data.survey import SAMPLE, survey
from striate.data.threads import in_threads
from striate.data.value_ranges import on_one_scale, waits_for_scale
from striate.findings import Finding
from striate.runs import Bundle
from striate.sources import NamedInput
from striate.tasks import Prediction
from striate.training import available_cores, inference_batch_size, predict_inputs
from striate.views import evaluation_view
from striate.views.geometry import center_geometry

__all__ = ["ImagePredictor"]

BATCH: Final = 64

Found = TypeVar("Found")


@final
@dataclass(frozen=True)
class _Opened:
    """An image whose header was read, and its position among all."""

    number: int
    name: str
    image: ImageItem
    header: Header


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
    first: list[_Opened] = field(default_factory=list)  # for a survey

    def __post_init__(self) -> None:
        self.bundle.model.to(self.device)

    def predict(self, images: Iterator[NamedInput]) -> list[Prediction]:
        """One prediction for each image, in order; unreadable images have one with an error."""
        canvas, numbered = self.bundle.preprocessing.canvas, enumerate(images)
        predictions: dict[int, Prediction] = {}
        waiting: list[_Opened] = []
        while batch := list(islice(numbered, BATCH)):
            headers, errors = self._each([one.image for _, one in batch], ImageStore.header)
            predictions |= {batch[i][0]: self._unreadable(batch[i][1].name, error) for i, error in errors.items()}
            opened = [_Opened(batch[i][0], batch[i][1].name, batch[i][1].image, headers[i]) for i in headers]
            wait = [waits_for_scale(one.image, one.header, canvas.rendering) for one in opened]
            waiting += [one for one, waits in zip(opened, wait, strict=True) if waits]
            predictions |= self._batch(canvas, [one for one, waits in zip(opened, wait, strict=True) if not waits])
        rendering, scaled = on_one_scale([one.image for one in waiting], canvas.rendering, self.limits)
        waiting = [replace(one, image=image) for one, image in zip(waiting, scaled, strict=True)]
        for first in range(0, len(waiting), BATCH):
            predictions |= self._batch(replace(canvas, rendering=rendering), waiting[first : first + BATCH])
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

    def _batch(self, canvas: Canvas, batch: Sequence[_Opened]) -> dict[int, Prediction]:
        """Predictions by the numbers of the images."""
        pixels, errors = self._each([one.image for one in batch], lambda store, i: store.decode(i, canvas))
        predictions = {batch[i].number: self._unreadable(batch[i].name, error) for i, error in errors.items()}
        readable = [batch[i] for i in pixels]
        self.many_frames += [one.name for one in readable if one.header.frames > 1]
        self.first += readable[: max(0, SAMPLE - len(self.first))]
        if readable:
            decoded = torch.from_numpy(np.stack(list(pixels.values())))  # B H W C
            self.statistics |= zip((one.name for one in readable), image_statistics(decoded), strict=True)
            described = self._described(canvas, decoded, self._frames(canvas, readable))
            predictions |= zip((one.number for one in readable), described, strict=True)
        return predictions

    def _each(
        self, images: Sequence[ImageItem], read: Callable[[ImageStore, int], Found]
    ) -> tuple[dict[int, Found], dict[int, Unreadable]]:
        """What is read of images, in threads, and the errors of others, by their position."""
        store = ImageStore(tuple(images), self.limits)
        found: dict[int, Found] = {}
        errors: dict[int, Unreadable] = {}

        def try_to_read(i: int) -> None:
            try:
                found[i] = read(store, i)
            except Unreadable as error:
                errors[i] = error

        in_threads(try_to_read, len(images), available_cores())
        return {i: found[i] for i in sorted(found)}, errors

    def _unreadable(self, name: str, error: Unreadable) -> Prediction:
        reason = error.detail if error.reason == "vanished" else f"{error.reason}: {error.detail}"
        return self.bundle.task.unreadable(name, reason)

    def _frames(self, canvas: Canvas, batch: Sequence[_Opened]) -> list[ImageFrame]:
        """Where each image lies in what the network is shown of it."""
        size, whole = self.bundle.preprocessing.size, (canvas.height, canvas.width)
        center = center_geometry(whole, size)
        sizes = [(one.header.height, one.header.width) for one in batch]
        views = {own: canvas_view(own, whole, canvas.fit).then(center, size) for own in set(sizes)}
        return [ImageFrame(one.name, own, views[own]) for one, own in zip(batch, sizes, strict=True)]

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
