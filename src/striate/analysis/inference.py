"""Inference: from batches to decoded predictions, in one pass."""

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from striate.data import Batches
from striate.tasks import Task

__all__ = ["Predictions", "inference_batch_size", "predict_batches"]

LARGEST_BATCH: Final = 128
CACHED_PIXELS: Final = 2**18  # whose activations stay in the caches of a CPU


def inference_batch_size(size: tuple[int, int], device: torch.device) -> int:
    """How many images of this height and width a forward pass takes at once.

    On a CPU so few that activations stay in its caches, which is faster.
    """
    height, width = size
    return max(1, min(LARGEST_BATCH, CACHED_PIXELS // (height * width) if device.type == "cpu" else LARGEST_BATCH))


@final
@dataclass(frozen=True)
class Predictions:
    """Probabilities (N K), labels (N) and ids of the images of a split, in their order."""

    probabilities: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    ids: tuple[str, ...]

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        return self.probabilities.argmax(1)

    @property
    def losses(self) -> npt.NDArray[np.float64]:
        """Cross-entropy of each image: the negative logarithm of its label's probability."""
        of_label = self.probabilities[np.arange(len(self.labels)), self.labels]
        return -np.log(np.clip(of_label, 1e-12, None))

    def worst(self, count: int) -> npt.NDArray[np.int64]:
        """Indices of the wrong predictions, the largest loss first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")][:count]

    def rows(self, split: str, classes: tuple[str, ...]) -> list[dict[str, Any]]:
        """Rows of predictions.csv."""
        confidences = self.probabilities.max(1)
        return [
            {
                "split": split,
                "id": id_,
                "label": classes[label],
                "prediction": classes[predicted],
                "confidence": float(confidences[n]),
                "label_probability": float(self.probabilities[n, label]),
                "loss": float(loss),
            }
            for n, (id_, label, predicted, loss) in enumerate(
                zip(self.ids, self.labels.tolist(), self.predicted.tolist(), self.losses.tolist(), strict=True)
            )
        ]


@torch.inference_mode()
def predict_batches(model: nn.Module, task: Task, batches: Batches) -> Predictions:
    """Run a network in eval mode on every image once; an image whose file cannot be read any more is left out."""
    model.eval()
    probabilities, positions = [], []
    for batch in batches.epoch(0):
        probabilities.append(task.decode(model(batch.images), batch).cpu())
        positions.append(batch.ids)
    samples, order = batches.samples, torch.cat(positions)
    ids = tuple(samples.ids[i] for i in order.tolist())
    return Predictions(torch.cat(probabilities).double().numpy(), samples.labels[order].numpy(), ids)
