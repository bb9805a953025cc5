"""The task of classification: softmax and cross-entropy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data import Batch, ClassTargets, ImageFrame, LoadedTargets
from striate.tasks.classify.confusion_matrix import ConfusionMatrix
from striate.tasks.classify.head_fitting import fit_head
from striate.tasks.classify.predictions import ClassPrediction, ClassPredictions
from striate.tasks.fitted_head import EmbeddedSamples, FittedHead, HeadFit
from striate.tasks.settings import LossSettings
from striate.tasks.task import Predictions, Task
from striate.views import View, merge_predictions, one_hot

__all__ = ["Classify", "class_weights"]


def class_weights(counts: Sequence[int]) -> Tensor:
    """Weights by inverse frequency, whose mean over all samples is 1: K counts -> K; a class without samples weighs 0."""
    images = torch.tensor(counts, dtype=torch.float64)
    weights = images.sum() / ((images > 0).sum() * images)
    return torch.where(images > 0, weights, 0.0).float()


@final
@dataclass(frozen=True, eq=False)
class Classify(Task):
    """One class for each image; `label_smoothing` is the probability that is spread over all classes (Szegedy et al. 2016).

    `weights`, K float32, are the weights of the classes in the loss, which is a mean over images.
    """

    name: ClassVar[str] = "classify"
    calibrates: ClassVar[bool] = False
    classes: tuple[str, ...]
    label_smoothing: float = 0.0
    weights: Tensor | None = None

    @classmethod
    def for_training(cls, classes: tuple[str, ...], loss: LossSettings, targets: LoadedTargets) -> "Classify":
        weights = class_weights(targets.counts(len(classes))) if loss.balance == "weights" else None
        return cls(classes, loss.label_smoothing, weights)

    @classmethod
    def from_arguments(cls, classes: tuple[str, ...], arguments: Mapping[str, Any]) -> "Classify":
        if arguments:
            raise ValueError(f"classify takes no arguments, not {', '.join(arguments)}")
        return cls(classes)

    def calibrated(self, predictions: Predictions) -> "Classify":  # noqa: ARG002 - the most probable class needs no threshold
        return self

    def losses(
        self, outputs: Tensor, batch: Batch
    ) -> Mapping[str, Tensor]:  # outputs: B K; targets: B, or B K if mixed
        if self.weights is None:
            return {"class": F.cross_entropy(outputs.float(), batch.targets, label_smoothing=self.label_smoothing)}
        each = F.cross_entropy(
            outputs.float(),
            batch.targets,
            weight=self.weights.to(outputs.device),
            label_smoothing=self.label_smoothing,
            reduction="none",  # torch's mean would divide by the weights in the batch, and batches would not add up
        )
        return {"class": each.mean()}

    def head_fit(self, kind: str) -> HeadFit:
        """The network's own layer, "linear", is fitted as "logistic" is."""

        def fit(samples: EmbeddedSamples) -> FittedHead:
            assert isinstance(samples.targets, ClassTargets)
            labels = torch.from_numpy(samples.targets.values)
            return fit_head(
                "logistic" if kind == "linear" else kind,
                samples.embeddings,
                labels,
                len(self.classes),
                samples.seed,
                groups=samples.groups,
                weights=samples.weights if self.weights is None else samples.weights * self.weights[labels],
            )

        return fit

    def metrics(self) -> ConfusionMatrix:
        return ConfusionMatrix(len(self.classes))

    def predictions(self) -> ClassPredictions:
        return ClassPredictions(self.classes)

    def decode(self, outputs: Tensor) -> Tensor:  # B K
        return outputs.float().softmax(1)

    def merge(self, views: Sequence[View], decoded: Sequence[Tensor]) -> Tensor:  # noqa: ARG002 - of whole images: B K
        return merge_predictions(decoded)

    def describe(self, decoded: Tensor, frames: Sequence[ImageFrame]) -> list[ClassPrediction]:  # B K
        predicted = []
        for frame, row in zip(frames, decoded.tolist(), strict=True):
            best = max(range(len(row)), key=row.__getitem__)
            probabilities = dict(zip(self.classes, row, strict=True))
            predicted.append(ClassPrediction(frame.name, self.classes[best], row[best], probabilities))
        return predicted

    def unreadable(self, name: str, error: str) -> ClassPrediction:
        return ClassPrediction(name, None, None, {}, error)

    def soft_targets(self, targets: Tensor) -> Tensor:  # B -> B K
        return one_hot(targets, len(self.classes))

    def arguments(self) -> dict[str, Any]:
        return {}
