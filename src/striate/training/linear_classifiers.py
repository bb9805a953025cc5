"""Logistic regression and the linear support vector machine of all classes at once, by L-BFGS in well-conditioned coordinates.

Both minimize |W|^2 / 2 + C sum of the samples' losses: the minima of scikit-learn's LogisticRegression, whose bias has no
penalty, and of its LinearSVC, one class against the rest with the squared hinge loss, whose bias has one. Embeddings of deep
networks vary 1000 times more along some directions than along others, which costs optimizers hundreds of steps. On their
principal axes the curvature along each is known nearly enough to be scaled away, and the minimum is 10 to 80 steps off.
Measured with 5000 samples of 1280 dimensions on one core at C = 10: the SVM of 8 classes takes 0.5 s (LinearSVC 3 s), that of
100 classes 3.4 s; logistic regression 0.3 s and 1.0 s, as scikit-learn's, which stops before the minimum.
"""

from typing import Final, Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["LinearClassifier", "principal_axes"]

LARGEST_SAMPLE: Final = 5000  # whose principal axes are taken
MAX_STEPS: Final = 300
TOLERANCE: Final = 1e-6  # of the mean loss, from one step to the next


def principal_axes(embeddings: Tensor) -> Tensor:
    """Orthonormal axes D R, R = min(N, D), that span the embeddings, N D, and along which they are nearly uncorrelated.

    No fit with an L2 penalty changes by a rotation, nor by leaving out directions that no sample has.
    """
    n, features = embeddings.shape
    if n >= features:
        sample = embeddings[:: -(-n // LARGEST_SAMPLE)]
        return torch.linalg.eigh(sample.T @ sample).eigenvectors
    basis, triangle = torch.linalg.qr(embeddings.T)  # D N, N N
    return basis @ torch.linalg.eigh(triangle @ triangle.T).eigenvectors


@final
class LinearClassifier:
    """A weight and a bias for each class, to be fitted: the objective and the coordinates in which it is minimized.

    embeddings: N D on their principal axes. labels: N, class numbers from 0 to classes - 1, 2 classes or more.
    weights: N, of the samples' losses. inverse_penalty: C, the inverse strength of the L2 penalty.
    """

    def __init__(
        self,
        loss: Literal["logistic", "squared hinge"],
        embeddings: Tensor,
        labels: Tensor,
        weights: Tensor,
        classes: int,
        inverse_penalty: float,
    ) -> None:
        self.embeddings, self.labels = embeddings, labels
        self.one_hot = F.one_hot(labels, classes).to(embeddings.dtype)  # N K
        self.logistic = loss == "logistic"
        if self.logistic and classes == 2:
            inverse_penalty /= 2  # scikit-learn penalizes the one difference of two weights, which is twice their sum
        self.factors = inverse_penalty * weights.to(embeddings.dtype)[:, None]  # N 1
        self.total = float(self.factors.sum(dtype=torch.float64))
        curvature = 0.3 / classes if self.logistic else 0.6  # of a typical sample
        squares = curvature * (self.factors * embeddings.square()).sum(0, dtype=torch.float64)
        of_bias = curvature * self.total + (not self.logistic)
        self.scales = torch.cat((1 + squares, squares.new_tensor([of_bias]))).rsqrt()  # D + 1

    def fit(self) -> tuple[Tensor, Tensor]:
        """The weight K D and the bias K at the minimum."""
        scaled = torch.zeros(self.one_hot.shape[1], len(self.scales), dtype=torch.float64)
        optimizer = torch.optim.LBFGS(
            [scaled],
            max_iter=MAX_STEPS,
            tolerance_grad=TOLERANCE,
            tolerance_change=TOLERANCE,
            history_size=10,
            line_search_fn="strong_wolfe",
        )

        def objective() -> Tensor:
            value, scaled.grad = self._objective(scaled)
            return value

        optimizer.step(objective)
        solution = (scaled * self.scales).to(self.embeddings.dtype)
        return solution[:, :-1], solution[:, -1]

    def _objective(self, scaled: Tensor) -> tuple[Tensor, Tensor]:
        """The objective divided by the sum of all factors, and its gradient K D + 1."""
        exact = scaled * self.scales
        weight, bias = exact.to(self.embeddings.dtype).split((len(self.scales) - 1, 1), 1)
        scores = torch.addmm(bias.T, self.embeddings, weight.T)  # N K
        losses, slopes = self._logistic(scores) if self.logistic else self._squared_hinge(scores)
        slopes.mul_(self.factors)
        gradient = torch.cat((slopes.T @ self.embeddings, slopes.sum(0)[:, None]), 1).double()
        penalized = exact.clone()
        if self.logistic:
            penalized[:, -1] = 0
        value = (self.factors * losses).sum(dtype=torch.float64) + (penalized * exact).sum() / 2
        return value / self.total, (gradient + penalized) * self.scales / self.total

    def _logistic(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each sample, N 1, and its derivatives, N K."""
        log_probabilities = scores.log_softmax(1)
        losses = -log_probabilities.gather(1, self.labels[:, None])
        return losses, log_probabilities.exp_().sub_(self.one_hot)

    def _squared_hinge(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each sample and class, N K, and its derivatives, N K."""
        signs = 2 * self.one_hot - 1
        missing = (1 - signs * scores).clamp_(min=0)
        return missing.square(), signs.mul_(missing).mul_(-2)
