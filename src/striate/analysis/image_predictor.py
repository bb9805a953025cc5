"""Predictions for single images, in batches, through the preprocessing of a bundle."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import final

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
from striate.data.decoding.resize import Pixels, resize_to_canvas
from striate.data.survey import SAMPLE, survey
from striate.data.value_ranges import on_one_scale, waits_for_scale
from striate.findings import Finding
from striate.runs import Bundle
from striate.sources import NamedInput
from striate.tasks import Prediction
from striate.training import inference_batch_size, slide
from striate.views import evaluation_view
from striate.views.geometry import center_geometry

__all__ = ["ImagePredictor"]


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

    def predict(self, images: Iterator[NamedInput]) -> Iterator[Prediction]:
        """One prediction for each image, in order, as soon as it is known; unreadable images have one with an error.

        A batch of images is held at a time. From the first image on that waits for one scale, all that come are collected first.
        """
        canvas = self.bundle.preprocessing.canvas
        waiting: list[NamedInput] = []

        def ready() -> Iterator[NamedInput]:
            for one in images:
                if waits_for_scale(one.image, canvas.rendering, self.limits):
                    waiting.append(one)
                    return
                yield one

        yield from self._in_batches(canvas, ready())
        yield from self._on_one_scale(canvas, [*waiting, *images])

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

    def _on_one_scale(self, canvas: Canvas, images: Sequence[NamedInput]) -> Iterator[Prediction]:
        """Those that wait for a scale get one together; others among them are on their own."""
        waits = [waits_for_scale(one.image, canvas.rendering, self.limits) for one in images]
        waiting = [one.image for one, wait in zip(images, waits, strict=True) if wait]
        rendering, scaled = on_one_scale(waiting, canvas.rendering, self.limits)
        remaining = iter(scaled)
        for wait, group in groupby(zip(images, waits, strict=True), lambda one: one[1]):
            if wait:
                on_scale = (replace(one, image=next(remaining)) for one, _ in group)
                yield from self._in_batches(replace(canvas, rendering=rendering), on_scale)
            else:
                yield from self._in_batches(canvas, (one for one, _ in group))

    def _in_batches(self, canvas: Canvas, images: Iterable[NamedInput]) -> Iterator[Prediction]:
        images = iter(images)
        few = 1 if canvas.fit == "window" else self._together  # of images of their own sizes one
        while batch := list(islice(images, few)):
            yield from self._batch(canvas, batch)

    def _batch(self, canvas: Canvas, batch: Sequence[NamedInput]) -> Iterator[Prediction]:
        """One image is described at a time: at the size of its file a mask may take much memory."""
        if canvas.fit == "window":
            canvas = self._own_canvas(canvas, batch[0])
        images, headers, errors = self._decode(canvas, batch)
        if images:
            decoded = torch.from_numpy(np.stack(list(images.values())))  # B H W C
            measured = image_statistics(self._on_training_canvas(decoded))
            self.statistics |= zip((batch[i].name for i in images), measured, strict=True)
            outputs = iter(self._outputs(canvas, decoded))
        for i, one in enumerate(batch):
            if i in errors:
                yield self.bundle.task.unreadable(one.name, errors[i])
            else:
                yield self._described(next(outputs), self._frame(canvas, one.name, headers[i]))

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
        size = self._shown(canvas)
        center = center_geometry((canvas.height, canvas.width), size)
        return ImageFrame(name, (header.height, header.width), whole.then(center, size))

    @property
    def _together(self) -> int:
        return inference_batch_size(self.bundle.preprocessing.size, self.device)

    def _shown(self, canvas: Canvas) -> tuple[int, int]:
        """Height and width of what is shown of a canvas: its center, or all of it through windows."""
        return (canvas.height, canvas.width) if canvas.fit == "window" else self.bundle.preprocessing.size

    def _own_canvas(self, canvas: Canvas, one: NamedInput) -> Canvas:
        """As large as an image, and at least as a window."""
        height, width = self.bundle.preprocessing.size
        own = replace(canvas, height=height, width=width)
        try:
            header = ImageStore((one.image,), self.limits).header(0)
        except Unreadable:  # which decoding tells
            return own
        return own.holding((header.height, header.width))

    def _on_training_canvas(self, decoded: torch.Tensor) -> torch.Tensor:
        """B H W C as it would lie among the training images, whose statistics have what is around them in them."""
        canvas = self.bundle.preprocessing.canvas
        if canvas.fit != "window":
            return decoded
        (image,) = decoded.numpy()
        box = (0, 0, image.shape[1], image.shape[0])
        return torch.from_numpy(resize_to_canvas(image, canvas.height, canvas.width, box, canvas.fit))[None]

    @torch.inference_mode()
    def _outputs(self, canvas: Canvas, decoded: torch.Tensor) -> torch.Tensor:
        """B H W C -> what the task decodes the outputs of the network to."""
        images = as_colors(decoded.to(self.device).permute(0, 3, 1, 2))  # B C H W
        view = evaluation_view(
            len(images),
            image_size=(canvas.height, canvas.width),
            size=self._shown(canvas),
            normalization=self.bundle.preprocessing.normalization,
        )
        outputs = slide(self.bundle.model, view.image(images), self.bundle.preprocessing.size, self._together)
        return self.bundle.task.decode(outputs)

    @torch.inference_mode()
    def _described(self, decoded: torch.Tensor, frame: ImageFrame) -> Prediction:
        """decoded: of this one image."""
        (described,) = self.bundle.task.describe(decoded[None], [frame])
        return described
