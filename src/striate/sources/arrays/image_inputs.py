"""What Python code hands over as images: each kind of it becomes something that a store reads like a file.

    a path, or bytes of a file, or an open binary file        read as `striate predict` reads files
    an image of Pillow                                        likewise: turned upright, palette, transparency
    an array or tensor, H W, H W C or C H W                   which axis is which, and what white is, by array_pixels.py
    an array or tensor, N H W C, N C H W, or N H W of gray    N images
    a list, a generator ... of any of these                   one image for each

An array of three axes by itself is one image where its last axis has 1, 3 or 4 entries (H W C), or its first has 1, or as
many as the network has colors (C H W): that is what torchvision makes of an image. It is N gray images for a gray network if
its first axis has other numbers; anything else may be one image or several, and is refused. N x H x W x 1 and a list of
gray images leave no doubt, for 3 of them as for 5.

A file of JPEG much larger than the canvas is decoded at a fraction of its size, and so is an image of Pillow that was only
opened. An array or an image that is decoded is resampled from all of its pixels: most values differ by a gray level or less.

Where the network learned from images of more than 8 bits, arrays have its levels of black and white, as files have. Where
it did not, all images that are given together are on one scale, as a data set is (`on_one_scale` in value_ranges.py); a range of
their own is refused.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from torch import Tensor

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.decode import load_image
from striate.data.decoding.limits import DEFAULT_LIMITS, Limits
from striate.data.decoding.rendering import AS_STORED, Rendering
from striate.data.names import expanded, printable
from striate.data.skipped_files import Unreadable
from striate.data.store import ArrayImage, ImageItem
from striate.errors import DataError
from striate.sources.arrays.array_files import StoredArray
from striate.sources.arrays.array_pixels import common_levels, images_of, layout_of
from striate.sources.files.image_files import image_files
from striate.sources.files.tree import walk

__all__ = [
    "ImageInput",
    "ImagesInput",
    "LabelsInput",
    "NamedInput",
    "TrainingData",
    "array_of",
    "held_image",
    "holds_file",
    "is_list",
    "named_inputs",
    "not_finite",
]

ImageInput = (
    str
    | os.PathLike[str]  # of a file; where several are taken, of a folder too
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | Image.Image
    | npt.NDArray[Any]  # H W, H W C or C H W
    | Tensor
)
ImagesInput = ImageInput | Iterable[ImageInput]  # an array or a tensor may have an axis N before the others
LabelsInput = Sequence[int] | Sequence[str] | Sequence[Sequence[int]] | npt.NDArray[Any] | Tensor
TrainingData = (
    str  # a folder, a file, or the name of a built-in set
    | Path
    | tuple[ImagesInput, LabelsInput]
    | tuple[tuple[ImagesInput, LabelsInput], tuple[ImagesInput, LabelsInput]]  # train and test
    | Mapping[str, tuple[ImagesInput, LabelsInput]]  # by split: train, val, test
)

_CHANNELS: Final = (1, 3, 4)


@final
@dataclass(frozen=True)
class NamedInput:
    """One image to predict: how it is called in the answer, and what it is."""

    name: str
    image: ImageItem


def named_inputs(images: ImagesInput, canvas: Canvas, limits: Limits = DEFAULT_LIMITS) -> Iterator[NamedInput]:
    """Each image, in order, for a network with this `canvas`. Folders stand for the files in them.

    What is no image is an Unreadable in its place; DataError for an array with ambiguous axes or an unknown range.
    """
    if isinstance(images, np.ndarray) and images.ndim == 0:
        images = images.item()
    values = array_of(images)
    if isinstance(images, str | os.PathLike):
        yield from _files(os.fspath(images), limits)
    elif values is not None and values.dtype.kind not in "UO":
        for i, held in enumerate(_from_array(values, canvas)):
            yield NamedInput(f"input[{i}]", held)
    elif is_list(images):
        assert isinstance(images, Iterable)
        for i, one in enumerate(images if values is None else values.tolist()):
            if isinstance(one, str | os.PathLike):
                yield from _files(os.fspath(one), limits)
            else:
                yield NamedInput(f"input[{i}]", held_image(_its_file(one), limits, canvas.rendering))
    else:
        yield NamedInput("input[0]", held_image(_its_file(images), limits, canvas.rendering))


def is_list(images: object) -> bool:
    """Whether several images were given, one by one, and not one thing."""
    if isinstance(images, Mapping):
        raise DataError("images are a dictionary and not a list; give list(images.values())")
    array = array_of(images)
    if array is not None:
        return array.dtype.kind in "UO" and array.ndim > 0
    return not holds_file(images) and isinstance(images, Iterable)


def holds_file(given: object) -> bool:
    """Whether it is a path, what is in a file, an open file, or an image of Pillow: something that may be damaged."""
    return isinstance(given, str | os.PathLike | bytes | bytearray | memoryview | Image.Image) or _is_file(given)


def array_of(given: object) -> npt.NDArray[Any] | None:
    """The values of an array, of a tensor on any device, or of what NumPy takes for an array; None of anything else."""
    if isinstance(given, np.ndarray):
        return given
    if isinstance(given, Tensor):
        try:
            there = given.detach().to("cpu")
            return (there.float() if there.dtype == torch.bfloat16 else there).numpy()
        except (RuntimeError, TypeError):  # sparse, quantized, or without values
            raise DataError(
                f"a tensor of {given.dtype} on {given.device} is not a dense tensor with values; give x.to_dense()"
            ) from None
    if isinstance(given, Image.Image | memoryview) or not callable(getattr(given, "__array__", None)):
        return None
    return np.asarray(given)


def held_image(given: object, limits: Limits = DEFAULT_LIMITS, rendering: Rendering | None = None) -> ImageItem:
    """One image as a store takes it; Unreadable, as a value, of what is none.

    rendering: levels that are known of what is predicted; an array may have a range of its own only if it is learned from.
    """
    if isinstance(given, Image.Image):
        return _loaded(given, limits)
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given)
    if isinstance(given, str | os.PathLike):
        return expanded(given)
    if _is_file(given):
        return _content(given, limits)
    try:
        return _from_one_array(given, rendering)
    except DataError as error:
        return Unreadable("unreadable", str(error))


def _its_file(given: object) -> object:
    """The open file of a JPEG that Pillow has not decoded yet, which gives the same pixels as its path; else what was given."""
    if isinstance(given, JpegImageFile) and given.tile and given.tell() == 0 and given.fp is not None:
        return given.fp
    return given


def _from_one_array(given: object, rendering: Rendering | None) -> ArrayImage:
    """DataError for what is no array, or none of one image."""
    values = array_of(given)
    if isinstance(given, list | tuple):
        raise DataError(
            f"a {type(given).__name__} within the list is not an image; give one list, and np.array(x) of numbers"
        )
    if values is None:
        raise DataError(
            f"{type(given).__name__} is not an image; give a path, bytes, an open file, a Pillow image, an array or a tensor"
        )
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim == 4:
        raise DataError(
            f"an array of {_sizes(values)} in a list is not one image; give it without the list, or list(x)"
        )
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise DataError(f"an array of {_sizes(values)} is not one image; give H x W x C")
    if not_finite(values[None]).any():
        raise DataError("the array contains NaN or infinite values")
    return _held(values[None], rendering)[0]


def not_finite(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of N images hold NaN or infinite values."""
    if values.dtype.kind != "f":
        return np.zeros(len(values), np.bool_)
    return np.array([not np.isfinite(one).all() for one in values], np.bool_)


