"""Which classes a network finds: in one image, and in all images of a split."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data import Batch
from striate.data.decoding.resize import Pixels
from striate.data.targets import Target
from striate.number_format import percent
from striate.tasks.multilabel.metrics import binary_cross_entropies, multilabel_metrics
from striate.tasks.task import Prediction, Predictions

__all__ = ["LabelsPrediction", "LabelsPredictions"]

SEPARATOR = "; "


@final
@dataclass(frozen=True)
class LabelsPrediction(Prediction):
    """The classes whose probability reaches their threshold, the most probable first, and the probability of every class."""

    path: str
    prediction: tuple[str, ...] | None
    probabilities: dict[str, float]
    error: str | None = None
    confidence: None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def cells(self) -> dict[str, str]:
        shown = (f"{name} ({percent(self.probabilities[name])})" for name in self.prediction or ())
        found = SEPARATOR.join(shown) or ("none" if self.prediction is not None else "")
        return {"image": self.path, "prediction": found}

    def values(self) -> dict[str, Any]:
        return {"path": self.path, "prediction": SEPARATOR.join(self.prediction or ())}

    def as_target(self) -> npt.NDArray[np.bool_] | None:
        return None if self.prediction is None else np.array([name in self.prediction for name in self.probabilities])

    def mask_png(self) -> None:
        return None


@final
class LabelsPredictions(Predictions):
    """Probabilities (N K), targets (N K bool) and positions (N) of the images of a split.

    A class whose threshold is NaN was not learned: no loss counts it, and it is not missed.
    """

    def __init__(self, classes: tuple[str, ...], thresholds: npt.NDArray[np.float64]) -> None:
        self.classes, self.thresholds, self.learned = classes, thresholds, ~np.isnan(thresholds)
        self._batches: list[tuple[Tensor, Tensor, Tensor]] = []

    def update(self, decoded: Tensor, batch: Batch) -> None:  # B K
        self._batches.append((decoded.cpu(), batch.targets.cpu() > 0.5, batch.ids))

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        return torch.cat([probabilities for probabilities, _, _ in self._batches]).double().numpy()

    @property
    def targets(self) -> npt.NDArray[np.bool_]:
        return torch.cat([targets for _, targets, _ in self._batches]).numpy()

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        return torch.cat([positions for _, _, positions in self._batches]).numpy()

    def metrics(self) -> dict[str, Any]:
        return multilabel_metrics(self.probabilities, self.targets, self.thresholds, self.classes)

    def rows(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        probabilities, targets, losses = self.probabilities, self.targets, self._losses()
        return [
            {
                "id": ids[position],
                "labels": self._names(targets[n]),
                "predictions": self._names(probabilities[n] >= self.thresholds),
                "loss": float(losses[n]),
                **{f"p {name}": float(probabilities[n, k]) for k, name in enumerate(self.classes)},
            }
            for n, position in enumerate(self.positions.tolist())
        ]

    def worst(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Images of which a class is missed or predicted wrongly, the largest loss first."""
        targets, positions, losses = self.targets & self.learned, self.positions, self._losses()
        predicted = self.probabilities >= self.thresholds
        wrong = np.flatnonzero((predicted != targets).any(1))
        return [
            (
                int(positions[n]),
                {
                    "missed": self._names(targets[n] & ~predicted[n]),
                    "wrong": self._names(predicted[n] & ~targets[n]),
                    "correct": self._names(predicted[n] & targets[n]),
                    "loss": float(losses[n]),
                },
            )
            for n in wrong[np.argsort(-losses[wrong], kind="stable")][:count]
        ]

    def _losses(self) -> npt.NDArray[np.float64]:
        return binary_cross_entropies(self.probabilities[:, self.learned], self.targets[:, self.learned])

    def _names(self, chosen: npt.NDArray[np.bool_]) -> str:
        return SEPARATOR.join(self.classes[k] for k in np.flatnonzero(chosen))

    def drawn(self, position: int, image: Pixels, target: Target) -> Pixels:  # noqa: ARG002 - the image shows it all
        return image
