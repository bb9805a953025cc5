"""Small images of known values, and how tests decode them."""

import numpy as np
import numpy.typing as npt

from striate.data import Canvas, Limits, decode_image

LIMITS = Limits()
H, W = 16, 16
GRAY, RGB, RGBA = Canvas(H, W, 1), Canvas(H, W, 3), Canvas(H, W, 4)
RAMP = np.arange(256, dtype=np.uint8).reshape(H, W)
COLORS = np.stack([RAMP, RAMP.T, 255 - RAMP], -1)  # H W 3


def decode(content: bytes, canvas: Canvas) -> npt.NDArray[np.int64]:
    return decode_image(content, canvas, LIMITS).astype(np.int64)
