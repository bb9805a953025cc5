"""What is measured of pixels in whole numbers, so that it does not depend on order or threads: fingerprints and sums."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Moments", "content_hashes", "moments"]

Moments = npt.NDArray[np.int64]  # C 2: sum and sum of squares of each channel


def content_hashes(images: Tensor) -> npt.NDArray[np.uint64]:
    """64 bits for each image, equal where the pixels are: N H W C -> N.

    The sum of its 8-byte words times random odd numbers; unequal images hardly ever share one.
    """
    rows = images.flatten(1).numpy().view(np.uint8)  # N bytes
    rest = -rows.shape[1] % 8
    factors = np.random.Philox(0).random_raw((rows.shape[1] + rest) // 8) | np.uint64(1)
    words = np.pad(rows, ((0, 0), (0, rest))).view(np.uint64)
    return (words ^ words >> np.uint64(32)) @ factors  # a top bit alone would hardly count


def moments(images: Tensor) -> Moments:
    """Sum and sum of squares of each channel's values, exact, by counting how often each value is there: N H W C -> C 2."""
    values = 256 if images.dtype == torch.uint8 else 65536
    channels = images.flatten(0, -2).to(torch.uint8 if values == 256 else torch.int32).unbind(1)
    counts = [torch.bincount(channel, minlength=values) for channel in channels]
    value = torch.arange(values)
    return torch.stack([torch.stack([(n * value).sum(), (n * value * value).sum()]) for n in counts]).numpy()
