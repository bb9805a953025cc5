"""Every mode of image as 8 or 16 bits in the channels of the canvas.

| what is in the file                 | what becomes of it                                                            |
|-------------------------------------|-------------------------------------------------------------------------------|
| 1, L, RGB, RGBA                     | as they are (1 bit: 0 and 255); on a canvas of 16 bits x 257                  |
| P, PA                               | the colors of the palette                                                    |
| CMYK, YCbCr, LAB                    | RGB                                                                           |
| I;16, I (32 bits), F (floats)       | from black to white as the canvas' rendering has it (rendering.py), on 8 or 16 bits; |
|                                     | beyond these levels they are clipped                                          |
| RGB of 16 bits                      | the same                                                                      |
| 16 bits in each of other channels   | the high byte (Pillow keeps no more), on a canvas of 16 bits too              |
| alpha (LA, RGBA, a palette's, tRNS) | composited on the rendering's background, unless the canvas has 4 channels    |
| tRNS of 16 bits                     | nothing: the color that it names is shown as it is stored                       |
| .npy of bool                        | black and white                                                               |
| .npy of uint8, uint16, ...          | by its numbers as L, I;16, I and F above; 1, 3, 4 channels: gray, RGB, RGBA   |
| .npy of other numbers of channels   | as they are, on a canvas of just as many channels; elsewhere refused          |

NaN and infinite values are refused. Gray is luma (ITU-R 601). Color profiles are not applied.
"""

from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data.decoding.rendering import AS_STORED, BACKGROUNDS, Rendering
from striate.data.decoding.resize import Pixels
from striate.data.settings import Background
from striate.data.skipped_files import Unreadable

__all__ = [
    "GRAY_MODES",
    "LUMA",
    "PILLOW_MODES",
    "WIDE_MODES",
    "Decoded",
    "as_image",
    "own_bits",
    "own_channels",
    "to_channels",
    "to_pixels",
]

WIDE_MODES: Final = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")  # more than 8 bits, and one channel
GRAY_MODES: Final = ("1", "L", "LA", "La", *WIDE_MODES)  # an image of these has no color
PILLOW_MODES: Final = MappingProxyType({1: "L", 3: "RGB", 4: "RGBA"})  # by number of channels
LUMA: Final = (0.299, 0.587, 0.114)  # the gray of red, green and blue: ITU-R BT.601
_BLOCK: Final = 2**16  # values that are scaled at a time

Decoded = Image.Image | npt.NDArray[Any]  # arrays: H W C of any real numbers


def own_channels(mode: str, transparent: bool) -> int:
    """How many channels a Pillow image of this mode fills: 4 with transparency, else 3 with color, else 1."""
    return 4 if transparent else 1 if mode in GRAY_MODES else 3


def own_bits(decoded: Decoded) -> Literal[8, 16]:
    """8 where 8 bits hold all that was decoded, else 16."""
    wide = decoded.mode in WIDE_MODES if isinstance(decoded, Image.Image) else decoded.dtype.itemsize > 1
    return 16 if wide else 8


def to_pixels(decoded: Decoded, channels: int, bits: int, rendering: Rendering = AS_STORED) -> Pixels:
    """H W C, uint8 or uint16. ValueError for NaN or infinite values, Unreadable for channels that do not convert."""
    if isinstance(decoded, Image.Image) and decoded.mode in WIDE_MODES:
        decoded = np.asarray(decoded)[..., None]
    if isinstance(decoded, Image.Image):
        return _scaled(_as_pixels(to_channels(decoded, channels, rendering.background)), bits, rendering)
    if decoded.dtype == np.uint8:  # as Pillow's images of 8 bits, so that both give the same
        return _scaled(_converted(decoded, channels, rendering.background), bits, rendering)
    return _converted(_scaled(decoded, bits, rendering), channels, rendering.background)


def to_channels(image: Image.Image, channels: int, background: Background = "white") -> Image.Image:
    """An image of 8 bits in mode L, RGB or RGBA for 1, 3 or 4 channels. Raises Unreadable for other numbers."""
    if channels not in PILLOW_MODES:
        raise _not_convertible(own_channels(image.mode, image.has_transparency_data), channels)
    mode = PILLOW_MODES[channels]
    if image.mode == "LAB":
        image = image.convert("RGB")
    if image.has_transparency_data and mode != "RGBA":
        image = _composited(image.convert("RGBA"), background)
    return image if image.mode == mode else image.convert(mode)


def as_image(pixels: Pixels) -> Image.Image:
    """H W C uint8 of 1, 3 or 4 channels as a Pillow image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _as_pixels(image: Image.Image) -> Pixels:
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _composited(image: Image.Image, background: Background) -> Image.Image:
    behind = Image.new("RGB", image.size, (BACKGROUNDS[background],) * 3)
    behind.paste(image, mask=image)
    return behind


def _scaled(values: npt.NDArray[Any], bits: int, rendering: Rendering) -> Pixels:
    """H W C of any real numbers as uint8 or uint16, from black to white."""
    if values.dtype == np.uint8:
        return values if bits == 8 else values.astype(np.uint16) * np.uint16(257)
    black, white = rendering.levels(values)
    if values.dtype.kind == "u" and values.itemsize == 2 and bits == 16 and (black, white) == (0, 65535):
        return values.astype(np.uint16)  # in this machine's byte order
    scaled: Pixels = np.empty(values.shape, np.uint8 if bits == 8 else np.uint16)
    full_scale = 2**bits - 1
    step = max(
        1, _BLOCK // values[0].size
    )  # rows at a time: float64 of a whole large image would take 8 times its memory
    for row in range(0, len(values), step):
        share = (values[row : row + step].astype(np.float64) - black) / (white - black)
        scaled[row : row + step] = np.rint(share.clip(0, 1) * full_scale)
    return scaled


def _converted(pixels: Pixels, channels: int, background: Background) -> Pixels:
    # pixels: H W C
    there = pixels.shape[2]
    if there == channels:
        return pixels
    if there not in PILLOW_MODES or channels not in PILLOW_MODES:
        raise _not_convertible(there, channels)
    if pixels.dtype == np.uint8:
        return _as_pixels(to_channels(as_image(pixels), channels, background))
    white = np.float32(65535)
    colors: npt.NDArray[np.float32] = pixels[..., :3].astype(np.float32)
    if there == 4:
        share = pixels[..., 3:].astype(np.float32) / white
        colors = colors * share + np.float32(257 * BACKGROUNDS[background]) * (1 - share)
    if channels == 1:
        colors = (colors @ np.array(LUMA, np.float32))[..., None]
    elif there == 1:
        colors = colors.repeat(3, -1)
    if channels == 4:
        colors = np.concatenate([colors, np.full_like(colors[..., :1], white)], -1)
    return np.rint(colors).astype(np.uint16)


def _not_convertible(there: int, wanted: int) -> Unreadable:
    return Unreadable(
        "unreadable", f"{there} channels where {wanted} are wanted; only 1, 3 and 4 convert into one another"
    )
