"""A task is what a network is asked: its losses, predictions and metrics. The network gets no labels."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor

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
    def losses(self, outputs: Tensor, batch: Batch) -> Mapping[str, Tensor]:
        """The named terms of the loss, each a scalar."""

    @abstractmethod
    def decode(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Predictions in the coordinates of the original images."""

    @abstractmethod
    def metrics(self) -> Metrics:
        """New metrics, over no batches yet."""
