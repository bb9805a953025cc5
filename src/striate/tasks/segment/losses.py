"""Losses of semantic segmentation, of logits B K H W and labels B H W int64, where IGNORE marks pixels that do not count.

Each is a scalar, float32 also for logits of less precision, and 0 with gradients of 0 where no pixel counts. None waits for a GPU.

Dice, Tversky and Lovasz compare regions: of each class over all pixels of the batch, so that a class that is in few images is
not measured by images that it is not in. They are means over the classes that occur in the labels of the batch. A class without
labels has no region to overlap with, its loss would be 1 whatever is predicted, short of nothing at all, and with many
classes such terms would outweigh the others. Pixels that are wrongly given to it lower the overlap of the class that they are of.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data.targets import IGNORE
from striate.errors import SettingError, nearest

__all__ = [
    "SEGMENTATION_LOSSES",
    "cross_entropy",
    "dice",
    "focal",
    "from_the_largest",
    "lovasz",
    "segmentation_loss",
    "tversky",
]

PixelLoss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over the pixels that count; `weights`, K, are those of the classes.

    It is divided by the number of pixels, not by the sum of their weights: a batch with none but rare classes weighs more.
    """
    return _mean_over_pixels(_cross_entropies(logits, labels, weights), labels)


def focal(logits: Tensor, labels: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Cross-entropy times (1 - p)^gamma, where p is the probability of the label: pixels that are right already weigh little.

    Lin et al., "Focal loss for dense object detection", 2017, arXiv:1708.02002, eq. 4 and 5, of softmax instead of sigmoid.
    """
    entropies = _cross_entropies(logits, labels, None)
    wrong = -torch.expm1(-entropies)  # 1 - p
    # p = 1 is clamped, since a gamma below 1 has no gradient there
    each = wrong.clamp_min(torch.finfo(wrong.dtype).tiny) ** gamma * entropies
    if weights is not None:
        each = each * weights.to(each)[labels]  # any weight of IGNORE, where `each` is 0
    return _mean_over_pixels(each, labels)


def dice(logits: Tensor, labels: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - (2 TP + 2 s) / (2 TP + FP + FN + 2 s) of soft counts, mean over classes: the Tversky loss that weighs both errors alike.

    `smooth`, s, is in pixels: a class of a few pixels is not all or nothing, and without pixels and predictions its loss is 0.
    Milletari et al., "V-Net", 2016, arXiv:1606.04797, section 3, with the sum of probabilities, not of their squares, below.
    """
    return tversky(logits, labels, alpha=0.5, beta=0.5, smooth=smooth)


def tversky(logits: Tensor, labels: Tensor, alpha: float = 0.3, beta: float = 0.7, smooth: float = 1.0) -> Tensor:
    """1 - (TP + s) / (TP + alpha FP + beta FN + s) of soft counts, mean over classes; beta above alpha favors recall.

    Salehi et al., "Tversky loss function for image segmentation using 3D fully convolutional deep networks", 2017,
    arXiv:1706.05721, and the weights that it found best.
    """
    probabilities = _probabilities(logits, labels)
    counted = labels.clamp_min(0)  # any class where a pixel does not count: its probabilities are 0
    hits = _sum_by_class(probabilities.gather(1, counted[:, None])[:, 0], counted, logits.shape[1])
    positives = _sum_by_class((labels != IGNORE).to(hits.dtype), counted, logits.shape[1])
    alarms, misses = probabilities.sum((0, 2, 3)) - hits, positives - hits
    overlaps = (hits + smooth) / (hits + alpha * alarms + beta * misses + smooth)
    return _mean_over_present(1 - overlaps, positives)


def lovasz(logits: Tensor, labels: Tensor) -> Tensor:
    """The Lovasz-softmax loss: the convex extension of 1 - IoU to probabilities, mean over classes.

    Berman et al., "The Lovasz-softmax loss: a tractable surrogate for the optimization of the intersection-over-union
    measure in neural networks", 2018, arXiv:1705.08790.
    """
    probabilities, here = _probabilities(logits, labels), _one_hot(labels, logits.shape[1])
    positives = here.sum((0, 2, 3))
    # a CPU waits for nothing, and need not sort the errors of classes that do not count
    present = positives.tolist() if positives.device.type == "cpu" else [1] * len(positives)
    absent = probabilities.sum() * 0.0
    losses = []
    for k, count in enumerate(present):
        if count == 0:
            losses.append(absent)
            continue
        errors = (here[:, k].to(probabilities.dtype) - probabilities[:, k]).abs().flatten()
        losses.append((errors * _lovasz_weights(errors.detach(), here[:, k].flatten())).sum())
    return _mean_over_present(torch.stack(losses), positives)


SEGMENTATION_LOSSES: Final[Mapping[str, Callable[..., Tensor]]] = MappingProxyType(
    {"cross_entropy": cross_entropy, "dice": dice, "tversky": tversky, "focal": focal, "lovasz": lovasz}
)


def segmentation_loss(
    name: str, *, weights: Tensor | None = None, gamma: float = 2.0, alpha: float = 0.3, beta: float = 0.7
) -> Callable[[Tensor, Tensor], dict[str, Tensor]]:
    """A loss, or several with "+" between them, such as "cross_entropy+dice": a function that gives the terms of the sum by name.

    `weights` are those of the classes in cross_entropy and focal, `gamma` is that of focal, `alpha` and `beta` are tversky's.
    """
    names = [one.strip() for one in name.split("+")]
    for one in names:
        if one not in SEGMENTATION_LOSSES:
            raise SettingError(f"{one!r} is no loss of masks{nearest(one, SEGMENTATION_LOSSES)}")
    if len(set(names)) < len(names):
        raise SettingError(f"the loss {name} has a term twice")
    arguments: Mapping[str, dict[str, object]] = {
        "cross_entropy": {"weights": weights},
        "focal": {"weights": weights, "gamma": gamma},
        "tversky": {"alpha": alpha, "beta": beta},
    }
    terms: dict[str, PixelLoss] = {one: partial(SEGMENTATION_LOSSES[one], **arguments.get(one, {})) for one in names}
    return lambda logits, labels: {one: term(logits, labels) for one, term in terms.items()}


def _exact(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _cross_entropies(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """B H W, 0 where a pixel does not count."""
    exact = _exact(logits)
    given = None if weights is None else weights.to(exact)
    return F.cross_entropy(exact, labels, weight=given, ignore_index=IGNORE, reduction="none")


def _mean_over_pixels(each: Tensor, labels: Tensor) -> Tensor:
    return each.sum() / (labels != IGNORE).sum().clamp_min(1)


def _probabilities(logits: Tensor, labels: Tensor) -> Tensor:
    """B K H W, 0 where a pixel does not count."""
    return _exact(logits).softmax(1).masked_fill((labels == IGNORE)[:, None], 0.0)


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    """B H W -> B K H W bool, False where a pixel does not count."""
    return labels[:, None] == torch.arange(classes, device=labels.device)[:, None, None]


def _sum_by_class(values: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Of values B H W the sum over the pixels of each class: K."""
    if values.device.type == "cpu":  # one pass, not one a class, in float64, since each sum is added up in a row
        sums = values.new_zeros(classes, dtype=torch.float64)
        return sums.index_add(0, labels.flatten(), values.flatten().double()).to(values.dtype)
    # index_add of a GPU adds in an order that differs from run to run
    return torch.where(_one_hot(labels, classes), values[:, None], 0.0).sum((0, 2, 3))


def _mean_over_present(losses: Tensor, positives: Tensor) -> Tensor:
    """Mean over the classes with labels; K, K -> a scalar."""
    present = positives > 0
    return torch.where(present, losses, 0.0).sum() / present.sum().clamp_min(1)


def _lovasz_weights(errors: Tensor, here: Tensor) -> Tensor:
    """The gradient of the extension: by how much each pixel, if wrong like all of larger error, raises 1 - IoU of the class.

    A pixel of the class leaves the intersection I: 1 / U. Another one joins the union U: I / (U (U - 1)). So written, no two
    nearly equal numbers are subtracted. errors: P, 0 where a pixel does not count, so that it comes last and changes no other
    loss; here: P bool, the label is of the class -> P
    """
    order = from_the_largest(errors)
    labels = here[order]
    total = here.sum()
    intersection = (total - labels.cumsum(0)).to(errors.dtype)
    union = (total + (~labels).cumsum(0)).to(errors.dtype).clamp_min(1)
    weights = torch.where(labels, 1 / union, intersection / union / (union - 1).clamp_min(1))
    return torch.zeros_like(errors).scatter_(0, order, weights)


def from_the_largest(errors: Tensor) -> Tensor:
    """Positions in descending order, of equal errors the first one first: P, not negative -> P int64

    Floats that are not negative are in the order of their bits. Bits and position in one integer are sorted by values alone,
    three to six times faster on a CPU than by argsort.
    """
    if errors.dtype != torch.float32:
        return errors.argsort(descending=True, stable=True)
    positions = torch.arange(len(errors), device=errors.device)
    keys = errors.view(torch.int32).long().neg_().mul_(1 << 32).add_(positions)
    return keys.sort().values & 0xFFFFFFFF
