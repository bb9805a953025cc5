"""Every mode of picture as 8 bits of grey, RGB or RGBA.

| what is in the file                 | what becomes of it                                                            |
|-------------------------------------|-------------------------------------------------------------------------------|
| 1, L, RGB, RGBA                     | as they are (1 bit: 0 and 255)                                                |
| P, PA                               | the colours of the palette                                                    |
| CMYK, YCbCr, LAB                    | RGB                                                                           |
| I;16 in any byte order              | value / 257, rounded: 0..65535 becomes 0..255                                 |
| I (32-bit integers)                 | as 16 bit where all values lie in 0..65535, else stretched, see below         |
| F (floating point)                  | value x 255 where all values lie in 0..1, else stretched, see below           |
| 16 bits in each of several channels | the high byte (Pillow keeps no more)                                          |
| alpha (LA, RGBA, a palette's, tRNS) | composited on white, unless the canvas has 4 channels                         |

Stretched: the picture's own least value becomes 0 and its greatest 255, since the file does not say what full scale is.
Nothing is clipped. NaN and infinite values are refused. Grey is luma (ITU-R 601). Colour profiles are not applied.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["GREY_MODES", "to_channels"]

GREY_MODES = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N", "I", "F")  # a picture of these has no colour
_PILLOW_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def to_channels(picture: Image.Image, channels: int) -> Image.Image:
    """The picture in mode L, RGB or RGBA for 1, 3 or 4 channels. ValueError for NaN or infinite values."""
    mode = _PILLOW_MODES[channels]
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = Image.fromarray(_eight_bits(np.asarray(picture)))
    elif picture.mode == "LAB":
        picture = picture.convert("RGB")
    if picture.has_transparency_data and mode != "RGBA":
        picture = _on_white(picture.convert("RGBA"))
    return picture if picture.mode == mode else picture.convert(mode)


def _on_white(picture: Image.Image) -> Image.Image:
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture)
    return white


def _eight_bits(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    # values: H W, uint16 in either byte order, int32 or float32
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low) or not np.isfinite(high):  # NaN is carried through min and max
        raise ValueError("the picture holds NaN or infinite values")
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        low, full_scale = 0.0, 1.0
    elif values.dtype.kind != "f" and low >= 0 and high <= 65535:
        low, full_scale = 0.0, 65535.0
    else:
        full_scale = high - low or 1.0  # a constant picture becomes 0
    scaled = np.empty(values.shape, np.uint8)
    for row, line in zip(
        scaled, values, strict=True
    ):  # by rows: float64 of a whole large picture would take 8 times its memory
        row[:] = np.rint((line.astype(np.float64) - low) * (255 / full_scale))
    return scaled
