"""A batch of photographs is worked through a few at a time, so that what is written in between stays in the cache.

Fresh memory is the dearest part of such work on a CPU: the 38 MB of 64 images of 224 pixels, asked of the system and
given back each time, take longer than to fill them. Measured for a color matrix or a warp: half the time.
"""

from typing import Final

from torch import Tensor

__all__ = ["parts"]

PART: Final = 1 << 20  # numbers


def parts(images: Tensor) -> list[slice]:
    """Runs of samples that cover B C h w; the whole batch at once elsewhere than on a CPU."""
    together = max(1, len(images))
    if images.device.type == "cpu" and len(images):
        together = max(1, PART // images[0].numel())
    return [slice(first, first + together) for first in range(0, len(images), together)]
