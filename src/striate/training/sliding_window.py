"""A network moved over images that are larger than its input: windows overlap by half and are blended, without seams.

A window counts most at its middle, where a network knows most of what is around a pixel: by a Gaussian whose std is an eighth
of the window, as in nnU-Net (Isensee et al., Nature Methods 18, 2021).
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

__all__ = ["slide", "window_starts", "window_weights"]

SIGMA: Final = 1 / 8  # of the side of a window


def slide(model: nn.Module, images: Tensor, size: tuple[int, int], together: int) -> Tensor:
    """What the network gives for each pixel: B C H W -> B K H W float32; images of the window's size are passed on as they are.

    size: height and width of the window, the network's input; images are no smaller. together: windows in one forward pass.
    """
    if images.shape[-2:] == size:
        return model(images)
    (height, width), (rows, columns) = size, images.shape[-2:]
    places = [(y, x) for y in window_starts(rows, height) for x in window_starts(columns, width)]
    weights = window_weights(size).to(images.device)
    total = torch.zeros(rows, columns, device=images.device)
    blended: Tensor | None = None
    few = max(1, together // len(images))
    for first in range(0, len(places), few):
        some = places[first : first + few]
        windows = torch.cat([images[..., y : y + height, x : x + width] for y, x in some])  # few*B C h w
        outputs = model(windows).float()
        if blended is None:
            blended = outputs.new_zeros(len(images), outputs.shape[1], rows, columns)
        for (y, x), output in zip(some, outputs.split(len(images)), strict=True):
            blended[..., y : y + height, x : x + width] += output * weights
            total[y : y + height, x : x + width] += weights
    assert blended is not None
    return blended.div_(total)


def window_starts(side: int, window: int) -> list[int]:
    """Where windows begin along a side: evenly, from one end to the other, no farther apart than half a window."""
    steps = math.ceil((side - window) / max(1, window // 2))
    return [round(step * (side - window) / max(1, steps)) for step in range(steps + 1)]


def window_weights(size: tuple[int, int]) -> Tensor:
    """h w float32, positive, 1 at most."""
    rows, columns = (torch.exp(-0.5 * ((torch.arange(side) - (side - 1) / 2) / (SIGMA * side)) ** 2) for side in size)
    return rows[:, None] * columns
