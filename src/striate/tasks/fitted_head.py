"""A head that is fitted on the embeddings of a frozen network, and what it is fitted on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor, nn

from striate.data import Batch, LoadedTargets
from striate.models import HeadDescription
from striate.tasks.figure import Figure
from striate.views import Normalization, evaluation_view

__all__ = ["EmbeddedSamples", "FittedHead", "HeadFit"]

NOWHERE: Final = Normalization((0.0,), (1.0,))  # an embedding has no pixels


@final
@dataclass(frozen=True, eq=False)
class EmbeddedSamples:
    """What a head is fitted on.

    embeddings: N D float32, on the CPU. weights: N, of the samples in the loss. groups: N, equal for samples that
    cross-validation must not divide. seed: of its folds.
    """

    embeddings: Tensor
    targets: LoadedTargets
    weights: Tensor
    groups: Tensor
    seed: int

    def __len__(self) -> int:
        return len(self.embeddings)

    def batch(self, rows: Tensor) -> Batch:
        """Some of them as a batch, their embeddings as its inputs."""
        view = evaluation_view(len(rows), image_size=(1, 1), size=(1, 1), normalization=NOWHERE)
        return Batch(self.embeddings[rows], self.targets.gather_on(torch.device("cpu"))(rows, view), rows, view)


@final
@dataclass(frozen=True)
class FittedHead:
    """A head, N D -> outputs N K, with what was chosen for it and how well it does.

    estimator: what it is, for a person. setting, value: what was chosen by cross-validation, such as "C", and its value; "" and 0
    where nothing is. figure: of cross-validation with this value, slightly good as that of the best of a few; None where nothing
    could be held out.
    """

    module: nn.Module
    description: HeadDescription
    estimator: str
    setting: str
    value: float
    figure: Figure | None


HeadFit = Callable[[EmbeddedSamples], FittedHead]
