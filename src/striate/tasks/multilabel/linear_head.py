"""A linear head for several labels: a logistic regression for each class, with scikit-learn, which is imported where it is used."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.tasks.head_choice import linear_layer
from striate.tasks.linear_head import LinearEstimator

__all__ = ["logistic_regressions"]

STRENGTHS: Final = (0.1, 1.0, 10.0, 100.0, 1000.0)  # C, one for all classes


def logistic_regressions(class_weights: Tensor | None) -> LinearEstimator:
    """class_weights: of negatives and of positives in the loss, 2 K; None where all weigh the same.

    C is chosen by the weighted log loss of images that were held out, so probabilities need no factor.
    """

    def in_loss(targets: Tensor, weights: Tensor) -> Tensor:  # N K, N -> N K
        if class_weights is None:
            return weights[:, None].expand_as(targets)
        negative, positive = class_weights
        return weights[:, None] * torch.lerp(negative, positive, targets)

    def fit(embeddings: Tensor, targets: Tensor, weights: Tensor, value: float) -> nn.Linear:
        layers = [
            _one_class(embeddings, target, weight, value)
            for target, weight in zip(targets.T, in_loss(targets, weights).T, strict=True)
        ]
        weight, bias = zip(*layers, strict=True)
        return linear_layer(torch.stack(weight), torch.stack(bias))

    def loss(outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        each = F.binary_cross_entropy_with_logits(outputs.double(), targets.double(), reduction="none")
        return (each * in_loss(targets, weights)).mean()

    return LinearEstimator("logistic regression for each class", fit, loss, "C", STRENGTHS, default=10.0)


def _one_class(embeddings: Tensor, target: Tensor, weights: Tensor, value: float) -> tuple[Tensor, Tensor]:
    """Weight D and bias; of a class that all images or none have the constant of Laplace's rule of succession."""
    from sklearn.linear_model import LogisticRegression

    positive, count = int(target.sum()), len(target)
    if positive in (0, count):
        return embeddings.new_zeros(embeddings.shape[1]), torch.tensor((positive + 1) / (count + 2)).logit()
    model = LogisticRegression(C=value, max_iter=1000)
    model.fit(embeddings.numpy(), target.numpy(), sample_weight=weights.numpy())
    return torch.from_numpy(model.coef_[0]).float(), torch.tensor(model.intercept_[0]).float()
