"""Predictions and figures of one split, through the preprocessing of a bundle."""

from typing import Any

import torch

from striate.analysis.inference import Predictions, predict_batches
from striate.analysis.metrics import classification_metrics
from striate.data import Batches, LabeledImages
from striate.models import Network
from striate.runs import Bundle, Preprocessing
from striate.tasks import Classify, Task

__all__ = ["evaluate_split", "evaluation_batches", "predict_split"]

BATCH = 128  # images, at the least


def evaluation_batches(
    samples: LabeledImages, preprocessing: Preprocessing, device: torch.device, batch_size: int = BATCH
) -> Batches:
    """The images in their order, without augmentation."""
    return Batches(
        samples,
        batch_size=max(batch_size, BATCH),
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
    batch_size: int = BATCH,
) -> Predictions:
    """Predictions for all images of a split, computed on `device`, to which the network moves."""
    return predict_batches(model.to(device), task, evaluation_batches(samples, preprocessing, device, batch_size))


def evaluate_split(bundle: Bundle, samples: LabeledImages, device: torch.device) -> dict[str, Any]:
    """The figures of metrics.json for a split whose labels are positions in the bundle's classes."""
    task = Classify(bundle.classes)
    return classification_metrics(
        predict_split(bundle.model, task, samples, bundle.preprocessing, device), bundle.classes
    )
