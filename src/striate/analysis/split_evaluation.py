"""Predictions and figures of a split, or of all that were held out, through the preprocessing of a bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch

from striate.analysis.inference import Predictions, inference_batch_size, predict_batches
from striate.analysis.metrics import classification_metrics
from striate.data import Batches, LabeledImages
from striate.models import Network
from striate.runs import Bundle, Preprocessing
from striate.tasks import Classify, Task

__all__ = ["HeldOutEvaluation", "evaluate_held_out", "evaluate_split", "evaluation_batches", "predict_split"]


def evaluation_batches(
    samples: LabeledImages, preprocessing: Preprocessing, device: torch.device, batch_size: int | None = None
) -> Batches:
    """The images in their order, without augmentation; a batch size that is left out is that of a fast forward pass."""
    return Batches(
        samples,
        batch_size=batch_size or inference_batch_size(preprocessing.size, device),
        size=preprocessing.size,
        normalization=preprocessing.normalization,
        policy=None,
        seed=0,
        device=device,
    )


def predict_split(
    model: Network,
    task: Task,
    samples: LabeledImages,
    preprocessing: Preprocessing,
    device: torch.device,
) -> Predictions:
    """Predictions for all images of a split, computed on `device`, to which the network moves."""
    return predict_batches(model.to(device), task, evaluation_batches(samples, preprocessing, device))


def evaluate_split(bundle: Bundle, samples: LabeledImages, device: torch.device) -> dict[str, Any]:
    """The figures of metrics.json for a split whose labels are positions in the bundle's classes."""
    task = Classify(bundle.classes)
    return classification_metrics(
        predict_split(bundle.model, task, samples, bundle.preprocessing, device), bundle.classes
    )


@final
@dataclass(frozen=True)
class HeldOutEvaluation:
    """Metrics by split, a row for each prediction, and the predictions of the reported split: test, or else val."""

    metrics: dict[str, Any]
    rows: list[dict[str, Any]]
    predictions: dict[str, Predictions]

    @property
    def reported(self) -> str | None:
        """The split whose metrics are reported; None where no images were held out."""
        return next((name for name in ("test", "val") if name in self.metrics), None)


def evaluate_held_out(
    model: Network,
    task: Task,
    held_out: Mapping[str, LabeledImages],
    preprocessing: Preprocessing,
    device: torch.device,
) -> HeldOutEvaluation:
    """The network on each split that it was not trained on."""
    predictions = {
        name: predict_split(model, task, samples, preprocessing, device) for name, samples in held_out.items()
    }
    classes = {name: samples.classes for name, samples in held_out.items()}
    return HeldOutEvaluation(
        {name: classification_metrics(each, classes[name]) for name, each in predictions.items()},
        [row for name, each in predictions.items() for row in each.rows(name, classes[name])],
        predictions,
    )
