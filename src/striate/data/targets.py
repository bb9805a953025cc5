"""Targets: what is known of each image of a split, in the order of its listing.

What they are decides the task: one class is classification, several are multilabel, numbers are regression, a class for
each pixel is segmentation, boxes are detection.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "IGNORE",
    "ClassTargets",
    "InstanceTargets",
    "Instances",
    "MultiLabelTargets",
    "RegressionTargets",
    "Skeleton",
    "Target",
    "Targets",
    "TaskKind",
]

TaskKind = Literal["classify", "multilabel", "regress", "segment", "detect"]
IGNORE: Final = -1  # the class of a pixel without a label


@final
@dataclass(frozen=True)
class Skeleton:
    """The keypoints of an object by name, which of them a mirror exchanges, and which of them are drawn joined.

    `pairs` and `edges` are pairs of positions in `names`.
    """

    names: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...] = ()
    edges: tuple[tuple[int, int], ...] = ()


@final
@dataclass(frozen=True, eq=False)
class Instances:
    """The M objects in one image, in pixels of the upright image, corners at 0 and W."""

    boxes: npt.NDArray[np.float32]  # M 4: x1, y1, x2, y2
    labels: npt.NDArray[np.int64]  # M, positions in the source's classes
    masks: npt.NDArray[np.bool_] | None = None  # M H W
    keypoints: npt.NDArray[np.float32] | None = None  # M P 3: x, y, and 0 absent, 1 hidden, 2 visible as in COCO

    def __len__(self) -> int:
        return len(self.labels)


# a class; which of the K classes (K bool); numbers (D float32); the class of each pixel (H W int64); objects
Target = np.int64 | npt.NDArray[np.bool_] | npt.NDArray[np.float32] | npt.NDArray[np.int64] | Instances


class Targets(ABC):
    """What is known of the N images of a split."""

    task: TaskKind

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def target(self, i: int) -> Target:
        """What is known of image `i`. Raises Unreadable where it lies in a file of its own that cannot be used."""

    @abstractmethod
    def content(self) -> bytes:
        """All of it as bytes, for a digest."""


@final
@dataclass(frozen=True, eq=False)
class ClassTargets(Targets):
    """One class for each image: N int64, positions in the source's classes."""

    values: npt.NDArray[np.int64]
    task: TaskKind = "classify"

    def __len__(self) -> int:
        return len(self.values)

    def target(self, i: int) -> np.int64:
        return self.values[i]

    def content(self) -> bytes:
        return self.values.tobytes()


@final
@dataclass(frozen=True, eq=False)
class MultiLabelTargets(Targets):
    """Any number of classes for each image: N K bool."""

    values: npt.NDArray[np.bool_]
    task: TaskKind = "multilabel"

    def __len__(self) -> int:
        return len(self.values)

    def target(self, i: int) -> npt.NDArray[np.bool_]:
        return self.values[i]

    def content(self) -> bytes:
        return self.values.tobytes()


@final
@dataclass(frozen=True, eq=False)
class RegressionTargets(Targets):
    """Numbers for each image: N D float32, finite; their names are the source's classes."""

    values: npt.NDArray[np.float32]
    task: TaskKind = "regress"

    def __len__(self) -> int:
        return len(self.values)

    def target(self, i: int) -> npt.NDArray[np.float32]:
        return self.values[i]

    def content(self) -> bytes:
        return self.values.tobytes()


@final
@dataclass(frozen=True, eq=False)
class InstanceTargets(Targets):
    """Boxes, and where there are any masks and keypoints, of each image; an image may have none."""

    objects: tuple[Instances, ...]
    skeleton: Skeleton | None = None
    task: TaskKind = "detect"

    def __len__(self) -> int:
        return len(self.objects)

    def target(self, i: int) -> Instances:
        return self.objects[i]

    def content(self) -> bytes:
        fields = (field for one in self.objects for field in (one.boxes, one.labels, one.masks, one.keypoints))
        return b"".join(b"-" if field is None else np.int64(len(field)).tobytes() + field.tobytes() for field in fields)
