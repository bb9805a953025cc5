"""A View maps images to network inputs: where each pixel goes (3x3) and what becomes of its color (4x4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final, get_args

import torch
from torch import Tensor

from striate.views.boxes_and_keypoints import (
    MovedBoxes,
    box_borders,
    clip,
    hide_outside,
    keep_visible,
    swap_sides,
    upright,
)
from striate.views.color import Normalization, color_buffer, recolor
from striate.views.cropping import is_exact, is_whole_box, resize_boxes, slice_images
from striate.views.displacement import displace, undo_displacement
from striate.views.geometry import center_geometry, compose, determinant, invert, move, start_geometry
from striate.views.settings import Border
from striate.views.warping import pick_classes, warp_back, warp_images

__all__ = ["View", "evaluation_view"]


@final
@dataclass(frozen=True, eq=False)
class View:
    """How B images are shown to a network: an image, its mask, boxes and points move by `geometry` and come back by the inverse.

    Any field may have a batch of 1, or be expanded from one, where all samples share it: that is the cheap case. All
    are small and best kept on the CPU, wherever the images are: then choosing the exact path waits for nothing.

    Outside the image is black, 0 before `color`: what a digit's background, a letterbox and the padded crop of
    the published CIFAR recipes are, so brightness and normalization act on it as on any black pixel. Photographs have
    no natural outside: a policy for them should crop within the image, or extend its `border`.
    """

    geometry: Tensor  # B 3 3 float32, a homography: image pixels -> network pixels; corners at 0 and W
    color: Tensor  # B C+1 C+1 float32: colors in 0..1, and 1 -> network values, normalized; last row 0 0 .. 1
    size: tuple[int, int]  # height, width of the network's input
    border: Border = "black"  # beyond the image: black, its nearest pixel, or its mirror image (edge pixels twice)
    displacement: Tensor | None = (
        None  # B 2 gh gw float32, after `geometry`: network pixel u shows what was at u + d(u)
    )

    def __post_init__(self) -> None:
        if self.geometry.ndim != 3 or self.geometry.shape[1:] != (3, 3):
            raise ValueError(f"geometry must be B 3 3, not {tuple(self.geometry.shape)}")
        if self.color.ndim != 3 or self.color.shape[1] != self.color.shape[2] or self.color.shape[1] < 2:
            raise ValueError(f"color must be B C+1 C+1, not {tuple(self.color.shape)}")
        if not self.geometry.dtype == self.color.dtype == torch.float32:
            raise TypeError(f"geometry and color must be float32, not {self.geometry.dtype} and {self.color.dtype}")
        if self.border not in get_args(Border):
            raise ValueError(f"border must be one of {', '.join(get_args(Border))}, not {self.border!r}")
        if self.displacement is not None and (
            self.displacement.ndim != 4 or self.displacement.shape[1] != 2 or self.displacement.dtype != torch.float32
        ):
            raise ValueError(
                f"displacement must be B 2 gh gw float32, not {tuple(self.displacement.shape)} {self.displacement.dtype}"
            )

    def image(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """The network's input: B C H W, uint8 or float in 0..1 -> B C h w float32, channels last.

        `out` is such a batch whose memory may be written over: to ask the system for more takes longer than to fill it.
        """
        moved = self.resample(images, out)
        return self.apply_color(moved, color_buffer(moved, images, out))

    def resample(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """The geometry alone: B C H W -> B C h w; uint8 is 0..255 and float 0..1, before and after.

        A sample that is flipped and moved by whole pixels at most is sliced: exact to the bit, perhaps sharing memory
        with `images`. A crop of whole pixels is resized. Both keep the dtype. Else it is one bilinear warp to float32,
        after a box reduce where it shrinks more than twice. Where one sample is warped, all are given as float32, in
        `out` if there is one.
        """
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise TypeError(f"images are uint8 or float, not {images.dtype}")
        geometry = self._geometry(images)
        if self.displacement is not None:
            return warp_images(images, geometry, self.size, self.border, _shared(self.displacement), out)
        exact = is_exact(geometry)
        if exact.all():
            return slice_images(images, geometry, self.size, self.border)
        height, width = images.shape[-2:]
        boxes = is_whole_box(geometry, (height, width), self.size) & ~exact
        if boxes.all():
            return resize_boxes(images, geometry, self.size)
        if not (exact | boxes).any():
            return warp_images(images, geometry, self.size, self.border, out=out)

        # Each by its own path, so that a sample does not depend on the others of its batch.
        warped = ~(exact | boxes)
        kept = torch.float32 if warped.any() else images.dtype
        moved = out
        if moved is None or moved.dtype != kept or images.requires_grad:
            moved = images.new_empty((len(images), *self.size, images.shape[1]), dtype=kept).permute(0, 3, 1, 2)
        for chosen in (exact, boxes, warped):
            if chosen.any():
                here = chosen.nonzero()[:, 0].to(images.device)
                some = replace(self, geometry=geometry[chosen]).resample(images[here])
                moved[here] = some * (1 / 255) if some.dtype == torch.uint8 != kept else some.to(kept)
        return moved

    def apply_color(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """The colors alone: B C h w, uint8 or float in 0..1 -> B C h w float32, channels last, in `out` if it is given."""
        return recolor(images, _shared(self.color), out)

    def mask(self, masks: Tensor, ignore: int = -1) -> Tensor:
        """The nearest class of each network pixel: B H W, integer ids -> B h w int64; outside is `ignore`."""
        if masks.is_floating_point() or masks.ndim != 3:
            raise TypeError(f"masks are B H W integers, not {tuple(masks.shape)} {masks.dtype}")
        geometry = self._geometry(masks)
        if self.displacement is None and is_exact(geometry).all():
            # exclusive or makes `ignore` the 0 that a slice is filled with, in as few bytes as the masks have
            kept = masks if _fits(ignore, masks.dtype) else masks.long()
            return (slice_images((kept ^ ignore)[:, None], geometry, self.size)[:, 0] ^ ignore).long()
        return pick_classes(masks.long(), geometry, self.size, ignore, self.displacement)

    def points(self, points: Tensor) -> Tensor:
        """Image -> network: B N 2 (x, y in pixels, corners at 0 and W) -> B N 2 float32."""
        moved = move(points, self.geometry.to(points.device))
        return (
            moved
            if self.displacement is None
            else undo_displacement(moved, self.displacement.to(points.device), self.size)
        )

    def inverse_points(self, points: Tensor) -> Tensor:
        """Network -> image: B N 2 -> B N 2 float32."""
        if self.displacement is not None:
            points = displace(points, self.displacement.to(points.device), self.size)
        return move(points, invert(self.geometry).to(points.device))

    def boxes(self, boxes: Tensor, valid: Tensor | None = None, least_visible: float = 0.25) -> MovedBoxes:
        """Image -> network: B N 4 (x1, y1, x2, y2), of which `valid` B N bool are no padding (None: all are).

        Each becomes the upright box of its moved outline, clipped to the frame. It is dropped where less than
        `least_visible` of its moved area is left or a side is under a pixel.
        """
        valid = torch.ones_like(boxes[..., 0], dtype=torch.bool) if valid is None else valid
        steps = self._outline_steps()
        outlines = self.points(box_borders(boxes.where(valid[..., None], 0), steps))
        return keep_visible(upright(outlines, steps), valid, self.size, least_visible)

    def inverse_boxes(self, boxes: Tensor, image_size: tuple[int, int] | None = None) -> Tensor:
        """Network -> image: B N 4 -> B N 4 float32, clipped to an image of (height, width) if it is given."""
        steps = self._outline_steps()
        moved = upright(self.inverse_points(box_borders(boxes, steps)), steps)
        return moved if image_size is None else clip(moved, image_size)

    def keypoints(
        self, points: Tensor, visible: Tensor, pairs: Sequence[tuple[int, int]] = ()
    ) -> tuple[Tensor, Tensor]:
        """Image -> network: B N P 2 and B N P (bool, or COCO's 0, 1, 2) -> the same; what is outside is not visible.

        `pairs` are the (left, right) among the P points of a thing: they are exchanged in a mirrored sample.
        """
        moved = self.points(points.flatten(1, 2)).view(points.shape)
        moved, visible = swap_sides(moved, visible, determinant(self.geometry) < 0, pairs)
        return moved, hide_outside(moved, visible, self.size)

    def inverse_image(self, maps: Tensor, image_size: tuple[int, int]) -> Tensor:
        """Maps of the network, B C h w -> B C H W on an image of (height, width), 0 beyond what the view shows.

        `maps` may be coarser than the network's input: they are stretched over `size` first.
        """
        if self.displacement is not None:
            return warp_back(maps, self._geometry(maps), self.size, image_size, _shared(self.displacement))
        height, width = maps.shape[-2:]
        scale = torch.tensor([self.size[1] / width, self.size[0] / height, 1.0], device=self.geometry.device)
        return View(invert(self.geometry) * scale, self.color, image_size).resample(maps)

    def then(self, geometry: Tensor, size: tuple[int, int] | None = None) -> "View":
        """This view, then `geometry` (B 3 3 or 1 3 3, network pixels -> network pixels), at the same size or at `size`."""
        if self.displacement is not None:
            raise ValueError("a displacement comes last: compose the geometry first, then displace")
        return replace(self, geometry=compose(geometry, self.geometry), size=size or self.size)

    def _geometry(self, batch: Tensor) -> Tensor:
        """`geometry`, one row for all where it is shared."""
        geometry = _shared(self.geometry)
        if len(geometry) not in (1, len(batch)):
            raise ValueError(f"a view with {len(geometry)} matrices cannot take {len(batch)} images")
        return geometry

    def _outline_steps(self) -> int:
        """Straight lines stay straight by a homography: the corners of a box are enough."""
        return 1 if self.displacement is None else 16


def evaluation_view(
    count: int,
    *,
    image_size: tuple[int, int],
    size: tuple[int, int],
    normalization: Normalization,
    device: torch.device | str = "cpu",
    start: tuple[int, int] | None = None,
) -> View:
    """What evaluation, prediction and serving use: the center of each of `count` images; a smaller one gets a black border.

    start: left and top of what is shown in place of the center.
    """
    geometry = (center_geometry(image_size, size) if start is None else start_geometry(start)).to(device)
    geometry = geometry.expand(count, -1, -1)
    return View(geometry, normalization.matrix().to(device).expand(count, -1, -1), size)


def _fits(value: int, dtype: torch.dtype) -> bool:
    """Whether a type of integers holds a value."""
    return dtype != torch.bool and torch.iinfo(dtype).min <= value <= torch.iinfo(dtype).max


def _shared(matrices: Tensor) -> Tensor:
    """One row for all samples where `matrices` was expanded from one."""
    return matrices[:1] if matrices.stride(0) == 0 else matrices
