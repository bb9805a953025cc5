"""Predictions and figures of a split, or of all that were held out, through the preprocessing of a bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch

from striate.data import Batches, LabeledImages, windows_of
from striate.models import Network
from striate.runs import Bundle, Preprocessing
from striate.tasks import Predictions, Task
from striate.training import inference_batch_size, predict_batches

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
        windows=windows_of(samples.targets, preprocessing.canvas, preprocessing.size),
    )


def predict_split(
    model: Network,
    task: Task,
    samples: LabeledImages,
    preprocessing: Preprocessing,
    device: torch.device,
) -> Predictions:
    """Predictions for all images of a split, computed on `device`, to which the network moves."""
    batches = evaluation_batches(samples, preprocessing, device)
    return predict_batches(model.to(device), task, batches, preprocessing.tta)


def evaluate_split(bundle: Bundle, samples: LabeledImages, device: torch.device) -> dict[str, Any]:
    """The figures of metrics.json for a split whose targets are of the bundle's classes."""
    return predict_split(bundle.model, bundle.task, samples, bundle.preprocessing, device).metrics()


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
    return HeldOutEvaluation(
        {name: each.metrics() for name, each in predictions.items()},
        [{"split": name, **row} for name, each in predictions.items() for row in each.rows(held_out[name].ids)],
        predictions,
    )
