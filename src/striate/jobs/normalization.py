"""The normalization of a run: mean and deviation by name, or those of the training images."""

import math

import torch

from striate.data import Images
from striate.errors import SettingError
from striate.training import Recipe
from striate.views import Normalization

IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SMALLEST = 1e-3  # deviation; a channel with less is constant, and dividing by one leaves it at nought


def check_normalization(recipe: Recipe) -> None:
    """SettingError where the figures of ImageNet are asked for and there are not its three channels."""
    if recipe.data.normalize == "imagenet" and recipe.model.channels != 3:
        raise SettingError(
            f"normalize = 'imagenet': has figures for 3 channels and the images have {recipe.model.channels}; "
            "say --channels 3, or --normalize data"
        )


def normalization_of(name: str, images: Images) -> Normalization:
    """The normalization of this name; "data" measures mean and deviation of all values, in whole numbers, so exactly."""
    count, height, width, channels = images.shape
    if name == "unit":
        return Normalization((0.0,) * channels, (1.0,) * channels)
    if name == "symmetric":
        return Normalization((0.5,) * channels, (0.5,) * channels)
    if name == "imagenet":
        return IMAGENET
    values, full_scale = count * height * width, 255 if images.dtype == torch.uint8 else 65535
    mean, std = [], []
    for total, squares in images.measurements.channel_sums():
        mean.append(total / (values * full_scale))
        deviation = math.sqrt(values * squares - total * total) / (values * full_scale)
        std.append(deviation if deviation > SMALLEST else 1.0)
    return Normalization(tuple(mean), tuple(std))
