"""Color as 4x4 matrices: brightness, contrast, saturation, hue and the normalization, composed to one a sample.

Elementwise only, like the geometry: a matrix product would be rounded under autocast or TF32, and gains little at 3x3.
"""

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from striate.errors import SettingError
from striate.views.chunks import chunks

__all__ = ["Normalization", "color_buffer", "color_jitter", "image_means", "recolor", "rotate_hue"]

LUMA: Final = (0.299, 0.587, 0.114)  # the gray of red, green and blue: ITU-R BT.601


@final
@dataclass(frozen=True)
class Normalization:
    """(color - mean) / std of each channel, colors in 0..1. Raises SettingError for figures that no images have."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.mean or len(self.mean) != len(self.std):
            raise SettingError(f"normalization needs a mean and a std for each channel, not {self.mean} and {self.std}")
        if not all(0 <= mean <= 1 for mean in self.mean):
            raise SettingError(f"normalization mean must be within 0 and 1, as colors are, not {self.mean}")
        if not all(1e-3 <= std <= 1e3 for std in self.std):
            raise SettingError(f"normalization std must be within 0.001 and 1000, not {self.std}")

    def matrix(self) -> Tensor:
        """As a color matrix: 1 C+1 C+1 float32."""
        channels = len(self.mean)
        matrix = torch.eye(channels + 1)
        for channel, (mean, std) in enumerate(zip(self.mean, self.std, strict=True)):
            matrix[channel, channel], matrix[channel, channels] = 1 / std, -mean / std
        return matrix[None]


def color_jitter(
    brightness: Tensor, contrast: Tensor, saturation: Tensor, means: Tensor | None, channels: int
) -> Tensor:
    """Factors B each, 1 = as it is, applied in this order -> B C+1 C+1 float32.

    Brightness scales; contrast scales about the image's mean gray, from its `means` B C (None: contrast must be 1);
    saturation scales about each pixel's gray, which only RGB has. Nothing is clamped, so the sequence of the three is
    this matrix: the mean of a linear image is the linear image of the mean.
    """
    eye = torch.eye(channels + 1, device=brightness.device)
    luma = torch.tensor(LUMA if channels == 3 else (1 / channels,) * channels).to(eye.device, non_blocking=True)
    gain = brightness * contrast
    keep = saturation if channels == 3 else torch.ones_like(saturation)
    keep, gain = keep[:, None, None], gain[:, None, None]
    matrix = eye.repeat(len(gain), 1, 1)
    matrix[:, :channels, :channels] = gain * (keep * eye[:channels, :channels] + (1 - keep) * luma)
    if means is not None:
        matrix[:, :channels, channels] = ((1 - contrast) * brightness * (means * luma).sum(1))[:, None]
    return matrix


def rotate_hue(degrees: Tensor, channels: int) -> Tensor:
    """Rotate RGB about its gray axis: B -> B C+1 C+1 float32; other than three channels stay. 120 degrees take red to green.

    Hue in the sense of HSV is no matrix; this rotation is, and it keeps grays and the sum of the channels.
    Source: the rotation about (1, 1, 1) by Rodrigues' formula.
    """
    eye = torch.eye(channels + 1, device=degrees.device).repeat(len(degrees), 1, 1)
    if channels != 3:
        return eye
    angle = degrees.deg2rad()[:, None, None]
    across = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]], device=degrees.device) / 3**0.5
    eye[:, :3, :3] = angle.cos() * eye[:, :3, :3] + (1 - angle.cos()) / 3 + angle.sin() * across
    return eye


def image_means(images: Tensor) -> Tensor:
    """Mean color of each image: B C H W, uint8 or float in 0..1 -> B C float32 in 0..1."""
    height, width = images.shape[-2:]
    if images.dtype == torch.uint8:  # exact, whatever the threads: float32 holds each whole sum of a column
        columns = [images[chunk].to(torch.float32).sum(2) for chunk in chunks(images)]  # B C W
        return torch.cat(columns).long().sum(2).to(torch.float32) / (255 * height * width)
    return images.to(torch.float32).mean((2, 3))


def color_buffer(moved: Tensor, images: Tensor, out: Tensor | None) -> Tensor | None:
    """Where `recolor` may write its result for `moved`: into `moved` itself, unless it shares memory with `images`."""
    ours = moved.untyped_storage().data_ptr() != images.untyped_storage().data_ptr()
    fits = moved.dtype == torch.float32 and moved.is_contiguous(memory_format=torch.channels_last)
    return moved if ours and fits else out


def recolor(images: Tensor, color: Tensor, out: Tensor | None = None) -> Tensor:
    """B C h w, uint8 or float in 0..1, by B C+1 C+1 (or 1 for all) -> B C h w float32, channels last.

    It is written to `out`, which may be `images`, unless gradients flow through it.
    """
    channels = images.shape[1]
    if color.shape[1] != channels + 1 or len(color) not in (1, len(images)):
        raise ValueError(f"a color matrix {tuple(color.shape)} does not fit images {tuple(images.shape)}")
    linear, constant = color[:, :channels, :channels], color[:, :channels, channels]
    # a color is scaled before it is mixed: to the bit what becomes of a uint8 that was made a float in 0..1 earlier
    unit = 1 / 255 if images.dtype == torch.uint8 else 1.0
    diagonal = linear.diagonal(dim1=1, dim2=2)
    if channels == 1 or (color.device.type == "cpu" and linear.count_nonzero() == diagonal.count_nonzero()):
        return _scale(images, out, unit, *(one.to(images.device, non_blocking=True) for one in (diagonal, constant)))
    return _mix(images, out, unit, *(one.to(images.device, non_blocking=True) for one in (linear, constant)))


def _scale(images: Tensor, out: Tensor | None, unit: float, factor: Tensor, constant: Tensor) -> Tensor:
    """Each channel by itself: one fused multiply-add over rows of w * C numbers, their factors repeated w times."""
    if images.requires_grad:
        out, values = None, images.to(torch.float32, memory_format=torch.channels_last)
    else:
        values = out = _fresh(images) if out is None else out
        if out is not images:
            out.copy_(images)
    pixels = values.permute(0, 2, 3, 1)  # B h w C
    rows, width = pixels.view(*pixels.shape[:2], -1), pixels.shape[2]
    factor, constant = factor.repeat(1, width)[:, None], constant.repeat(1, width)[:, None]  # B 1 w*C
    rows = torch.addcmul(constant, rows, factor, value=unit, out=None if out is None else rows)
    return rows.view(pixels.shape).permute(0, 3, 1, 2)


def _mix(images: Tensor, out: Tensor | None, unit: float, linear: Tensor, constant: Tensor) -> Tensor:
    """Each channel from all of them: a multiply-add for each source channel, over planes."""
    mixed = _fresh(images) if out is None or images.requires_grad else out
    for chunk in chunks(images):
        here = chunk if len(linear) > 1 else slice(None)
        planes = images[chunk].to(torch.float32, memory_format=torch.contiguous_format)
        factor, total = linear[here, ..., None, None], constant[here, :, None, None]
        for source in range(planes.shape[1]):
            total = torch.addcmul(total, planes[:, source : source + 1], factor[:, :, source], value=unit)
        mixed[chunk] = total
    return mixed


def _fresh(images: Tensor) -> Tensor:
    return torch.empty_like(images, dtype=torch.float32, memory_format=torch.channels_last)