def _files(given: str, limits: Limits) -> Iterator[NamedInput]:
    """A file; or the images in a folder, and what is skipped among them."""
    path, name = expanded(given), printable(given) or "''"
    if not given or not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a name that is too long to be one
        yield NamedInput(name, Unreadable("missing", "no such file or folder"))
        return
    if not path.is_dir():
        yield NamedInput(name, path)
        return
    try:
        found = image_files(str(path), walk(str(path), ".", follow=limits.follow_links))
    except (DataError, OSError) as error:
        yield NamedInput(name, Unreadable("unreadable", printable(" ".join(str(error).split()))))
        return
    for file in found.files:
        yield NamedInput(printable(str(Path(given) / file)), path / file)
    for one in found.skipped:
        yield NamedInput(f"{name}/{one.id.removeprefix('./')}", Unreadable(one.reason, one.detail))
    if not found.files and not found.skipped:
        others = ", ".join(f"{count:,} {kind}" for kind, count in found.ignored.items())
        yield NamedInput(
            name,
            Unreadable("not a regular file", f"this folder has no image{f', only {others}' if others else ''}"),
        )


def _from_array(values: npt.NDArray[Any], canvas: Canvas) -> Iterator[ImageItem]:
    """The images of an array that was given by itself."""
    if values.ndim and len(values) == 0:
        return
    batch = _as_batch(values, canvas)
    bad = not_finite(batch)
    held = iter(_held(batch[~bad] if bad.any() else batch, canvas.rendering) if not bad.all() else ())
    for is_bad in bad.tolist():
        yield Unreadable("unreadable", "the array contains NaN or infinite values") if is_bad else next(held)


