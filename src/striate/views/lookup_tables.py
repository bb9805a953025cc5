"""Lookup tables: what becomes of each of the 256 values of a channel.

Tables are B C 256 uint8, or B 1 256 where the channels share one. They are small, hence made by exact arithmetic: the
same bits on every device and thread count, and in any batch. Factors and thresholds are B float64.

Those of the published policies follow Pillow and torchvision to the bit: they clamp to 0..255, and round down.
"""

import torch
from torch import Tensor

__all__ = [
    "auto_contrast",
    "brighten",
    "change_contrast",
    "clamp_to_uint8",
    "equalize",
    "gamma",
    "gray",
    "invert",
    "look_up",
    "posterize",
    "solarize",
    "to_uint8",
]

LUMA = (2989.0, 5870.0, 1140.0)  # ten thousandths: BT.601 as torchvision rounds it


def look_up(images: Tensor, tables: Tensor) -> Tensor:
    """B C h w uint8 by B C 256 (or B 1 256) -> B C h w uint8."""
    count, channels = images.shape[:2]
    tables = tables.expand(-1, channels, -1)
    row = torch.arange(count * channels, dtype=torch.int32, device=images.device).view(count, channels, 1, 1)
    index = images.to(torch.int32, memory_format=torch.contiguous_format).add_(256 * row)
    return tables.reshape(-1).index_select(0, index.view(-1)).view(images.shape)


def brighten(factors: Tensor) -> Tensor:
    """Each value times a factor."""
    return clamp_to_uint8(_values(factors) * factors.float()[:, None, None])


def change_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Each value times a factor about the mean gray of the image, B C h w."""
    height, width = images.shape[-2:]
    mean = gray(images).sum((1, 2, 3), dtype=torch.float64).float() / (height * width)  # whole numbers: exact
    scaled = _values(factors) * factors.float()[:, None, None]
    rest = mean.double() * (1 - factors).float().double()
    # the sum is rounded once, as by a fused multiply-add
    return clamp_to_uint8(scaled.double() + rest[:, None, None])


def auto_contrast(images: Tensor) -> Tensor:
    """Stretch each channel of B C h w so that its darkest pixel is 0 and its brightest 255; one of a single value stays."""
    flat = images.flatten(2)
    low, high = flat.amin(2).float()[:, :, None], flat.amax(2).float()[:, :, None]  # B C 1
    constant = low == high
    unit = torch.where(constant, 1.0, (high - low) * (1 / 255))
    return clamp_to_uint8((_values(images) - torch.where(constant, 0.0, low)) / unit)


def equalize(images: Tensor) -> Tensor:
    """Spread the values of each channel of B C h w so that all are about as frequent, by Pillow's rule."""
    count, channels, height, width = images.shape
    row = torch.arange(count * channels, dtype=torch.int32, device=images.device).view(count, channels, 1, 1)
    index = images.to(torch.int32).add_(256 * row)
    histogram = torch.bincount(index.flatten(), minlength=count * channels * 256).view(count, channels, 256)
    sums = histogram.cumsum(2)
    brightest = histogram.gather(2, sums.argmax(2, keepdim=True))  # how many pixels have the greatest value
    step = (height * width - brightest) // 255
    before = torch.cat([torch.zeros_like(sums[:, :, :1]), sums[:, :, :-1]], 2)
    spread = ((before + step // 2) // step.clamp(min=1)).clamp(max=255).to(torch.uint8)
    return torch.where(step > 0, spread, _values(images).to(torch.uint8))


def posterize(bits: Tensor) -> Tensor:
    """Keep the highest `bits`, 0 to 8, of each value."""
    unit = 2.0 ** (8 - bits.float())[:, None, None]
    return clamp_to_uint8((_values(bits) / unit).floor() * unit)


def solarize(thresholds: Tensor) -> Tensor:
    """Invert the values that are at least a threshold, 0 to 256."""
    values = _values(thresholds)
    return torch.where(values >= thresholds.float()[:, None, None], 255 - values, values).to(torch.uint8)


def invert(count: int, device: torch.device) -> Tensor:
    """255 less each value: B 1 256."""
    return torch.arange(255, -1, -1, dtype=torch.uint8, device=device).expand(count, 1, -1)


def gamma(exponents: Tensor) -> Tensor:
    """Each value, as a share of 255, to a power above 0; rounded."""
    share = (_values(exponents).double() / 255).log()  # of 0: minus infinity, which any exponent takes back to 0
    return clamp_to_uint8(((share * exponents[:, None, None]).exp() * 255).round())


def gray(images: Tensor) -> Tensor:
    """B C h w uint8 -> B 1 h w float32 whole numbers: the luma of RGB rounded down; of other channels their mean."""
    if images.shape[1] != 3:
        return images.float().mean(1, keepdim=True)
    red, green, blue = (channel.float() * luma for channel, luma in zip(images.split(1, 1), LUMA, strict=True))
    return red.add_(green).add_(blue).div_(10_000).floor_()  # sums of whole numbers below 2^24: exact


def to_uint8(images: Tensor) -> Tensor:
    """uint8 as it is; float in 0..1 -> uint8, rounded."""
    if images.dtype == torch.uint8:
        return images
    return clamp_to_uint8((images.float() * 255).round_())


def clamp_to_uint8(values: Tensor) -> Tensor:
    """Float numbers of 0..255 -> uint8: clamped, and rounded down."""
    # by way of int16, as torch turns float into uint8 five times slower
    return values.float().clamp(0, 255).to(torch.int16).to(torch.uint8)


def _values(like: Tensor) -> Tensor:
    """0 .. 255, as 1 1 256 float32."""
    return torch.arange(256.0, device=like.device)[None, None]
