"""An image small and gray, 32 x 32, whatever its aspect: what copies of it still have in common.

Perceptual hash: the signs of the 64 lowest coefficients of the thumbnail's cosine transform around their median
(Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). Copies differ in few bits.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from striate.data.decoding.modes import LUMA
from striate.data.decoding.resize import Pixels

__all__ = ["SIDE", "eight_bits", "gray", "hashes", "mean_and_std", "shrink", "thumbnails"]

SIDE: Final = 32
_BLOCK = 4096  # images at a time

_frequency, _place = np.arange(8)[:, None], np.arange(SIDE)[None, :]
_COSINES: Final = np.cos(np.pi * (2 * _place + 1) * _frequency / (2 * SIDE)).astype(np.float32)  # 8 SIDE


def eight_bits(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """H W C of 8 bits; of 16 bits the high byte."""
    return (pixels >> 8 if pixels.dtype == np.uint16 else pixels).astype(np.uint8, copy=False)


def gray(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    """H W C as luma; of 2, or of more than 4 channels, the mean."""
    channels = pixels.shape[-1]
    if channels == 1:
        return Image.fromarray(pixels[..., 0])
    if channels in (3, 4):
        return Image.fromarray(np.ascontiguousarray(pixels[..., :3])).convert("L")
    return Image.fromarray(pixels.mean(-1).astype(np.uint8))


def mean_and_std(luma: Image.Image) -> tuple[float, float]:
    """Of 8 bits, by the histogram: the pixels of a large image as numbers would take eight times its memory."""
    counts, levels = np.array(luma.histogram(), np.float64), np.arange(256)
    mean = float(counts @ levels / counts.sum())
    return mean, float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum()))


def shrink(image: Image.Image, side: int) -> npt.NDArray[np.uint8]:
    """The whole image at side x side, antialiased."""
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0))


def thumbnails(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """N H W C -> N SIDE SIDE, for many images of one size at once."""
    small = np.empty((len(pixels), SIDE, SIDE), np.uint8)
    for first in range(0, len(pixels), _BLOCK):
        block = torch.from_numpy(pixels[first : first + _BLOCK]).float()
        luma = block[..., 0] if block.shape[-1] == 1 else block[..., :3] @ torch.tensor(LUMA)
        shrunk = F.interpolate(luma[:, None], (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
        small[first : first + _BLOCK] = shrunk[:, 0].round().to(torch.uint8).numpy()
    return small


def hashes(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """N SIDE SIDE -> 64 bits for each."""
    bits = np.empty(len(small), np.uint64)
    for first in range(0, len(small), _BLOCK):
        block = small[first : first + _BLOCK].astype(np.float32)
        waves = (_COSINES @ block @ _COSINES.T).reshape(len(block), 64)
        above = waves > np.median(waves[:, 1:], axis=1, keepdims=True)  # the first is the brightness
        bits[first : first + _BLOCK] = np.packbits(above, axis=1).view(np.uint64)[:, 0]
    return bits
