"""A View is how a network looks at an image: where each pixel goes (3x3) and what becomes of its color (4x4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final, get_args

import torch
from torch import Tensor

from striate.views.bends import displace, undo_displacement
from striate.views.colors import recolor, room_for_colors
from striate.views.geometry import compose, determinant, invert, move
from striate.views.keypoints import hide_outside, swap_sides
from striate.views.outlines import MovedBoxes, clip, keep_visible, outline, upright
from striate.views.resizing import is_whole_box, resize_boxes
from striate.views.slicing import is_exact, slice_images
from striate.views.warping import Border, pick_classes, warp_back, warp_images

__all__ = ["View"]


@final
@dataclass(frozen=True, eq=False)
class View:
    """One look at each of B images: what belongs to an image moves by its `place`, and comes back by the inverse.

    Any field may have a batch of 1, or be expanded from one, where all samples share it: that is the cheap case. All
    are small and best kept on the CPU, wherever the images are: then choosing the exact path waits for nothing.

    Outside the image is black, color 0 before `tint`: what a digit's background, a letterbox and the padded crop of
    the published CIFAR recipes are, so brightness and normalization act on it as on any black pixel. Photographs have
    no natural outside: a policy for them should crop within the image, or let its `border` go on.
    """

    place: Tensor  # B 3 3 float32, a homography: image pixels -> network pixels; corners at 0 and W, not pixel centers
    tint: (
        Tensor  # B C+1 C+1 float32: colors in 0..1, and 1 -> network values; holds the normalization; last row 0 0 .. 1
    )
    size: tuple[int, int]  # height, width that the network sees
    border: Border = "black"  # beyond the image: black, its nearest pixel, or its mirror image (edge pixels twice)
    bend: Tensor | None = (
        None  # B 2 gh gw float32, network pixels, after `place`: network pixel u shows what was at u + d(u)
    )

    def __post_init__(self) -> None:
        if self.place.ndim != 3 or self.place.shape[1:] != (3, 3):
            raise ValueError(f"place must be B 3 3, not {tuple(self.place.shape)}")
        if self.tint.ndim != 3 or self.tint.shape[1] != self.tint.shape[2] or self.tint.shape[1] < 2:
            raise ValueError(f"tint must be B C+1 C+1, not {tuple(self.tint.shape)}")
        if not self.place.dtype == self.tint.dtype == torch.float32:
            raise TypeError(f"place and tint must be float32, not {self.place.dtype} and {self.tint.dtype}")
        if self.border not in get_args(Border):
            raise ValueError(f"border must be one of {', '.join(get_args(Border))}, not {self.border!r}")
        if self.bend is not None and (
            self.bend.ndim != 4 or self.bend.shape[1] != 2 or self.bend.dtype != torch.float32
        ):
            raise ValueError(f"bend must be B 2 gh gw float32, not {tuple(self.bend.shape)} {self.bend.dtype}")

    def image(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """What the network sees: B C H W, uint8 or float in 0..1 -> B C h w float32, channels last.

        `out` is such a batch whose memory may be written over: to ask the system for more takes longer than to fill it.
        """
        seen = self.resample(images, out)
        return self.color(seen, room_for_colors(seen, images, out))

    def resample(self, originals: Tensor, out: Tensor | None = None) -> Tensor:
        """The geometry alone: B C H W -> B C h w; uint8 is 0..255 and float 0..1, before and after.

        A sample that is flipped and moved by whole pixels at most is sliced: exact to the bit, perhaps sharing memory
        with `images`. A crop of whole pixels is resized. Both keep the dtype. Else it is one bilinear warp to float32,
        after a box reduce where it shrinks more than twice. Where one sample is warped, all are given as float32, in
        `out` if there is one.
        """
        if originals.dtype != torch.uint8 and not originals.is_floating_point():
            raise TypeError(f"images are uint8 or float, not {originals.dtype}")
        place = self._place(originals)
        if self.bend is not None:
            return warp_images(originals, place, self.size, self.border, _shared(self.bend), out)
        exact = is_exact(place)
        if exact.all():
            return slice_images(originals, place, self.size, self.border)
        height, width = originals.shape[-2:]
        boxes = is_whole_box(place, (height, width), self.size) & ~exact
        if boxes.all():
            return resize_boxes(originals, place, self.size)
        if not (exact | boxes).any():
            return warp_images(originals, place, self.size, self.border, out=out)

        # Each by its own path, so that what a sample sees does not depend on its company.
        warped = ~(exact | boxes)
        kept = torch.float32 if warped.any() else originals.dtype
        images = out
        if images is None or images.dtype != kept or originals.requires_grad:
            images = originals.new_empty((len(originals), *self.size, originals.shape[1]), dtype=kept).permute(
                0, 3, 1, 2
            )
        for chosen in (exact, boxes, warped):
            if chosen.any():
                here = chosen.nonzero()[:, 0].to(originals.device)
                seen = replace(self, place=place[chosen]).resample(originals[here])
                images[here] = seen * (1 / 255) if seen.dtype == torch.uint8 != kept else seen.to(kept)
        return images

    def color(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """The colors alone: B C h w, uint8 or float in 0..1 -> B C h w float32, channels last, in `out` if it is given."""
        return recolor(images, _shared(self.tint), out)

    def mask(self, masks: Tensor, ignore: int = -1) -> Tensor:
        """The nearest class of each network pixel: B H W, integer ids -> B h w int64; outside is `ignore`."""
        if masks.is_floating_point() or masks.ndim != 3:
            raise TypeError(f"masks are B H W integers, not {tuple(masks.shape)} {masks.dtype}")
        place = self._place(masks)
        if self.bend is None and is_exact(place).all():
            return slice_images(masks[:, None].long() - ignore, place, self.size)[:, 0] + ignore
        return pick_classes(masks.long(), place, self.size, ignore, self.bend)

    def points(self, points: Tensor) -> Tensor:
        """Image -> network: B N 2 (x, y in pixels, corners at 0 and W) -> B N 2 float32."""
        moved = move(points, self.place.to(points.device))
        return moved if self.bend is None else undo_displacement(moved, self.bend.to(points.device), self.size)

    def inverse_points(self, points: Tensor) -> Tensor:
        """Network -> image: B N 2 -> B N 2 float32."""
        if self.bend is not None:
            points = displace(points, self.bend.to(points.device), self.size)
        return move(points, invert(self.place).to(points.device))

    def boxes(self, boxes: Tensor, valid: Tensor | None = None, least_visible: float = 0.25) -> MovedBoxes:
        """Image -> network: B N 4 (x1, y1, x2, y2), of which `valid` B N bool are no padding (None: all are).

        Each becomes the upright box of its moved outline, clipped to the frame. It is dropped where less than
        `least_visible` of its moved area is left or a side is under a pixel.
        """
        valid = torch.ones_like(boxes[..., 0], dtype=torch.bool) if valid is None else valid
        steps = self._outline_steps()
        outlines = self.points(outline(boxes.where(valid[..., None], 0), steps))
        return keep_visible(upright(outlines, steps), valid, self.size, least_visible)

    def inverse_boxes(self, boxes: Tensor, image: tuple[int, int] | None = None) -> Tensor:
        """Network -> image: B N 4 -> B N 4 float32, clipped to an image of (height, width) if it is given."""
        steps = self._outline_steps()
        moved = upright(self.inverse_points(outline(boxes, steps)), steps)
        return moved if image is None else clip(moved, image)

    def keypoints(
        self, points: Tensor, visible: Tensor, pairs: Sequence[tuple[int, int]] = ()
    ) -> tuple[Tensor, Tensor]:
        """Image -> network: B N P 2 and B N P (bool, or COCO's 0, 1, 2) -> the same; what is outside is not visible.

        `pairs` are the (left, right) among the P points of a thing: they change places in a mirrored sample.
        """
        moved = self.points(points.flatten(1, 2)).view(points.shape)
        moved, visible = swap_sides(moved, visible, determinant(self.place) < 0, pairs)
        return moved, hide_outside(moved, visible, self.size)

    def inverse_image(self, maps: Tensor, image: tuple[int, int]) -> Tensor:
        """Lay what the network sees or says, B C h w, on an image of (height, width): B C H W, 0 where it saw nothing.

        `maps` may be coarser than what the network sees: they are stretched over `size` first.
        """
        if self.bend is not None:
            return warp_back(maps, self._place(maps), self.size, image, _shared(self.bend))
        height, width = maps.shape[-2:]
        cells = torch.tensor([self.size[1] / width, self.size[0] / height, 1.0], device=self.place.device)
        return View(invert(self.place) * cells, self.tint, image).resample(maps)

    def then(self, place: Tensor, size: tuple[int, int] | None = None) -> "View":
        """This view, then `place` (B 3 3 or 1 3 3, network pixels -> network pixels), at the same size or at `size`."""
        if self.bend is not None:
            raise ValueError("a bend comes last: compose places first, then bend")
        return replace(self, place=compose(place, self.place), size=size or self.size)

    def _place(self, batch: Tensor) -> Tensor:
        """`place`, one row for all where it is shared."""
        place = _shared(self.place)
        if len(place) not in (1, len(batch)):
            raise ValueError(f"{len(batch)} images meet a view with {len(place)} places")
        return place

    def _outline_steps(self) -> int:
        """Straight lines stay straight by a homography: the corners of a box are enough."""
        return 1 if self.bend is None else 16


def _shared(matrices: Tensor) -> Tensor:
    """One row for all samples where `matrices` was expanded from one."""
    return matrices[:1] if matrices.stride(0) == 0 else matrices
