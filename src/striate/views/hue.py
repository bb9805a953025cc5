"""Hue, linearly: a rotation of RGB about its gray axis, which leaves grays and the sum of the channels as they are.

Hue in the sense of HSV is no matrix; this turn is, so it joins brightness, contrast and saturation in the color.
"""

import torch
from torch import Tensor

__all__ = ["turn_hue"]


def turn_hue(degrees: Tensor, channels: int) -> Tensor:
    """B -> B C+1 C+1 float32; other than three channels are left alone. 120 degrees take red to green.

    Source: the rotation about (1, 1, 1) by Rodrigues' formula.
    """
    eye = torch.eye(channels + 1, device=degrees.device).repeat(len(degrees), 1, 1)
    if channels != 3:
        return eye
    angle = degrees.deg2rad()[:, None, None]
    across = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]], device=degrees.device) / 3**0.5
    eye[:, :3, :3] = angle.cos() * eye[:, :3, :3] + (1 - angle.cos()) / 3 + angle.sin() * across
    return eye
