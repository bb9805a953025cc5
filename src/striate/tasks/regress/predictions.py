"""Which numbers a network predicts: of one image, and of all images of a split."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data import Batch
from striate.data.decoding.resize import Pixels
from striate.data.targets import Target
from striate.number_format import four_digits
from striate.tasks.regress.metrics import conformal_quantile, regression_metrics
from striate.tasks.task import Prediction, Predictions

__all__ = ["NumberPredictions", "NumbersPrediction", "Scale"]


@final
@dataclass(frozen=True)
class Scale:
    """Of each of D numbers: its name, its unit, by what it is standardized, and half the width of its prediction interval."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    half_widths: tuple[float, ...] | None = None


@final
@dataclass(frozen=True)
class NumbersPrediction(Prediction):
    """The numbers by name, in the units of the data, and the interval of each, which covers 90 % of new images like these."""

    path: str
    prediction: dict[str, float] | None
    intervals: dict[str, tuple[float, float]]
    units: dict[str, str]
    error: str | None = None
    confidence: None = None
    probabilities: dict[str, float] = field(default_factory=dict)  # none of them

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def cells(self) -> dict[str, str]:
        cells = {"image": self.path}
        for name, unit in self.units.items():
            shown = f"{name}, {unit}" if unit else name
            cells[shown] = "" if self.prediction is None else four_digits(self.prediction[name])
            if name in self.intervals:
                low, high = self.intervals[name]
                cells[f"{shown}, 90 % interval"] = f"{four_digits(low)} to {four_digits(high)}"
        return cells

    def values(self) -> dict[str, Any]:
        predicted = self.prediction or {}
        row: dict[str, Any] = {"path": self.path}
        for name in self.units:
            low, high = self.intervals.get(name, ("", ""))
            row |= {f"prediction {name}": predicted.get(name, ""), f"low {name}": low, f"high {name}": high}
        return row

    def as_target(self) -> npt.NDArray[np.float32] | None:
        return None if self.prediction is None else np.array(list(self.prediction.values()), np.float32)

    def mask_png(self) -> None:
        return None


@final
class NumberPredictions(Predictions):
    """Predicted numbers and targets (N D, in the units of the data), and positions (N) of the images of a split."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self._batches: list[tuple[Tensor, Tensor, Tensor]] = []

    def update(self, decoded: Tensor, batch: Batch) -> None:  # B D
        self._batches.append((decoded.double().cpu(), batch.targets.double().cpu(), batch.ids))

    @property
    def predicted(self) -> npt.NDArray[np.float64]:
        return torch.cat([predicted for predicted, _, _ in self._batches]).numpy()

    @property
    def targets(self) -> npt.NDArray[np.float64]:
        return torch.cat([targets for _, targets, _ in self._batches]).numpy()

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        return torch.cat([positions for _, _, positions in self._batches]).numpy()

    def half_widths(self) -> tuple[float, ...] | None:
        """Of the prediction intervals that these images give; None of too few."""
        errors = np.abs(self.predicted - self.targets)
        widths = [conformal_quantile(errors[:, d]) for d in range(errors.shape[1])]
        known = tuple(one for one in widths if one is not None)
        return known if len(known) == len(widths) else None

    def metrics(self) -> dict[str, Any]:
        scale = self.scale
        return regression_metrics(self.predicted, self.targets, scale.half_widths, scale.names, scale.units)

    def rows(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        predicted, targets = self.predicted, self.targets
        return [
            {
                "id": ids[position],
                **{f"label {name}": float(targets[n, d]) for d, name in enumerate(self.scale.names)},
                **{f"prediction {name}": float(predicted[n, d]) for d, name in enumerate(self.scale.names)},
            }
            for n, position in enumerate(self.positions.tolist())
        ]

    def worst(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Images with the largest errors, in standard deviations of the training targets."""
        predicted, targets, positions = self.predicted, self.targets, self.positions
        sizes = (np.abs(predicted - targets) / np.array(self.scale.stds)).max(1)
        return [
            (
                int(positions[n]),
                {
                    "label": self._text(targets[n]),
                    "prediction": self._text(predicted[n]),
                    "error": float(sizes[n]),
                },
            )
            for n in np.argsort(-sizes, kind="stable")[:count]
        ]

    def _text(self, numbers: npt.NDArray[np.float64]) -> str:
        named = zip(self.scale.names, self.scale.units, numbers.tolist(), strict=True)
        if len(numbers) == 1:
            return f"{four_digits(numbers[0])} {self.scale.units[0]}".rstrip()
        return ", ".join(f"{name} {four_digits(number)} {unit}".rstrip() for name, unit, number in named)

    def drawn(self, position: int, image: Pixels, target: Target) -> Pixels:  # noqa: ARG002 - the image shows it all
        return image
