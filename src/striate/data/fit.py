"""A picture brought to the height and width of the canvas: resampled once, antialiased, and cropped at the centre."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

__all__ = ["Box", "Pixels", "fit"]

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels, which need not be whole
Pixels = npt.NDArray[np.uint8 | np.uint16]  # H W C


def fit(picture: Pixels | Image.Image, height: int, width: int, content: Box) -> Pixels:
    """The largest centred part of `content` with the canvas' aspect, H W C at `height` x `width`.

    Where no change of scale is needed, whole pixels are cut out and nothing is resampled. Otherwise the filter is
    bilinear and antialiased: the one that most published weights were trained with, and one that never overshoots.
    A part that is shrunk is cut at whole pixels, which moves no edge by more than half of one; only the part that will
    be seen is touched. Torch shrinks, Pillow does what needs fractions of a pixel; they agree to one grey level.
    """
    pixels = np.asarray(picture)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    left, top, right, bottom = content
    scale = max(height / (bottom - top), width / (right - left))
    if scale == 1:
        x, y = int(left + right - width) // 2, int(top + bottom - height) // 2
        return pixels[y : y + height, x : x + width]
    margin_x = max(0.0, (right - left - width / scale) / 2)
    margin_y = max(0.0, (bottom - top - height / scale) / 2)
    if scale < 1 and all(edge == int(edge) for edge in content):
        x, y = math.floor(margin_x + 0.5), math.floor(margin_y + 0.5)
        return _shrink(pixels[int(top) + y : int(bottom) - y, int(left) + x : int(right) - x], height, width)
    return _resample(pixels, height, width, (left + margin_x, top + margin_y, right - margin_x, bottom - margin_y))


def _shrink(pixels: Pixels, height: int, width: int) -> Pixels:
    """By torch, whose road for channels last in 8 bits is several times Pillow's speed, and uses this thread alone."""
    narrow = pixels.dtype == np.uint8 and pixels.shape[2] <= 4
    values = np.require(pixels if narrow else pixels.astype(np.float32), requirements="W")
    batch = torch.from_numpy(values)[None].permute(0, 3, 1, 2)  # 1 C H W
    shrunk = F.interpolate(batch, size=(height, width), mode="bilinear", antialias=True)
    fitted: npt.NDArray[Any] = shrunk[0].permute(1, 2, 0).numpy()
    return (fitted if narrow else np.rint(fitted)).astype(pixels.dtype, copy=False)


def _resample(pixels: Pixels, height: int, width: int, box: Box) -> Pixels:
    """By Pillow: grey, RGB and RGBA of 8 bits at once, all else channel by channel in floating point."""

    def resize(one: Image.Image) -> npt.NDArray[Any]:
        return np.asarray(one.resize((width, height), Image.Resampling.BILINEAR, box=box))

    channels = pixels.shape[2]
    if pixels.dtype == np.uint8 and channels in (1, 3, 4):
        resized = resize(Image.fromarray(pixels[..., 0] if channels == 1 else pixels))
        return resized if channels > 1 else resized[..., None]
    bands = [resize(Image.fromarray(pixels[..., c].astype(np.float32))) for c in range(channels)]
    return np.rint(np.stack(bands, -1)).astype(pixels.dtype)
