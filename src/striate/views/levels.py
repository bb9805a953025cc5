"""The 256 levels of an image as it is stored: from float numbers and back."""

import torch
from torch import Tensor

__all__ = ["as_levels", "cut_off"]


def as_levels(images: Tensor) -> Tensor:
    """uint8 as it is; float in 0..1 -> uint8, rounded."""
    if images.dtype == torch.uint8:
        return images
    return cut_off((images.float() * 255).round_())


def cut_off(values: Tensor) -> Tensor:
    """Float numbers of levels -> uint8: cut off at 0 and 255, and rounded down."""
    # by way of int16, as torch turns float into uint8 five times slower
    return values.float().clamp(0, 255).to(torch.int16).to(torch.uint8)
