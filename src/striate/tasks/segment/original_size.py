"""Predictions brought back to the pixels of the file, where masks are measured and written."""

from typing import Final

import torch
from torch import Tensor

from striate.data.targets import IGNORE
from striate.views import View

__all__ = ["mask_at_original_size"]

TOGETHER: Final = 2**24  # numbers of a map of several classes at the size of the file: 64 MiB


def mask_at_original_size(probabilities: Tensor, view: View, size: tuple[int, int]) -> Tensor:
    """The most probable class of each pixel of the file: 1 K h w -> H W int64; IGNORE where the network was shown nothing.

    view: of this one image, from the pixels of the file, H W, to those of the network.
    """
    height, width = size
    some = max(1, TOGETHER // (height * width))  # classes at a time
    best, mask = view.inverse_image(probabilities[:, :some], size)[0].max(0)
    for first in range(some, probabilities.shape[1], some):
        highest, at = view.inverse_image(probabilities[:, first : first + some], size)[0].max(0)
        mask = torch.where(highest > best, at + first, mask)
        best = torch.maximum(best, highest)
    return mask.masked_fill_(best <= 0, IGNORE)
