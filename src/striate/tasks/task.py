"""A task is what a network is asked: losses, metrics, predictions and their evaluation. The network gets no targets.

Every task is a final class in a folder of its own, with a row in `tasks/table.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from striate.data import Batch, ImageFrame, LoadedTargets
from striate.data.decoding.resize import Pixels
from striate.data.targets import Target
from striate.tasks.figure import Figure
from striate.tasks.fitted_head import HeadFit
from striate.tasks.settings import LossSettings
from striate.views import View

__all__ = ["Metrics", "Prediction", "Predictions", "Task"]


class Metrics(ABC):
    """Metrics accumulated batch by batch, on the device and without waiting for it."""

    @abstractmethod
    def update(self, outputs: Tensor, batch: Batch) -> None: ...

    @abstractmethod
    def compute(self) -> tuple[Figure, ...]:
        """The metrics over all batches so far, NaN before the first; the first metric is the one that chooses weights."""

    @abstractmethod
    def state(self) -> Mapping[str, Tensor]:
        """The tensors that hold all of it, by name; copying into them restores it."""


class Prediction(ABC):
    """What a network predicts of one image: a class, several classes, numbers, the class of each pixel.

    `confidence` is 0..1, and `probabilities` are by class, where the task has them. `path` is the file, or "input[3]" for an
    image that came from no file. If the image cannot be read, `error` is the reason in one line, and nothing is predicted.
    """

    path: str
    prediction: Any
    confidence: float | None
    probabilities: dict[str, float]
    error: str | None

    @abstractmethod
    def as_json(self) -> dict[str, Any]:
        """All of it."""

    @abstractmethod
    def cells(self) -> dict[str, str]:
        """A row of a table for a person, by column."""

    @abstractmethod
    def values(self) -> dict[str, Any]:
        """A row of a CSV file for a program, by column."""

    @abstractmethod
    def as_target(self) -> Target | None:
        """What is predicted as a target of the image, to be drawn as such; None where nothing is."""

    @abstractmethod
    def mask_png(self) -> bytes | None:
        """The predicted mask as a PNG of the size of the image; None where there is none."""


class Predictions(ABC):
    """What a network predicts of the samples of a split, gathered batch by batch."""

    @abstractmethod
    def update(self, decoded: Tensor, batch: Batch) -> None:
        """Of one batch, with its originals: what `decode` gives, or `merge` of several views."""

    @abstractmethod
    def metrics(self) -> dict[str, Any]:
        """The entry of the split in metrics.json: "images", the figures by their keys, the main one first, a "baseline", and
        what the report shows beside them."""

    @abstractmethod
    def rows(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of predictions.csv; ids: of all samples of the split."""

    @abstractmethod
    def worst(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Positions of the samples with the worst predictions, the worst first, with what a person reads beside them."""

    @abstractmethod
    def drawn(self, position: int, image: Pixels, target: Target) -> Pixels:
        """The image of one of the worst as the report shows it, H W C uint8, perhaps with target and prediction."""


class Task(ABC):
    """What a network is asked. Every task is a final class: none overrides another's methods."""

    name: ClassVar[str]
    calibrates: ClassVar[bool]  # whether `calibrated` changes anything
    needs_examples: ClassVar[bool] = False  # whether some training images must have each class, and some not
    classes: tuple[str, ...]  # of the network's outputs, or names of numbers

    @classmethod
    @abstractmethod
    def for_training(cls, classes: tuple[str, ...], loss: LossSettings, targets: LoadedTargets) -> "Task":
        """The task as the settings and the training targets ask for it."""

    @classmethod
    @abstractmethod
    def from_arguments(cls, classes: tuple[str, ...], arguments: Mapping[str, Any]) -> "Task":
        """The inverse of `arguments`. Raises KeyError, TypeError or ValueError for anything else."""

    @abstractmethod
    def calibrated(self, predictions: Predictions) -> "Task":
        """The task with what is chosen by the validation images after training, such as thresholds."""

    @abstractmethod
    def losses(self, outputs: Tensor, batch: Batch) -> Mapping[str, Tensor]:
        """The named terms of the loss, each a scalar."""

    @abstractmethod
    def head_fit(self, kind: str) -> HeadFit | None:
        """How a head of a kind of HEADS is fitted on the embeddings of a frozen network; None where it is not."""

    @abstractmethod
    def metrics(self) -> Metrics:
        """New metrics, over no batches yet."""

    @abstractmethod
    def predictions(self) -> Predictions:
        """New predictions, of no batches yet."""

    @abstractmethod
    def decode(self, outputs: Tensor) -> Tensor:
        """Probabilities, or numbers in the units of the data, as an exported network gives them too."""

    @abstractmethod
    def merge(self, views: Sequence[View], decoded: Sequence[Tensor]) -> Tensor:
        """What views of the same inputs give together, each of which was decoded: the same shape, as the input shows it."""

    @abstractmethod
    def describe(self, decoded: Tensor, frames: Sequence[ImageFrame]) -> Sequence[Prediction]:
        """The predictions of images, in the coordinates of each one's file."""

    @abstractmethod
    def unreadable(self, name: str, error: str) -> Prediction:
        """In the place of a prediction, where an image cannot be read."""

    @abstractmethod
    def soft_targets(self, targets: Tensor) -> Tensor:
        """Targets of a batch that can be mixed: B K float32. Raises SettingError where samples cannot be mixed."""

    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """What the bundle records to decode as in training, beside the classes."""
