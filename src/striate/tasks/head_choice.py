"""How strongly a head is regularized: chosen by cross-validation, on the embeddings that it is fitted on alone."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Protocol, TypeVar, final

import torch
from torch import Tensor, nn

from striate.data import stratified_folds
from striate.views import permutation

__all__ = [
    "CHOICE_SAMPLES",
    "Fold",
    "UnitScale",
    "best_value",
    "choice_folds",
    "choice_rows",
    "linear_layer",
    "quiet_and_single_threaded",
    "sample_order",
]

FOLDS: Final = 5
CHOICE_SAMPLES: Final = 2000  # that the choice is made on, at most
LEAST_GAIN: Final = 0.01  # of the loss, for which another value is taken
CHOICE_STREAM: Final = -4  # `permutation` takes an epoch; those of splits are before it

MANY_NUMBERS: Final = 5_000_000  # of embeddings; with fewer, threads wait for each other 20 times as long as they work

Fold = tuple[Tensor, Tensor]  # rows to train on, and rows to test


class _Tried(Protocol):
    @property
    def loss(self) -> float: ...


T = TypeVar("T", bound=_Tried)


def sample_order(embeddings: Tensor, targets: Tensor) -> Tensor:
    """An order that depends on the samples alone, so that what is fitted does not depend on how they were listed."""
    rows = zip(embeddings.numpy(), targets.numpy(), strict=True)
    digests = [blake2b(embedding.tobytes() + target.tobytes()).digest() for embedding, target in rows]
    return torch.tensor(sorted(range(len(digests)), key=digests.__getitem__))


def choice_rows(samples: int, seed: int) -> Tensor:
    """The rows that the choice is made on, ascending."""
    return permutation(seed, CHOICE_STREAM, samples)[:CHOICE_SAMPLES].sort().values


def choice_folds(strata: Tensor, groups: Tensor, seed: int) -> list[Fold]:
    """The folds of the choice, stratified, each group whole on one side. strata, groups: N.

    The only group of a stratum is always for training; no folds where all are such.
    """
    pairs = torch.stack((groups, strata), 1).unique(dim=0)
    groups_of_stratum = pairs[:, 1].bincount()
    needed = groups[groups_of_stratum[strata] == 1].unique()
    several = (~torch.isin(groups, needed)).nonzero().flatten()
    if not len(several):
        return []
    folds = min(FOLDS, int(groups_of_stratum[strata[several]].max()))
    fold_of = torch.full_like(strata, -1)
    fold_of[several] = stratified_folds(strata[several], folds, seed=seed, groups=groups[several])
    split = [((fold_of != fold).nonzero().flatten(), (fold_of == fold).nonzero().flatten()) for fold in range(folds)]
    return [(train, test) for train, test in split if len(train) and len(test)]


def best_value(values: Sequence[float], default: float, attempt: Callable[[float], T]) -> T:
    """The attempt of least loss: from the default on to neighboring values, as long as they do much better."""
    start = values.index(default)
    best = attempt(values[start])
    for others in (values[start + 1 :], values[:start][::-1]):
        before = best
        for value in others:
            found = attempt(value)
            if found.loss >= (1 - LEAST_GAIN) * best.loss:
                break
            best = found
        if best is not before:
            break  # the loss is nearly convex in the logarithm of the value
    return best


@contextmanager
def quiet_and_single_threaded(embeddings: Tensor) -> Iterator[None]:
    """For a fit of scikit-learn's: few embeddings take one thread.

    Nearly converged is good enough, and as many classes as half of the images are none too many: no warning.
    """
    from threadpoolctl import threadpool_limits

    threads = 1 if embeddings.numel() < MANY_NUMBERS else None
    with (
        warnings.catch_warnings(category=UserWarning, action="ignore"),
        threadpool_limits(threads, user_api="blas"),
    ):
        yield


def linear_layer(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Of a weight K D and a bias K."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


@final
@dataclass(frozen=True)
class UnitScale:
    """Embeddings minus their mean `center`, D, divided by their root mean squared distance to it, `length`."""

    center: Tensor
    length: float

    @classmethod
    def of(cls, embeddings: Tensor) -> "UnitScale":  # N D
        center = embeddings.mean(0)
        return cls(center, (embeddings - center).square().sum(1).mean().sqrt().item() or 1.0)

    def normalized(self, embeddings: Tensor) -> Tensor:
        return (embeddings - self.center) / self.length

    def folded_into(self, layer: nn.Linear) -> nn.Linear:
        """The layer on normalized embeddings as one on embeddings as they are, float64."""
        fitted = layer.state_dict()
        weight = fitted["weight"].double() / self.length
        return linear_layer(weight, fitted["bias"].double() - weight @ self.center.double())
