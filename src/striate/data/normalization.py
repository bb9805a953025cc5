"""The normalization of a run: mean and standard deviation by name, or those of the training images."""

import math

import torch

from striate.data.images import Images
from striate.errors import SettingError
from striate.views import Normalization

IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
__all__ = ["check_normalization", "normalization_of"]

SMALLEST_STD = 1e-3  # a channel with less is constant; it is divided by 1 and stays 0


def check_normalization(name: str, channels: int | None) -> None:
    """Raise SettingError where ImageNet's statistics are asked for and images do not have three channels."""
    if name == "imagenet" and channels != 3:
        raise SettingError(
            f"normalize = 'imagenet': has statistics for 3 channels and the images have {channels}; "
            "use --channels 3, or --normalize data"
        )


def normalization_of(name: str, images: Images) -> Normalization:
    """The normalization of this name; "data" measures mean and std of all values, exactly, in integers.

    Of images that keep their own size the black around them does not count.

    That of initial weights, "weights", is not here: the weights tell it.
    """
    channels = images.shape[-1]
    if name == "unit":
        return Normalization((0.0,) * channels, (1.0,) * channels)
    if name == "symmetric":
        return Normalization((0.5,) * channels, (0.5,) * channels)
    if name == "imagenet":
        return IMAGENET
    measured, full_scale = images.measurements, 255 if images.dtype == torch.uint8 else 65535
    values = int(measured.pixels.sum())
    mean, std = [], []
    for total, squares in measured.channel_sums():
        mean.append(total / (values * full_scale))
        spread = math.sqrt(values * squares - total * total) / (values * full_scale)
        std.append(spread if spread > SMALLEST_STD else 1.0)
    return Normalization(tuple(mean), tuple(std))
