"""Where the digits of a scene lie: which, how large, how turned, and whose each pixel is. A function of (seed, scene).

Whole numbers only, so that the same scene comes out everywhere: the words of a Philox generator, whose sequence numpy
keeps for good, and Pillow's bilinear warp with coefficients that are multiples of 1/1024, whose sums a double holds
without rounding.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data.store import Store
from striate.data.targets import Instances

__all__ = ["SIDE", "Digits", "PastedDigit", "SceneLayout", "Words", "lay_out"]

SIDE: Final = 128  # of a scene, in pixels
SMALLEST, LARGEST = 14, 56  # what the 20 pixels become that a digit of MNIST fits into: the side of its upright square
MOST: Final = 8  # digits in a scene; fewer where no room is found
EMPTY: Final = 20  # one scene in so many has no digit
DEGREES: Final = 15  # the largest turn either way
VISIBLE: Final = 70  # percent of each digit's own pixels that stay visible
TRIES: Final = 10  # places that are tried for a digit
SOLID: Final = 128  # ink from which on a pixel belongs to the digit: half covered
FRAME, INSIDE = 28, 20  # pixels of MNIST


@final
class Words:
    """Random whole numbers, a function of (seed, scene, stream): the counter of Philox starts at the number of the scene.

    Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """

    def __init__(self, seed: int, scene: int, stream: int) -> None:
        counter, key = np.array([0, scene, 0, 0], np.uint64), np.array([seed, stream], np.uint64)
        self._philox = np.random.Philox(counter=counter, key=key)
        self._words = self._draw()

    def below(self, end: int) -> int:
        """0 .. end - 1."""
        return next(self._words) % end

    def between(self, first: int, last: int) -> int:
        """first .. last."""
        return first + self.below(last - first + 1)

    def bytes(self, count: int) -> npt.NDArray[np.uint8]:
        """`count` numbers of 0 .. 255."""
        return self._philox.random_raw(-(-count // 8)).astype("<u8").view(np.uint8)[:count]

    def _draw(self) -> Iterator[int]:
        while True:
            yield from self._philox.random_raw(64).tolist()


@final
@dataclass(frozen=True, eq=False)
class Digits:
    """The digits that scenes are made of: `count` of the store's images from `first` on. Any thread may call."""

    store: Store
    labels: npt.NDArray[np.int64]  # of the whole store
    first: int
    count: int

    def ink(self, digit: int) -> npt.NDArray[np.uint8]:
        """28 28, white on black."""
        return self.store.pixels_of(self.first + digit)[..., 0].astype(np.uint8, copy=False)

    def label(self, digit: int) -> int:
        return int(self.labels[self.first + digit])


@final
@dataclass(frozen=True, eq=False)
class PastedDigit:
    """One digit in its place."""

    digit: int  # its position among the Digits
    label: int
    side: int
    degrees: int
    left: int
    top: int
    ink: npt.NDArray[np.uint8]  # h w, how far each pixel is covered
    center: tuple[float, float]  # x, y in the scene: of MNIST's frame, which is the digit's center of mass to a pixel


@final
@dataclass(frozen=True, eq=False)
class SceneLayout:
    """The digits from the lowest to the topmost, and for each pixel which of them is visible there."""

    digits: tuple[PastedDigit, ...]
    owners: npt.NDArray[np.uint8]  # H W: 0 background, k the k-th digit

    def objects(self) -> Instances:
        """Masks of the visible pixels, boxes tight around them, and one keypoint each: hidden under a later digit."""
        count = len(self.digits)
        masks = self.owners == np.arange(1, count + 1, dtype=np.uint8)[:, None, None]  # M H W
        boxes = np.zeros((count, 4), np.float32)
        keypoints = np.zeros((count, 1, 3), np.float32)
        for k, (one, mask) in enumerate(zip(self.digits, masks, strict=True)):
            x, y = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
            boxes[k] = x[0], y[0], x[-1] + 1, y[-1] + 1
            above = self.owners[math.floor(one.center[1]), math.floor(one.center[0])]
            keypoints[k, 0] = *one.center, 1 if above > k + 1 else 2
        return Instances(boxes, np.array([one.label for one in self.digits], np.int64), masks, keypoints)

    def classes(self) -> npt.NDArray[np.int64]:
        """The class of each pixel, H W: 0 background, 1 + digit."""
        return np.array([0, *(1 + one.label for one in self.digits)], np.int64)[self.owners]


def lay_out(digits: Digits, seed: int, scene: int) -> SceneLayout:
    """The layout of a scene. A digit goes where it leaves VISIBLE percent of every other visible, or it is left out."""
    words = Words(seed, scene, 0)
    owners = np.zeros((SIDE, SIDE), np.uint8)
    pasted: list[PastedDigit] = []
    whole, visible = np.zeros(0, np.int64), np.zeros(0, np.int64)  # pixels of each digit, and of those the visible ones
    for _ in range(0 if words.below(EMPTY) == 0 else words.between(1, MOST)):
        digit, side = words.below(digits.count), words.between(SMALLEST, LARGEST)
        degrees = words.between(-DEGREES, DEGREES)
        ink, middle = _turned(digits.ink(digit), side, degrees)
        height, width = ink.shape
        solid = ink >= SOLID
        for _ in range(TRIES):
            left, top = words.below(SIDE - width + 1), words.below(SIDE - height + 1)
            window = owners[top : top + height, left : left + width]
            left_over = visible - np.bincount(window[solid], minlength=len(pasted) + 1)[1:]
            if (left_over * 100 >= whole * VISIBLE).all():
                center = left + middle[0], top + middle[1]
                pasted.append(PastedDigit(digit, digits.label(digit), side, degrees, left, top, ink, center))
                window[solid] = len(pasted)
                area = int(solid.sum())
                whole, visible = np.append(whole, area), np.append(left_over, area)
                break
    return SceneLayout(tuple(pasted), owners)


def _turned(ink: npt.NDArray[np.uint8], side: int, degrees: int) -> tuple[npt.NDArray[np.uint8], tuple[float, float]]:
    """The digit at its size, turned about the center of its frame and cut to its ink; where that center went (x, y)."""
    half = side * FRAME // (2 * INSIDE) + 2
    across = round(1024 * INSIDE / side * math.cos(math.radians(degrees))) / 1024
    along = round(1024 * INSIDE / side * math.sin(math.radians(degrees))) / 1024
    # where each pixel of the result comes from: the center (half, half) from the center (14, 14)
    way_back = (
        across, along, FRAME / 2 - half * (across + along),
        -along, across, FRAME / 2 - half * (across - along),
    )  # fmt: skip
    turned = Image.fromarray(ink).transform(
        (2 * half, 2 * half), Image.Transform.AFFINE, way_back, Image.Resampling.BILINEAR
    )
    box = turned.getbbox()
    assert box is not None  # no digit of MNIST is blank
    return np.asarray(turned.crop(box)), (half - box[0], half - box[1])
