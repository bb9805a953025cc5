"""The task of several labels: a sigmoid for each class, binary cross-entropy, a threshold for each class."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data import Batch, ImageFrame, LoadedTargets, MultiLabelTargets
from striate.errors import DataError
from striate.number_format import finite
from striate.tasks.fitted_head import EmbeddedSamples, FittedHead, HeadFit
from striate.tasks.linear_head import fit_linear_head
from striate.tasks.multilabel.linear_head import logistic_regressions
from striate.tasks.multilabel.predictions import LabelsPrediction, LabelsPredictions
from striate.tasks.multilabel.score_histograms import ScoreHistograms
from striate.tasks.multilabel.thresholds import DEFAULT_THRESHOLD, best_thresholds
from striate.tasks.settings import LossSettings
from striate.tasks.task import Predictions, Task
from striate.views import View, merge_predictions

__all__ = ["MultiLabel"]


@final
@dataclass(frozen=True, eq=False)
class MultiLabel(Task):
    """Any number of classes for each image; a class is predicted where its probability reaches its threshold.

    A class that none or all of the training images have has the threshold NaN: it is never predicted, and not measured.
    `weights`, 2 K float32, are those of negatives and of positives of each class in the loss; their mean over all images is 1.
    `gamma` above 0 makes it the focal loss: Lin et al., "Focal loss for dense object detection", 2017, arXiv:1708.02002, eq. 4.
    """

    name: ClassVar[str] = "multilabel"
    calibrates: ClassVar[bool] = True
    needs_examples: ClassVar[bool] = True
    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    weights: Tensor | None = None
    gamma: float = 0.0

    @classmethod
    def for_training(cls, classes: tuple[str, ...], loss: LossSettings, targets: LoadedTargets) -> "MultiLabel":
        counts, count = targets.counts(len(classes)), len(targets)
        thresholds = tuple(math.nan if positive in (0, count) else DEFAULT_THRESHOLD for positive in counts)
        if all(map(math.isnan, thresholds)):
            raise DataError(
                f"each class is in none or in all of the {count:,} training images, so nothing can be learned; add images"
            )
        weights = balanced_weights(counts, count) if loss.balance == "weights" else None
        return cls(classes, thresholds, weights, loss.focal_gamma or 0.0)

    @classmethod
    def from_arguments(cls, classes: tuple[str, ...], arguments: Mapping[str, Any]) -> "MultiLabel":
        (thresholds,) = arguments.values()
        if arguments.keys() != {"thresholds"} or len(thresholds) != len(classes):
            raise ValueError(f"multilabel takes {len(classes)} thresholds")
        return cls(classes, tuple(math.nan if one is None else float(one) for one in thresholds))

    def calibrated(self, predictions: Predictions) -> "MultiLabel":
        assert isinstance(predictions, LabelsPredictions)
        best = best_thresholds(predictions.probabilities, predictions.targets)
        return replace(self, thresholds=tuple(np.where(np.isnan(self.thresholds), np.nan, best).tolist()))

    def losses(self, outputs: Tensor, batch: Batch) -> Mapping[str, Tensor]:  # outputs, targets: B K
        targets = batch.targets
        each = F.binary_cross_entropy_with_logits(outputs.float(), targets, reduction="none")
        if self.gamma:
            wrong = -torch.expm1(
                -each
            )  # the probability of what is not the case; 0 has no gradient where gamma is below 1
            each = each * wrong.clamp_min(torch.finfo(wrong.dtype).tiny) ** self.gamma
        if self.weights is not None:
            negative, positive = self.weights.to(outputs.device)
            each = each * torch.lerp(negative, positive, targets)
        return {"labels": each.mean()}

    def head_fit(self, kind: str) -> HeadFit | None:
        return self._fit_linear_head if kind == "linear" else None

    def _fit_linear_head(self, samples: EmbeddedSamples) -> FittedHead:
        """A logistic regression a class, weighted as the loss is."""
        assert isinstance(samples.targets, MultiLabelTargets)

        targets = torch.from_numpy(samples.targets.values).float()
        return fit_linear_head(logistic_regressions(self.weights), self, samples, targets)

    def metrics(self) -> ScoreHistograms:
        return ScoreHistograms([not math.isnan(one) for one in self.thresholds])

    def predictions(self) -> LabelsPredictions:
        return LabelsPredictions(self.classes, np.array(self.thresholds))

    def decode(self, outputs: Tensor) -> Tensor:  # B K
        return outputs.float().sigmoid()

    def merge(self, views: Sequence[View], decoded: Sequence[Tensor]) -> Tensor:  # noqa: ARG002 - of whole images: B K
        return merge_predictions(decoded)

    def describe(self, decoded: Tensor, frames: Sequence[ImageFrame]) -> list[LabelsPrediction]:  # B K
        described = []
        for frame, row in zip(frames, decoded.double().tolist(), strict=True):
            found = [k for k, probability in enumerate(row) if probability >= self.thresholds[k]]
            found.sort(key=lambda k: -row[k])
            probabilities = dict(zip(self.classes, row, strict=True))
            described.append(LabelsPrediction(frame.name, tuple(self.classes[k] for k in found), probabilities))
        return described

    def unreadable(self, name: str, error: str) -> LabelsPrediction:
        return LabelsPrediction(name, None, {}, error)

    def soft_targets(self, targets: Tensor) -> Tensor:  # B K
        return targets

    def arguments(self) -> dict[str, Any]:
        return {"thresholds": [finite(one) for one in self.thresholds]}


def balanced_weights(counts: Sequence[int], images: int) -> Tensor:
    """Weights of negatives and positives, so that both sum to the same in each class: K counts -> 2 K, mean over the images 1.

    0 for what no image is.
    In proportion those of CheXNet: Rajpurkar et al., 2017, arXiv:1711.05225, section 2.1.
    """
    positive = torch.tensor(counts, dtype=torch.float64)
    each = torch.stack([images - positive, positive])
    return torch.where(each > 0, images / (2 * each), 0).float()
