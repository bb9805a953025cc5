"""The order in which an epoch goes through its samples: a function of (seed, epoch) and of nothing else."""

import torch
from torch import Tensor

from striate.views import permutation

__all__ = ["class_balanced_order"]

# `permutation` takes a seed and an epoch; a class's own order, and which classes get one sample more, must be neither
_OF_CLASSES, _OF_CLASS = 1 << 40, 1 << 41


def class_balanced_order(labels: Tensor, *, seed: int, epoch: int) -> Tensor:
    """As many draws as there are samples, in which all classes that occur come equally often (or but one more): N int64.

    A draw is the position of a sample + N times how often it came before in this epoch, so that the next view of it
    is another one. A class goes through all of its samples, shuffled, before one comes again.
    """
    count = len(labels)
    classes = labels.unique().tolist()
    least, more = divmod(count, len(classes))
    favored = set(permutation(seed + _OF_CLASSES, epoch, len(classes))[:more].tolist())
    draws = []
    for place, label in enumerate(classes):
        members = (labels == label).nonzero().flatten()
        wanted = least + (place in favored)
        turns = -(-wanted // len(members))
        shuffled = [
            members[permutation(seed + _OF_CLASS * (1 + turn), epoch * len(classes) + place, len(members))]
            + turn * count
            for turn in range(turns)
        ]
        draws.append(torch.cat(shuffled)[:wanted])
    return torch.cat(draws)[permutation(seed, epoch, count)]
