"""A View is how a network looks at a picture: where each pixel goes (3x3) and what becomes of its colour (4x4)."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from striate.views.colours import recolour
from striate.views.geometry import compose, invert, move
from striate.views.slicing import is_exact, slice_pictures
from striate.views.warping import warp_pictures

__all__ = ["View"]


@final
@dataclass(frozen=True, eq=False)
class View:
    """One look at each of B pictures: what belongs to a picture moves by its `place`, and comes back by the inverse.

    Either matrix may have a batch of 1, or be expanded from one, where all samples share it: that is the cheap case.
    Both are small and best kept on the CPU, wherever the pictures are: then choosing the exact path waits for nothing.

    Outside the picture is black, colour 0 before `tint`: what a digit's background, a letterbox and the padded crop of
    the published CIFAR recipes are, so brightness and normalization act on it as on any black pixel. Photographs have
    no natural outside: a policy for them should crop within the picture.
    """

    place: Tensor  # B 3 3 float32, affine: picture pixels -> network pixels; corners at 0 and W, not pixel centres
    tint: Tensor  # B C+1 C+1 float32: colours in 0..1, and 1 -> network values; holds the normalization; last row 0 0 .. 1
    size: tuple[int, int]  # height, width that the network sees

    def __post_init__(self) -> None:
        if self.place.ndim != 3 or self.place.shape[1:] != (3, 3):
            raise ValueError(f"place must be B 3 3, not {tuple(self.place.shape)}")
        if self.tint.ndim != 3 or self.tint.shape[1] != self.tint.shape[2] or self.tint.shape[1] < 2:
            raise ValueError(f"tint must be B C+1 C+1, not {tuple(self.tint.shape)}")
        if not self.place.dtype == self.tint.dtype == torch.float32:
            raise TypeError(f"place and tint must be float32, not {self.place.dtype} and {self.tint.dtype}")

    def image(self, pictures: Tensor) -> Tensor:
        """What the network sees: B C H W, uint8 or float in 0..1 -> B C h w float32, channels last."""
        return self.colour(self.resample(pictures))

    def resample(self, pictures: Tensor) -> Tensor:
        """The geometry alone: B C H W -> B C h w; uint8 is 0..255 and float 0..1, before and after; outside is 0.

        If every sample is flipped and moved by whole pixels at most, they are sliced: exact to the bit, dtype kept,
        perhaps sharing memory with `pictures`. Else it is one bilinear warp to float32, after a box reduce where it
        shrinks more than twice.
        """
        if pictures.dtype != torch.uint8 and not pictures.is_floating_point():
            raise TypeError(f"pictures are uint8 or float, not {pictures.dtype}")
        place = _shared(self.place)
        if len(place) not in (1, len(pictures)):
            raise ValueError(f"{len(pictures)} pictures meet a view with {len(place)} places")
        if is_exact(place).all():
            return slice_pictures(pictures, place, self.size)
        return warp_pictures(pictures, place, self.size)

    def colour(self, images: Tensor) -> Tensor:
        """The colours alone: B C h w, uint8 or float in 0..1 -> B C h w float32, channels last."""
        return recolour(images, _shared(self.tint))

    def points(self, points: Tensor) -> Tensor:
        """Picture -> network: B N 2 (x, y in pixels, corners at 0 and W) -> B N 2 float32."""
        return move(points, self.place.to(points.device))

    def inverse_points(self, points: Tensor) -> Tensor:
        """Network -> picture: B N 2 -> B N 2 float32."""
        return move(points, invert(self.place).to(points.device))

    def inverse_image(self, maps: Tensor, picture: tuple[int, int]) -> Tensor:
        """Lay what the network sees or says, B C h w, on a picture of (height, width): B C H W, 0 where it saw nothing.

        `maps` may be coarser than what the network sees: they are stretched over `size` first.
        """
        height, width = maps.shape[-2:]
        cells = torch.tensor([self.size[1] / width, self.size[0] / height, 1.0], device=self.place.device)
        return View(invert(self.place) * cells, self.tint, picture).resample(maps)

    def then(self, place: Tensor, size: tuple[int, int] | None = None) -> "View":
        """This view, then `place` (B 3 3 or 1 3 3, network pixels -> network pixels), at the same size or at `size`."""
        return View(compose(place, self.place), self.tint, size or self.size)


def _shared(matrices: Tensor) -> Tensor:
    """One row for all samples where `matrices` was expanded from one."""
    return matrices[:1] if matrices.stride(0) == 0 else matrices
