"""What one epoch of training came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from striate.tasks.figure import Figure

__all__ = ["Epoch"]


@final
@dataclass(frozen=True)
class Epoch:
    """What one epoch came to: loss and the task's metrics on the training images, and on the validation images if there are any."""

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    train: tuple[Figure, ...]
    val_loss: float | None
    val: tuple[Figure, ...]
    images_per_second: float
    seconds: float

    @property
    def measured(self) -> tuple[Figure, ...]:
        """The metrics that are compared: of the validation images, or else of the training images."""
        return self.train if self.val_loss is None else self.val

    def row(self) -> dict[str, Any]:
        """A row of metrics.csv."""
        val = {one.key: one.value for one in self.val}
        return {
            "epoch": self.epoch,
            "step": self.step,
            "learning_rate": self.learning_rate,
            "train_loss": self.train_loss,
            **{f"train_{one.key}": one.value for one in self.train},
            "val_loss": self.val_loss,
            **{f"val_{one.key}": val.get(one.key) for one in self.train},
            "images_per_second": self.images_per_second,
            "seconds": self.seconds,
        }

    @classmethod
    def of(cls, row: Mapping[str, Any], metrics: Sequence[Figure]) -> "Epoch":
        """The inverse of `row`; metrics: those of the task, of any value."""
        return cls(
            row["epoch"],
            row["step"],
            row["learning_rate"],
            row["train_loss"],
            tuple(replace(one, value=row[f"train_{one.key}"]) for one in metrics),
            row["val_loss"],
            () if row["val_loss"] is None else tuple(replace(one, value=row[f"val_{one.key}"]) for one in metrics),
            row["images_per_second"],
            row["seconds"],
        )
