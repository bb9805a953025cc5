"""Targets: what is known of each image of a split, in the order of its listing.

What they are decides the task: one class is classification, several are multilabel, numbers are regression, a class for
each pixel is segmentation, boxes are detection.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data.mask_encoding import MaskEncoding
from striate.views import View

__all__ = [
    "ASKS",
    "IGNORE",
    "ClassTargets",
    "Gather",
    "Instances",
    "LoadedTargets",
    "MultiLabelTargets",
    "Original",
    "RegressionTargets",
    "Skeleton",
    "Target",
    "TargetForm",
    "Targets",
    "TaskKind",
    "rarest_class",
]

TargetForm = Literal["values", "boxes", "masks"]  # how it is drawn and checked
TaskKind = Literal["classify", "multilabel", "regress", "segment", "detect"]
ASKS: Final[Mapping[TaskKind, str]] = MappingProxyType(
    {
        "classify": "one class per image",
        "multilabel": "sets of classes",
        "regress": "numbers",
        "segment": "masks",
        "detect": "boxes",
    }
)
IGNORE: Final = -1  # the class of a pixel without a label
QUANTILES: Final = 10  # groups of similar numbers, which splits get equal shares of

Gather = Callable[
    [Tensor, View], Tensor
]  # positions (B int64) and their views -> the targets of a batch, on its device


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


@final
@dataclass(frozen=True, eq=False)
class Original:
    """A target in the pixels of its file, and the view from there, of this one image."""

    target: Target
    view: View


class Targets(ABC):
    """What is known of the N images of a split."""

    task: TaskKind
    form: ClassVar[TargetForm] = "values"
    has_classes: ClassVar[bool] = True  # whether the names beside them are of classes, and not of numbers

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def target(self, i: int) -> Target:
        """What is known of image `i`. Raises Unreadable where it lies in a file of its own that cannot be used."""

    @abstractmethod
    def content(self) -> bytes:
        """All of it as bytes, for a digest."""

    def as_masks(self, positions: Sequence[int]) -> "Targets | None":  # noqa: ARG002 - the default, for what has no outlines
        """The outlines of objects drawn into a mask for each image: the class of label k is positions[k], 0 the background.

        None where there are no outlines.
        """
        return None

    def caption(self, i: int, classes: Sequence[str]) -> str:  # noqa: ARG002 - the default, for what no words tell
        """The target of a sample in words; classes: the names of classes or numbers. Empty where words do not tell it."""
        return ""

    def mask_encoding(self) -> MaskEncoding | None:
        """How the files of masks show the classes; None where there are no such files."""
        return None


class LoadedTargets(Targets):
    """Targets in memory, in the pixels of decoded images: what a network is trained on and measured by."""

    @abstractmethod
    def subset(self, positions: Tensor) -> "LoadedTargets":
        """Those at the positions (int64), in that order."""

    @abstractmethod
    def gather_on(self, device: torch.device) -> Gather:
        """A function from positions to the targets of a batch, moved with its view, on the device."""

    def originals(self, positions: Tensor, view: View) -> tuple[Original, ...]:  # noqa: ARG002 - the default, for targets that are no pixels
        """Of B samples whose decoded images `view` shows, where targets lie in pixels; of others none. Raises DataError."""
        return ()

    def image_boxes(self) -> npt.NDArray[np.int64] | None:
        """Where each image lies on the canvas if it keeps its own size, N 4 (left, top, right, bottom); None of no pixels."""
        return None

    def pixel_of_a_class(self, i: int, box: Sequence[int], draws: Sequence[float]) -> tuple[int, int] | None:  # noqa: ARG002 - the default, for targets that are no pixels
        """Row and column of a pixel: of a class that is present in a sample, each as likely as another, then one of its pixels.

        box: where the image lies on the canvas. draws: 2 in [0, 1). None where no pixel has a class.
        """
        return None

    @abstractmethod
    def strata(self) -> npt.NDArray[np.int64]:
        """N: samples of one number are alike, and each split gets its share of them."""

    @abstractmethod
    def single_classes(self) -> npt.NDArray[np.int64] | None:
        """N: the class of each sample; None where samples have anything but one class."""

    @abstractmethod
    def caption(self, i: int, classes: Sequence[str]) -> str:
        """The target of a sample in words; classes: the names of classes or numbers."""

    @abstractmethod
    def contains(self, k: int) -> npt.NDArray[np.bool_]:
        """N: which samples the class k is present in. Numbers have none."""

    @abstractmethod
    def counts(self, classes: int) -> list[int]:
        """In how many samples each class is present; numbers have none."""

    @abstractmethod
    def reordered(self, positions: Sequence[int], count: int) -> "LoadedTargets":
        """The same with `count` other classes or numbers, of which positions[k] is the present k."""


@final
@dataclass(frozen=True, eq=False)
class ClassTargets(LoadedTargets):
    """One class for each image: N int64, positions in the source's classes. A batch: B int64."""

    values: npt.NDArray[np.int64]
    task: TaskKind = "classify"

    def __len__(self) -> int:
        return len(self.values)

    def target(self, i: int) -> np.int64:
        return self.values[i]

    def content(self) -> bytes:
        return self.values.tobytes()

    def subset(self, positions: Tensor) -> "ClassTargets":
        return ClassTargets(self.values[positions.numpy()])

    def gather_on(self, device: torch.device) -> Gather:
        return _rows_on(device, self.values)

    def strata(self) -> npt.NDArray[np.int64]:
        return self.values

    def single_classes(self) -> npt.NDArray[np.int64]:
        return self.values

    def caption(self, i: int, classes: Sequence[str]) -> str:
        return classes[self.values[i]]

    def contains(self, k: int) -> npt.NDArray[np.bool_]:
        return self.values == k

    def counts(self, classes: int) -> list[int]:
        return np.bincount(self.values, minlength=classes).tolist()

    def reordered(self, positions: Sequence[int], count: int) -> "ClassTargets":  # noqa: ARG002 - a position needs no room for new classes, as rows of K columns do
        return ClassTargets(np.asarray(positions, np.int64)[self.values])


