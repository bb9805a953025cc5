"""An image brought to the height and width of the canvas: resampled once, antialiased, and cropped or letterboxed."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from striate.data.settings import FitMode

__all__ = ["Box", "Pixels", "canvas_boxes", "resize_to_canvas", "visible_box"]

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels, which need not be whole
Pixels = npt.NDArray[np.uint8 | np.uint16]  # H W C


def resize_to_canvas(
    image: Pixels | Image.Image, height: int, width: int, content: Box, how: FitMode = "cover"
) -> Pixels:
    """`content` on a canvas of `height` x `width`, H W C: its largest centered part with that aspect, or all of it in black.

    Or, by "window", as large as it is, in black.

    Where no change of scale is needed, whole pixels are cut out and nothing is resampled. Otherwise the filter is
    bilinear and antialiased: the one that most published weights were trained with, and one that never overshoots.
    A part that is shrunk is cut at whole pixels, which moves no edge by more than half of one; only the visible part is
    touched. Torch shrinks, Pillow does what needs fractions of a pixel; they agree to one gray level. The colors of RGBA
    count by their alpha.
    """
    pixels = np.asarray(image)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    visible, (left, top, right, bottom) = canvas_boxes(height, width, content, how)
    fitted = _fitted(pixels, bottom - top, right - left, visible)
    if (bottom - top, right - left) == (height, width):
        return fitted
    boxed = np.zeros((height, width, pixels.shape[2]), pixels.dtype)
    boxed[top:bottom, left:right] = fitted
    return boxed


def canvas_boxes(height: int, width: int, content: Box, how: FitMode) -> tuple[Box, tuple[int, int, int, int]]:
    """The part of `content` that a canvas of `height` x `width` shows, and the box of the canvas that it fills."""
    if how == "cover":
        return visible_box(height, width, content), (0, 0, width, height)
    left, top, right, bottom = content
    if how == "window":
        down, across = min(height, int(bottom - top)), min(width, int(right - left))
        x, y = (width - across) // 2, (height - down) // 2
        return visible_box(down, across, (left, top, left + across, top + down)), (x, y, x + across, y + down)
    scale = min(height / (bottom - top), width / (right - left))
    down, across = max(1, round(scale * (bottom - top))), max(1, round(scale * (right - left)))
    x, y = (width - across) // 2, (height - down) // 2
    return content, (x, y, x + across, y + down)


def _fitted(pixels: Pixels, height: int, width: int, visible: Box) -> Pixels:
    """The part `visible` of H W C, at `height` x `width`."""
    left, top, right, bottom = visible
    box: Box | None = visible
    if all(edge == int(edge) for edge in visible):
        pixels, box = pixels[int(top) : int(bottom), int(left) : int(right)], None
    if (right - left, bottom - top) == (width, height):
        return pixels
    channels = pixels.shape[2]
    if pixels.dtype == np.uint8 and channels in (1, 3):
        return _resample(pixels, height, width, box)
    if pixels.dtype == np.uint8 and channels == 4:  # Pillow weighs colors by their alpha
        return _by_pillow(pixels, height, width, box)
    values = pixels.astype(np.float32)
    if channels == 4:
        values[..., :3] *= values[..., 3:]
    fitted = _resample(values, height, width, box)
    if channels == 4:
        fitted[..., :3] /= np.maximum(fitted[..., 3:], 1)
    return np.rint(fitted).astype(pixels.dtype)


def visible_box(height: int, width: int, content: Box) -> Box:
    """The part of `content` that a canvas of `height` x `width` shows; whole pixels where it is not enlarged."""
    left, top, right, bottom = content
    scale = max(height / (bottom - top), width / (right - left))
    if scale == 1:
        x, y = int(left + right - width) // 2, int(top + bottom - height) // 2
        return x, y, x + width, y + height
    margin_x = max(0.0, (right - left - width / scale) / 2)
    margin_y = max(0.0, (bottom - top - height / scale) / 2)
    if scale < 1 and all(edge == int(edge) for edge in content):
        margin_x, margin_y = math.floor(margin_x + 0.5), math.floor(margin_y + 0.5)
    return left + margin_x, top + margin_y, right - margin_x, bottom - margin_y


def _resample(values: npt.NDArray[Any], height: int, width: int, box: Box | None) -> npt.NDArray[Any]:
    """H W C of 8 bits or floating point; without a box by torch, whose road for 8 bits takes a fifth of Pillow's time."""
    if box is not None and values.dtype == np.uint8:
        return _by_pillow(values, height, width, box)
    if box is not None:
        return np.dstack([_by_pillow(band[..., None], height, width, box) for band in values.transpose(2, 0, 1)])
    # without gaps, or torch would copy it in threads of its own, as many for each thread that decodes
    batch = np.require(values, requirements=["C", "W"]).reshape(1, *values.shape)  # 1 H W C
    images = torch.from_numpy(batch.transpose(0, 3, 1, 2))  # 1 C H W; NumPy turns it sooner than torch
    if height < len(values):  # rows first: between them torch takes fewer steps than within them
        images = F.interpolate(images, size=(height, values.shape[1]), mode="bilinear", antialias=True)
    images = F.interpolate(images, size=(height, width), mode="bilinear", antialias=True)
    fitted: npt.NDArray[Any] = images.numpy()[0].transpose(1, 2, 0)
    return fitted


def _by_pillow(values: npt.NDArray[Any], height: int, width: int, box: Box | None) -> npt.NDArray[Any]:
    image = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values)
    fitted = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box=box))
    return fitted if fitted.ndim == 3 else fitted[..., None]
