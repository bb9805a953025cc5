"""What a classifier predicts: of one image, and of all images of a split."""

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
from striate.tasks.classify.metrics import classification_metrics, cross_entropies
from striate.tasks.task import Prediction, Predictions

__all__ = ["ClassPrediction", "ClassPredictions"]


@final
@dataclass(frozen=True)
class ClassPrediction(Prediction):
    """The predicted class, its confidence (0..1), and the probability of every class."""

    path: str
    prediction: str | None
    confidence: float | None
    probabilities: dict[str, float]
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def cells(self) -> dict[str, str]:
        confidence = "" if self.confidence is None else percent(self.confidence)
        return {"image": self.path, "prediction": self.prediction or "", "confidence": confidence}

    def values(self) -> dict[str, Any]:
        confidence = "" if self.confidence is None else f"{self.confidence:.6g}"
        return {"path": self.path, "prediction": self.prediction or "", "confidence": confidence}

    def as_target(self) -> np.int64 | None:
        return None if self.prediction is None else np.int64(list(self.probabilities).index(self.prediction))

    def mask_png(self) -> None:
        return None


@final
class ClassPredictions(Predictions):
    """Probabilities (N K), labels (N) and positions (N) of the images of a split."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._batches: list[tuple[Tensor, Tensor, Tensor]] = []

    def update(self, decoded: Tensor, batch: Batch) -> None:  # B K
        self._batches.append((decoded.cpu(), batch.targets.cpu(), batch.ids))

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        return torch.cat([probabilities for probabilities, _, _ in self._batches]).double().numpy()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        return torch.cat([labels for _, labels, _ in self._batches]).numpy()

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        return torch.cat([positions for _, _, positions in self._batches]).numpy()

    def metrics(self) -> dict[str, Any]:
        return classification_metrics(self.probabilities, self.labels, self.classes)

    def rows(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        probabilities, labels = self.probabilities, self.labels
        losses, predicted = cross_entropies(probabilities, labels), probabilities.argmax(1)
        return [
            {
                "id": ids[position],
                "label": self.classes[label],
                "prediction": self.classes[predicted[n]],
                "confidence": float(probabilities[n].max()),
                "label_probability": float(probabilities[n, label]),
                "loss": float(losses[n]),
            }
            for n, (position, label) in enumerate(zip(self.positions.tolist(), labels.tolist(), strict=True))
        ]

    def worst(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """The wrong predictions, the largest loss first."""
        probabilities, labels, positions = self.probabilities, self.labels, self.positions
        losses, predicted = cross_entropies(probabilities, labels), probabilities.argmax(1)
        wrong = np.flatnonzero(predicted != labels)
        return [
            (
                int(positions[n]),
                {
                    "label": self.classes[labels[n]],
                    "prediction": self.classes[predicted[n]],
                    "confidence": float(probabilities[n].max()),
                    "loss": float(losses[n]),
                },
            )
            for n in wrong[np.argsort(-losses[wrong], kind="stable")][:count]
        ]

    def drawn(self, position: int, image: Pixels, target: Target) -> Pixels:  # noqa: ARG002 - the image shows it all
        return image
