"""Random geometry as one matrix a sample: crop, then shear, zoom, rotation, mirrors and shift, then perspective.

A crop that nothing follows but mirrors is one of whole pixels: those are resized, faster than they are warped.
"""

import math
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from striate.views.boxes import random_boxes, to_whole_pixels
from striate.views.draws import uniforms
from striate.views.evaluation import center_box, center_geometry
from striate.views.geometry import compose
from striate.views.perspective import from_corners
from striate.views.streams import FLIP_VERTICAL, GEOMETRY, PERSPECTIVE

__all__ = ["Placing", "signed"]

ASPECT: Final = (3 / 4, 4 / 3)  # of a random resized crop, relative to what the network sees


@final
@dataclass(frozen=True)
class Placing:
    """The settings of `Policy` that move pixels; their meaning and range stand there."""

    rotate: float
    shift: float
    zoom: float
    shear: float
    flip: bool
    flip_vertical: bool
    crop: float
    perspective: float

    def draw(self, ids: Tensor, seed: int, epoch: int, image_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """`ids` B int64 -> B 3 3, expanded from one where nothing is random; `image_size` and `size` are height, width.

        What is left at nothing gives exact zeros and ones: the exact path recognizes those.
        """
        if not (self._warps() or self.crop < 1 or self.shift or self.flip or self.flip_vertical):
            return center_geometry(image_size, size).expand(len(ids), -1, -1)
        draws = uniforms(seed, epoch, ids, (*GEOMETRY, FLIP_VERTICAL))
        height, width = size
        a, b, c, d = self._about_center(draws)
        x1, y1, x2, y2 = self._box(draws, image_size, size).unbind(1)
        zoom_x, zoom_y = width / (x2 - x1), height / (y2 - y1)

        # the box fills the frame; about its center all the rest happens; then the shift
        left, top = zoom_x * x1 + width / 2, zoom_y * y1 + height / 2
        right, down = self._shift(draws[3], width) + width / 2, self._shift(draws[4], height) + height / 2
        rows = [a * zoom_x, b * zoom_y, right - a * left - b * top, c * zoom_x, d * zoom_y, down - c * left - d * top]
        geometry = torch.stack(rows, 1).view(-1, 2, 3)
        geometry = torch.cat([geometry, geometry.new_tensor([[[0.0, 0.0, 1.0]]]).expand(len(geometry), -1, -1)], 1)
        if self.perspective:
            pulls = signed(uniforms(seed, epoch, ids, PERSPECTIVE)).mT.reshape(-1, 4, 2)
            geometry = compose(
                from_corners(self.perspective * pulls * pulls.new_tensor([width, height]), size), geometry
            )
        return geometry

    def _box(self, draws: Tensor, image_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """What of the image fills the frame, B 4 (or 1 4 for all)."""
        if self.crop == 1:
            return center_box(image_size, size).to(draws.device)
        shape = size[1] / size[0]
        boxes = random_boxes(draws[6:10], image_size, (self.crop, 1.0), (shape * ASPECT[0], shape * ASPECT[1]))
        return boxes if self._warps() or self.shift else to_whole_pixels(boxes, image_size)

    def _about_center(self, draws: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """11 B draws -> the linear part (a b; c d), B each: shear, zoom and rotation, then the mirrors."""
        mirror = torch.where(draws[5] < self.flip / 2, -1.0, 1.0)
        upturn = torch.where(draws[10] < self.flip_vertical / 2, -1.0, 1.0)
        if not (self.rotate or self.zoom or self.shear):
            return mirror, torch.zeros_like(mirror), torch.zeros_like(mirror), upturn
        turn = math.radians(self.rotate) * signed(draws[0])
        slant = (math.radians(self.shear) * signed(draws[2])).tan()
        # exp and not a power: torch's power may round the last samples of a batch otherwise than the first
        growth = (1 - self.zoom) * (math.log((1 + self.zoom) / (1 - self.zoom)) * draws[1]).exp()
        cos, sin = growth * turn.cos(), growth * turn.sin()
        return mirror * cos, mirror * (cos * slant - sin), upturn * sin, upturn * (sin * slant + cos)

    def _warps(self) -> bool:
        return bool(self.rotate or self.zoom or self.shear or self.perspective)

    def _shift(self, draw: Tensor, side: int) -> Tensor:
        """Pixels: B in [0, 1) -> B within shift * side either way, whole where nothing else needs interpolation."""
        if self._warps() or self.crop < 1:
            return self.shift * side * signed(draw)
        reach = round(self.shift * side)
        return ((2 * reach + 1) * draw).floor() - reach


def signed(draw: Tensor) -> Tensor:
    """[0, 1) -> [-1, 1)."""
    return 2 * draw - 1
