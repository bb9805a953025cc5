"""Scenes of handwritten digits, made when they are asked for: what detection and segmentation can be tried on offline.

Scenes to train and to validate on are made of MNIST's training digits, the first 50,000 and the last 10,000, scenes to
test on of its test digits: no digit is in two splits. A scene is 128 x 128 RGB with up to eight digits, some have none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.decode import Header
from striate.data.decoding.rendering import Rendering
from striate.data.decoding.resize import Pixels
from striate.data.names import printable
from striate.data.source import Listing, Source
from striate.data.store import Store, on_canvas
from striate.data.targets import (
    Instances,
    MultiLabelTargets,
    RegressionTargets,
    Skeleton,
    TargetForm,
    Targets,
    TaskKind,
)
from striate.errors import DataError
from striate.sources.arrays.mnist import open_mnist
from striate.sources.generated.scene_layout import SIDE, Digits, lay_out
from striate.sources.generated.scene_painting import paint

__all__ = ["SCENES", "Scenes", "open_scenes"]

SCENES: Final = ("mnist-scenes", "mnist-scenes-segment", "mnist-scenes-multilabel", "mnist-scenes-regress")
NUMERALS: Final = tuple(map(str, range(10)))
NUMBERS: Final = ("digits", "mean height [px]")
VERSION: Final = 1  # of the generator: what changes any pixel or target of any scene raises it
TRAIN: Final = 2000  # scenes to train on by default
MOST: Final = 1_000_000
SPLIT_SHARE: Final = 5  # val and test have one scene for so many to train on
FOR_TRAIN: Final = 50_000  # of MNIST's training digits; the rest are for validation
CENTER: Final = Skeleton(("center",))


@final
@dataclass(frozen=True, eq=False)
class Scenes:
    """The scenes of one split: what both images and targets are made from."""

    digits: Digits
    seed: int
    count: int

    def content(self) -> str:
        """What all pixels and targets follow from."""
        digits = f"{self.digits.count} digits from {self.digits.first} of {' '.join(self.digits.store.digests())}"
        return f"mnist-scenes {VERSION}: {self.count} of seed {self.seed}, {digits}"


@final
@dataclass(frozen=True, eq=False)
class SceneStore(Store):
    """The images of the scenes, each painted when it is wanted."""

    scenes: Scenes

    def __len__(self) -> int:
        return self.scenes.count

    def digests(self) -> Sequence[str]:
        return [self.scenes.content()]

    def header(self, i: int) -> Header:  # noqa: ARG002 - all scenes are alike
        return Header("generated", SIDE, SIDE, "RGB", 3, 8, 1)

    def pixels_of(
        self,
        i: int,
        at_least: tuple[int, int] | None = None,  # noqa: ARG002 - these are painted at one size
        rendering: Rendering | None = None,  # noqa: ARG002 - painted in 8 bits and opaque, so nothing is left to decide
    ) -> Pixels:
        digits, seed = self.scenes.digits, self.scenes.seed
        return paint(lay_out(digits, seed, i), digits, seed, i)

    def decode(self, i: int, canvas: Canvas) -> Pixels:
        return on_canvas(self.pixels_of(i), canvas)


@final
@dataclass(frozen=True, eq=False)
class SceneObjects(Targets):
    """Box, mask and center of each visible digit."""

    scenes: Scenes
    task: TaskKind = "detect"
    form: ClassVar[TargetForm] = "boxes"

    def __len__(self) -> int:
        return self.scenes.count

    def target(self, i: int) -> Instances:
        return lay_out(self.scenes.digits, self.scenes.seed, i).objects()

    def content(self) -> bytes:
        return self.scenes.content().encode()

    def as_masks(self, positions: Sequence[int]) -> "SceneMasks":  # noqa: ARG002 - the digits follow the background anyway
        return SceneMasks(self.scenes)


@final
@dataclass(frozen=True, eq=False)
class SceneMasks(Targets):
    """The class of each pixel: background, or the digit visible there."""

    scenes: Scenes
    task: TaskKind = "segment"
    form: ClassVar[TargetForm] = "masks"

    def __len__(self) -> int:
        return self.scenes.count

    def target(self, i: int) -> npt.NDArray[np.int64]:
        return lay_out(self.scenes.digits, self.scenes.seed, i).classes()

    def content(self) -> bytes:
        return self.scenes.content().encode()


def scene_labels(scenes: Scenes) -> MultiLabelTargets:
    """Which digits are visible in each scene."""
    present = np.zeros((scenes.count, len(NUMERALS)), np.bool_)
    for i in range(scenes.count):
        present[i, lay_out(scenes.digits, scenes.seed, i).objects().labels] = True
    return MultiLabelTargets(present)


def scene_numbers(scenes: Scenes) -> RegressionTargets:
    """How many digits are visible in each scene, and the mean height of their boxes in pixels, 0 where there are none."""
    numbers = np.zeros((scenes.count, len(NUMBERS)), np.float32)
    for i in range(scenes.count):
        boxes = lay_out(scenes.digits, scenes.seed, i).objects().boxes
        if len(boxes):
            numbers[i] = len(boxes), (boxes[:, 3] - boxes[:, 1]).mean()
    return RegressionTargets(numbers)


# name -> the targets of its scenes, and the names of their classes or numbers
KINDS: Final[Mapping[str, tuple[Callable[[Scenes], Targets], tuple[str, ...]]]] = MappingProxyType(
    {
        "mnist-scenes": (SceneObjects, NUMERALS),
        "mnist-scenes-segment": (SceneMasks, ("background", *NUMERALS)),
        "mnist-scenes-multilabel": (scene_labels, NUMERALS),
        "mnist-scenes-regress": (scene_numbers, NUMBERS),
    }
)


def open_scenes(data: str) -> Source:
    """The source for "mnist-scenes" (boxes, masks, centers), "mnist-scenes-segment" (a class for each pixel),
    "mnist-scenes-multilabel" (which digits are there) or "mnist-scenes-regress" (how many, and how high they are).

    ":N" behind the name makes N scenes to train on and a fifth of that to validate and to test on; without it N is
    2000. Scenes of a longer set begin with those of a shorter one. Raises DataError.
    """
    name, colon, typed = data.partition(":")
    # no more digits than the greatest number has: int() of thousands of them would take long
    number = typed.isascii() and typed.isdigit() and len(typed) <= len(str(MOST))
    train = int(typed) if number else 0 if colon else TRAIN
    if not 1 <= train <= MOST:
        raise DataError(
            f"{printable(data)} has no number of scenes after the colon; write 1 to {MOST}, as in {name}:{TRAIN}"
        )
    targets, classes = KINDS[name]
    splits = {}
    for seed, (split, digits) in enumerate(_digits().items()):  # seeds differ, so that no two splits are laid out alike
        scenes = Scenes(digits, seed, train if split == "train" else -(-train // SPLIT_SHARE))
        ids = tuple(f"{split}-scene[{i}]" for i in range(scenes.count))
        splits[split] = Listing(ids, targets(scenes), SceneStore(scenes))
    return Source(
        name,
        f"{name}:{train}",
        "scenes",
        classes,
        MappingProxyType(splits),
        split_origin=f"{train:,} to train on, and a fifth as many each to validate and to test on",
        skeleton=CENTER if name == "mnist-scenes" else None,
    )


def _digits() -> dict[str, Digits]:
    mnist = open_mnist().splits
    train, test = mnist["train"], mnist["test"]
    return {
        "train": Digits(train.store, train.labels, 0, FOR_TRAIN),
        "val": Digits(train.store, train.labels, FOR_TRAIN, len(train) - FOR_TRAIN),
        "test": Digits(test.store, test.labels, 0, len(test)),
    }
