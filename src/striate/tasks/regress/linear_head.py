"""A linear head for numbers: ridge regression, with scikit-learn, which is imported where it is used."""

from typing import Final

import torch
from torch import Tensor, nn

from striate.tasks.head_choice import linear_layer
from striate.tasks.linear_head import LinearEstimator

__all__ = ["RIDGE"]

STRENGTHS: Final = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.01, 0.001)  # alpha, one for all numbers


def _fit(embeddings: Tensor, targets: Tensor, weights: Tensor, value: float) -> nn.Linear:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=value)
    model.fit(embeddings.double().numpy(), targets.double().numpy(), sample_weight=weights.double().numpy())
    weight = torch.from_numpy(model.coef_).reshape(targets.shape[1], -1)  # of one number scikit-learn gives D
    return linear_layer(weight.float(), torch.from_numpy(model.intercept_).reshape(-1).float())


def _loss(outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    return (weights[:, None] * (outputs.double() - targets.double()).square()).mean()


RIDGE: Final = LinearEstimator("ridge regression", _fit, _loss, "alpha", STRENGTHS, default=1.0)