def _as_batch(values: npt.NDArray[Any], canvas: Canvas) -> npt.NDArray[Any]:
    """N H W C, N C H W or N H W. DataError where one image and several look alike: for x[:3] as for x[:5]."""
    if values.ndim == 4:
        return values
    flat = canvas.height * canvas.width * canvas.channels
    if values.ndim not in (2, 3) or (values.ndim == 2 and values.shape[1] == flat > canvas.width):
        raise DataError(f"the array is {_sizes(values)} and not an image; reshape it to N x H x W x C")
    if values.ndim == 2:
        return values[None]
    first, last = values.shape[0], values.shape[2]
    if last in _CHANNELS or first in (1, canvas.channels) or canvas.channels not in _CHANNELS:
        return values[None]
    if canvas.channels > 1 or first in _CHANNELS:
        raise DataError(
            f"the array is {_sizes(values)}, one image or {first} gray ones; give [x] for one, list(x) for several, "
            "or N x H x W x C"
        )
    return values


def _held(values: npt.NDArray[Any], rendering: Rendering | None) -> list[ArrayImage]:
    """N images, whose values are finite, each H W C. DataError where their axes are ambiguous, or black and white unknown."""
    levels = rendering or AS_STORED
    values = np.require(values, requirements=["C", "W"])  # torch takes no steps backwards, as in x[..., ::-1]
    wide = values.dtype != np.uint8
    known = {"f": levels.floats, "i": levels.integers, "u": levels.integers}.get(values.dtype.kind)
    look_at = values.dtype if wide and known is None else np.dtype(np.uint8)  # of uint8 no value is looked at
    layout = layout_of(StoredArray("the array", values.shape, look_at, lambda: values))
    if layout.own_range and rendering is not None:
        raise DataError(
            f"the array has values from {values.min():g} to {values.max():g}, and the network was not trained on such a "
            "range; scale it to 0..1, or save it as uint8"
        )
    own = known if wide and known is not None else common_levels([layout.levels])
    return [ArrayImage(one, own) for one in images_of(values, layout)]


def _is_file(given: object) -> bool:
    """Whether it can be read as files are; tempfile and zipfile have files of their own classes."""
    return callable(getattr(given, "read", None))


def _content(file: Any, limits: Limits) -> bytes | Unreadable:
    """What is in an open file, from its beginning, as Pillow reads it."""
    try:
        with suppress(Exception):  # a stream, or what knows no seek
            file.seek(0)
        content = file.read(limits.max_bytes + 1)
    except Exception as error:  # noqa: BLE001 - a stranger's stream may raise anything, and whatever it is, this one input cannot be read
        return Unreadable("unreadable", printable(" ".join(str(error).split()) or type(error).__name__)[:160])
    if isinstance(content, str):
        return Unreadable("unreadable", "the file was opened as text; open it with mode 'rb'")
    if not isinstance(content, bytes | bytearray | memoryview):
        return Unreadable("unreadable", f"the file returns {type(content).__name__} and not bytes")
    return bytes(content)


def _loaded(image: Image.Image, limits: Limits) -> ImageItem:
    try:
        load_image(image, limits)
    except Unreadable as failure:
        return failure
    return image


def _sizes(values: npt.NDArray[Any]) -> str:
    return " x ".join(map(str, values.shape)) or "one number"
