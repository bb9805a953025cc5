"""Predictions for single images, in batches, through the preprocessing of a bundle."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, islice
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
from striate.data.decoding.resize import Pixels
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

HEADERS: Final = 64  # that are read at a time
DECODED: Final = 64  # images at least, if there are as many: threads take some of them each
SMALL_OUTPUT: Final = (
    2**14
)  # values of an image, up to which a batch's come from a GPU together; maps are enlarged where they are

Found = TypeVar("Found")


@final
@dataclass(frozen=True)
class _Opened:
    """An image, and its header where that can be read."""

    name: str
    image: ImageItem
    header: Header | None


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

    def predict(self, images: Iterator[NamedInput]) -> Iterator[Prediction]:
        """One prediction for each image, in order, as soon as it is known; unreadable images have one with an error.

        A few batches of images are held at a time. From the first image on that waits for one scale, all are collected first.
        """
        canvas, opened = self.bundle.preprocessing.canvas, self._opened(images)
        waiting: list[_Opened] = []

        def ready() -> Iterator[_Opened]:
            for one in opened:
                if _waits(one, canvas):
                    waiting.append(one)
                    return
                yield one

        yield from self._in_batches(canvas, ready())
        yield from self._on_one_scale(canvas, [*waiting, *opened])

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

    def _opened(self, images: Iterator[NamedInput]) -> Iterator[_Opened]:
        while some := list(islice(images, HEADERS)):
            headers = self._each([one.image for one in some], ImageStore.header)
            for one, header in zip(some, headers, strict=True):
                if isinstance(header, Unreadable):
                    yield _Opened(one.name, header, None)
                else:
                    yield _Opened(one.name, one.image, header)

    def _on_one_scale(self, canvas: Canvas, images: Sequence[_Opened]) -> Iterator[Prediction]:
        """Those that wait for a scale get one together; others among them are on their own."""
        waits = [_waits(one, canvas) for one in images]
        waiting = [one.image for one, wait in zip(images, waits, strict=True) if wait]
        rendering, scaled = on_one_scale(waiting, canvas.rendering, self.limits)
        remaining = iter(scaled)
        for wait, group in groupby(zip(images, waits, strict=True), lambda one: one[1]):
            if wait:
                on_scale = (replace(one, image=next(remaining)) for one, _ in group)
                yield from self._in_batches(replace(canvas, rendering=rendering), on_scale)
            else:
                yield from self._in_batches(canvas, (one for one, _ in group))

    def _in_batches(self, canvas: Canvas, images: Iterable[_Opened]) -> Iterator[Prediction]:
        images = iter(images)
        many = 1 if canvas.fit == "window" else max(DECODED, self._together)  # of images of their own sizes one
        while some := list(islice(images, many)):
            yield from self._decoded(canvas, some)

    @property
    def _together(self) -> int:
        return inference_batch_size(self.bundle.preprocessing.size, self.device)

    def _decoded(self, canvas: Canvas, some: Sequence[_Opened]) -> Iterator[Prediction]:
        """Images are decoded together, and the network takes them in batches."""
        if canvas.fit == "window":
            canvas = self._own_canvas(canvas, some[0].header)
        decoded = self._each([one.image for one in some], lambda store, i: store.decode(i, canvas))
        pixels = [image for image in decoded if not isinstance(image, Unreadable)]
        readable = [one for one, image in zip(some, decoded, strict=True) if not isinstance(image, Unreadable)]
        outputs = chain.from_iterable(
            self._predicted(canvas, readable[n : n + self._together], pixels[n : n + self._together])
            for n in range(0, len(readable), self._together)
        )
        for one, image in zip(some, decoded, strict=True):
            if isinstance(image, Unreadable):
                reason = image.detail if image.reason == "missing" else f"{image.reason}: {image.detail}"
                yield self.bundle.task.unreadable(one.name, reason)
            else:
                yield next(outputs)

    def _predicted(self, canvas: Canvas, readable: Sequence[_Opened], pixels: Sequence[Pixels]) -> Iterator[Prediction]:
        """pixels: H W C of each. One image is described at a time: at the size of its file a mask may take much memory."""
        decoded = torch.from_numpy(np.stack(pixels))  # B H W C
        self.many_frames += [one.name for one in readable if one.header is not None and one.header.frames > 1]
        self.first += readable[: max(0, SAMPLE - len(self.first))]
        measured = np.concatenate(
            [_statistics(canvas, one, image) for one, image in zip(readable, decoded, strict=True)]
        )
        self.statistics |= zip((one.name for one in readable), measured, strict=True)
        outputs = self._outputs(canvas, decoded)
        for output, frame in zip(outputs, self._frames(canvas, readable), strict=True):
            with torch.inference_mode():
                (described,) = self.bundle.task.describe(output[None], [frame])
            yield described

    def _each(self, images: Sequence[ImageItem], read: Callable[[ImageStore, int], Found]) -> list[Found | Unreadable]:
        """What is read of each image, in threads, or why nothing is."""
        store = ImageStore(tuple(images), self.limits)
        found: dict[int, Found | Unreadable] = {}

        def try_to_read(i: int) -> None:
            try:
                found[i] = read(store, i)
            except Unreadable as error:
                found[i] = error

        in_threads(try_to_read, len(images), available_cores())
        return [found[i] for i in range(len(images))]

    def _frames(self, canvas: Canvas, images: Sequence[_Opened]) -> list[ImageFrame]:
        """Where each image lies in what the network is shown of it."""
        size, whole = self._shown(canvas), (canvas.height, canvas.width)
        center = center_geometry(whole, size)
        headers = [one.header for one in images if one.header is not None]
        sizes = [(header.height, header.width) for header in headers]
        views = {own: canvas_view(own, whole, canvas.fit).then(center, size) for own in set(sizes)}
        return [ImageFrame(one.name, own, views[own]) for one, own in zip(images, sizes, strict=True)]

    def _shown(self, canvas: Canvas) -> tuple[int, int]:
        """Height and width of what is shown of a canvas: its center, or all of it through windows."""
        return (canvas.height, canvas.width) if canvas.fit == "window" else self.bundle.preprocessing.size

    def _own_canvas(self, canvas: Canvas, header: Header | None) -> Canvas:
        """As large as an image, and at least as a window."""
        height, width = self.bundle.preprocessing.size
        own = replace(canvas, height=height, width=width)
        return own if header is None else own.holding((header.height, header.width))

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
        preprocessing = self.bundle.preprocessing
        outputs = predict_inputs(
            self.bundle.model, self.bundle.task, view.image(images), preprocessing.size, preprocessing.tta
        )
        return outputs.cpu() if outputs[0].numel() <= SMALL_OUTPUT else outputs


def _statistics(canvas: Canvas, one: _Opened, decoded: torch.Tensor) -> npt.NDArray[np.float64]:
    """1 3, see `image_statistics`. decoded: H W C"""
    size = canvas.shape[:2] if one.header is None else (one.header.height, one.header.width)
    left, top, right, bottom = canvas.measured_box(size)
    return image_statistics(decoded[None, top:bottom, left:right])


def _waits(one: _Opened, canvas: Canvas) -> bool:
    return one.header is not None and waits_for_scale(one.image, one.header, canvas.rendering)