@final
@dataclass(frozen=True, eq=False)
class MultiLabelTargets(LoadedTargets):
    """Any number of classes for each image: N K bool. A batch: B K float32, 0 or 1."""

    values: npt.NDArray[np.bool_]
    task: TaskKind = "multilabel"

    def __len__(self) -> int:
        return len(self.values)

    def target(self, i: int) -> npt.NDArray[np.bool_]:
        return self.values[i]

    def content(self) -> bytes:
        return self.values.tobytes()

    def subset(self, positions: Tensor) -> "MultiLabelTargets":
        return MultiLabelTargets(self.values[positions.numpy()])

    def gather_on(self, device: torch.device) -> Gather:
        return _rows_on(device, self.values.astype(np.float32))

    def strata(self) -> npt.NDArray[np.int64]:
        """The rarest class of each sample, K where it has none: what there is least of is hardest to share."""
        return rarest_class(self.values)

    def single_classes(self) -> None:
        return None

    def caption(self, i: int, classes: Sequence[str]) -> str:
        return ", ".join(name for name, has in zip(classes, self.values[i], strict=True) if has) or "none"

    def contains(self, k: int) -> npt.NDArray[np.bool_]:
        return self.values[:, k]

    def counts(self, classes: int) -> list[int]:
        return np.pad(self.values.sum(0), (0, classes - self.values.shape[1])).tolist()

    def reordered(self, positions: Sequence[int], count: int) -> "MultiLabelTargets":
        values = np.zeros((len(self), count), np.bool_)
        values[:, positions] = self.values
        return MultiLabelTargets(values)


@final
@dataclass(frozen=True, eq=False)
class RegressionTargets(LoadedTargets):
    """Numbers for each image: N D float32, finite; their names are the source's classes. A batch: B D float32."""

    values: npt.NDArray[np.float32]
    task: TaskKind = "regress"
    has_classes: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.values)

    def target(self, i: int) -> npt.NDArray[np.float32]:
        return self.values[i]

    def content(self) -> bytes:
        return self.values.tobytes()

    def subset(self, positions: Tensor) -> "RegressionTargets":
        return RegressionTargets(self.values[positions.numpy()])

    def gather_on(self, device: torch.device) -> Gather:
        return _rows_on(device, self.values)

    def strata(self) -> npt.NDArray[np.int64]:
        """The tenth that a sample is in, of few samples the half: by its number, or by the mean of the ranks of several."""
        ranks = np.argsort(np.argsort(self.values, 0, kind="stable"), 0, kind="stable").mean(1)
        order = np.argsort(np.argsort(ranks, kind="stable"), kind="stable")
        groups = max(1, min(QUANTILES, len(self) // 2))  # a group of one has nothing to share
        return order * groups // max(1, len(self))

    def single_classes(self) -> None:
        return None

    def caption(self, i: int, classes: Sequence[str]) -> str:
        return ", ".join(f"{name} {value}" for name, value in zip(classes, self.values[i], strict=True))

    def contains(self, k: int) -> npt.NDArray[np.bool_]:  # noqa: ARG002 - whichever class is asked for, numbers contain none
        return np.ones(len(self), np.bool_)

    def counts(self, classes: int) -> list[int]:  # noqa: ARG002 - however many names there are, numbers have no classes to count
        return []

    def reordered(self, positions: Sequence[int], count: int) -> "RegressionTargets":
        values = np.zeros((len(self), count), np.float32)
        values[:, positions] = self.values
        return RegressionTargets(values)


def rarest_class(presence: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Of each sample the class that is present in the fewest: N K -> N, K where it has none."""
    rarest_first = np.argsort(presence.sum(0), kind="stable")
    ranked = presence[:, rarest_first]
    return np.where(ranked.any(1), rarest_first[ranked.argmax(1)], presence.shape[1])


def _rows_on(device: torch.device, values: npt.NDArray[Any]) -> Gather:
    """Targets that stay as they are however an image is moved."""
    rows = torch.from_numpy(values).to(device)
    return lambda positions, _: rows[positions.to(device, non_blocking=True)]
