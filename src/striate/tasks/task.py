"""A task is what a network is asked, in five methods. The network gets no labels; the loop knows no task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image
from torch import Tensor, nn

from striate.data import Batch


class Metrics(ABC):
    """Metrics accumulated batch by batch, on the device and without waiting for it."""

    @abstractmethod
    def update(self, outputs: Tensor, batch: Batch) -> None: ...

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """The metrics over all batches so far; the first is the task's main metric."""

    @abstractmethod
    def state(self) -> Tensor:
        """The one tensor that holds the counts; copying into it restores them."""


class Task(ABC):
    """What a network is asked. Every task is a final class: none overrides another's methods."""

    @abstractmethod
    def head(self, widths: Sequence[int]) -> nn.Module:
        """The module that turns the features (their channels, finest first) into this task's outputs."""

    @abstractmethod
    def losses(self, outputs: Tensor, batch: Batch) -> Mapping[str, Tensor]:
        """The named terms of the loss, each a scalar."""

    @abstractmethod
    def decode(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Predictions in the coordinates of the original images."""

    @abstractmethod
    def metrics(self) -> Metrics:
        """New metrics, over no batches yet."""

    @abstractmethod
    def draw(self, image: Image.Image, prediction: Any, target: Any) -> Image.Image:
        """The image with its prediction and its target, for a person."""
