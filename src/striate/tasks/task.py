"""A task is what a network is asked, in five verbs. The network never sees a label; the loop never sees what a task is about."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image
from torch import Tensor, nn

from striate.data import Batch


class Score(ABC):
    """Counts up how well a task is done, batch by batch, on the device and without waiting for it."""

    @abstractmethod
    def add(self, outputs: Tensor, batch: Batch) -> None: ...

    @abstractmethod
    def result(self) -> dict[str, float]:
        """The figures so far; "accuracy" or whatever is the first is the one that people ask for."""

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
        """The named parts of the loss, each a scalar."""

    @abstractmethod
    def decode(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Predictions in the coordinates of the original images."""

    @abstractmethod
    def metrics(self) -> Score:
        """An empty score."""

    @abstractmethod
    def draw(self, image: Image.Image, prediction: Any, target: Any) -> Image.Image:
        """The image with what was said and what is true, for a person."""
