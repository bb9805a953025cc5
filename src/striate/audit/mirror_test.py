"""Classes that a mirror exchanges, found by the images: those of one, mirrored, look like those of the other.

A quick classifier is trained on a sample: random patches of the images as filters (Coates & Ng 2012, "Learning Feature
Representations with K-means"), pooled over the whole image and over a coarse grid, and a ridge regression. Each image is
judged by the classifier that was trained without it, as it is and mirrored. Two classes are exchanged where images as
they are go to their own class of the two, and mirrored ones to the other, in both directions and more often than chance.
That mirrored images are recognized less, as shoes that all point one way are, is no exchange.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.audit.mirrored_names import Mirror
from striate.data.images import as_colors

__all__ = ["Exchange", "exchanged_classes", "sample_for_mirror_test", "small_images"]

FEWEST: Final = 8  # images of a class; with fewer nothing is significant
MOST_CLASSES: Final = 64
SAMPLE: Final = 400  # images in all, if that is not too few of each class
MOST_OF_CLASS: Final = 60
LEAST_OF_CLASS: Final = 16

# What each turns round of N C h w
_AXES: Final[Mapping[Mirror, tuple[int, ...]]] = MappingProxyType(
    {"flip": (3,), "flip_vertical": (2,), "rotate": (2, 3)}
)
SIDES: Final = (32, 16)  # pixels, at which images are compared
MOST_CHANNELS: Final = 4
PATCH: Final = 5
BLOCK: Final = 64  # images whose responses to all filters are in memory at once
FILTERS: Final = 64  # half of them the other half mirrored
PATCHES: Final = 4000  # taken at random for whitening
GRID: Final = 3
FLAT: Final = 0.1  # standard deviation below which a patch counts as flat, of the images' own
RIDGE: Final = 0.1

OWN: Final = 0.7  # images as they are that must go to their own class, of each of the two
OTHER: Final = 0.65  # mirrored images that must go to the other
CHANCE: Final = 1e-3  # largest probability that a pair is an accident,
CHANCE_OF_ANY: Final = 1e-2  # and that any of all pairs is


@final
@dataclass(frozen=True)
class Exchange:
    """Two classes that a mirror exchanges, and the shares of mirrored images of each that look like the other."""

    classes: tuple[int, int]
    shares: tuple[float, float]
    chance: float  # the probability that it is an accident


def sample_for_mirror_test(labels: Tensor) -> Tensor:
    """Positions of some images of each class, spread evenly, ascending: N int64 -> n. Empty where no test can say anything."""
    classes, counts = labels.unique(return_counts=True)
    classes = classes[counts >= FEWEST]
    if not 2 <= len(classes) <= MOST_CLASSES:
        return torch.empty(0, dtype=torch.int64)
    most = min(MOST_OF_CLASS, max(LEAST_OF_CLASS, SAMPLE // len(classes)))
    chosen = []
    for label in classes:
        members = (labels == label).nonzero().flatten()
        chosen.append(members[torch.arange(min(most, len(members))) * len(members) // min(most, len(members))])
    return torch.cat(chosen).sort().values


def small_images(images: Tensor) -> Tensor:
    """Decoded images as the test takes them: B H W C uint8 or uint16 -> B C h w float; of many channels only their mean."""
    colors = as_colors(images.permute(0, 3, 1, 2)).float()
    colors = colors.mean(1, keepdim=True) if colors.shape[1] > MOST_CHANNELS else colors
    return F.interpolate(colors, size=(SIDES[0], SIDES[0]), mode="bilinear", antialias=True, align_corners=False)


@torch.inference_mode()
def exchanged_classes(images: Tensor, labels: Tensor, mirror: Mirror = "flip") -> tuple[Exchange, ...]:
    """Pairs of classes that a mirror or half a turn exchanges, the surest first. images: N C h w, small ones; labels: N int64."""
    names, labels = labels.unique(return_inverse=True)
    alike, alike_mirrored = _likeness(_standardized(images), _AXES[mirror])
    scores, mirrored = _judged_by_the_others(alike, alike_mirrored, labels, len(names))
    pairs = torch.combinations(torch.arange(len(names))).tolist()
    most = min(CHANCE, CHANCE_OF_ANY / max(1, len(pairs)))
    found = []
    for one, other in pairs:
        swapped, count, shares = 0, 0, []
        for own, foreign in ((one, other), (other, one)):
            members = labels == own
            right = (scores[members, own] > scores[members, foreign]).double().mean().item()
            gone = mirrored[members, foreign] > mirrored[members, own]
            swapped, count = swapped + int(gone.sum()), count + len(gone)
            shares.append(gone.double().mean().item() if right >= OWN else 0.0)
        chance = _at_least(swapped, count)
        if min(shares) >= OTHER and chance <= most:
            found.append(Exchange((int(names[one]), int(names[other])), (shares[0], shares[1]), chance))
    return tuple(sorted(found, key=lambda one: one.chance))


def _standardized(images: Tensor) -> Tensor:
    """With mean 0 and std 1 over all of them, so that a narrow range of values counts as much as a full one."""
    return (images - images.mean()) / images.std().clamp_min(1e-6)


def _likeness(images: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """How alike the images are, and how alike their mirror images are to them as they are: N N float64 each."""
    plain: list[Tensor] = []
    mirrored: list[Tensor] = []
    for side in SIDES:
        small = F.interpolate(images, size=(side, side), mode="area")
        filters, subtracted = _filters(small, axes)
        blocks = [_features(some, filters, subtracted, axes) for some in small.split(BLOCK)]
        plain += [torch.cat(kind) for kind in zip(*(ours for ours, _ in blocks), strict=True)]
        mirrored += [torch.cat(kind) for kind in zip(*(theirs for _, theirs in blocks), strict=True)]
    alike = alike_mirrored = torch.zeros(len(images), len(images), dtype=torch.float64)
    for ours, theirs in zip(plain, mirrored, strict=True):
        mean, std = ours.mean(0), ours.std(0) + 1e-3 * ours.std() + 1e-9
        ours, theirs = (ours - mean) / std, (theirs - mean) / std
        alike = alike + (ours @ ours.T).double() / ours.shape[1]
        alike_mirrored = alike_mirrored + (theirs @ ours.T).double() / ours.shape[1]
    return alike / len(plain), alike_mirrored / len(plain)


def _filters(images: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Whitened patches as filters, K C p p, and what to subtract from their responses, K.

    The second half of them are the first half mirrored, which the whitening of patches and their mirrors leaves so.
    """
    generator = torch.Generator().manual_seed(0)
    count, channels, height, width = images.shape
    image, y, x = (
        torch.randint(high, (PATCHES,), generator=generator) for high in (count, height - PATCH + 1, width - PATCH + 1)
    )
    across = torch.arange(PATCH)
    rows, columns = y[:, None] + across, x[:, None] + across
    patches = images[image[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)  # n C p p
    patches = torch.cat([patches, patches.flip(axes)]).flatten(1)
    patches = (patches - patches.mean(1, keepdim=True)) / (patches.std(1, keepdim=True) + FLAT)
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
    whitening = (vectors * (values.clamp_min(0) + 0.1) ** -0.5) @ vectors.T
    chosen = torch.arange(FILTERS // 2)
    some = F.normalize((patches[torch.cat([chosen, chosen + PATCHES])] - mean) @ whitening, dim=1) @ whitening
    return some.view(FILTERS, channels, PATCH, PATCH), some @ mean


def _features(
    images: Tensor, filters: Tensor, subtracted: Tensor, axes: tuple[int, ...]
) -> tuple[list[Tensor], list[Tensor]]:
    """Three kinds of features of the images, and the same of their mirror images: each N D.

    A mirrored image's response to a filter is the image's own response to the mirrored filter, mirrored.
    """
    size = images[0].numel() // images[0, 0].numel() * PATCH**2
    means = F.avg_pool2d(images.mean(1, keepdim=True), PATCH, 1)
    squares = F.avg_pool2d(images.square().mean(1, keepdim=True), PATCH, 1)
    stds = ((squares - means.square()).clamp_min(0) * size / (size - 1)).sqrt()
    response = F.conv2d(images, filters) - means * filters.sum((1, 2, 3)).view(-1, 1, 1)
    response = response / (stds + FLAT) - subtracted.view(-1, 1, 1)
    response = torch.cat([F.relu(response - 1), F.relu(-response - 1)], 1)
    mirrored = response.unflatten(1, (2, 2, -1)).flip(2, *(axis + 2 for axis in axes))  # sign, half, filter; h, w
    return _pooled(response), _pooled(mirrored.view_as(response))


def _pooled(response: Tensor) -> list[Tensor]:
    return [response.mean((2, 3)), response.amax((2, 3)), F.adaptive_avg_pool2d(response, GRID).flatten(1)]


def _judged_by_the_others(alike: Tensor, alike_mirrored: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Scores of each image, as it is and mirrored, by a ridge regression on all other images: N K each.

    Leaving one out is exact arithmetic on the inverse, no training again. Classes weigh alike.
    """
    count = len(labels)
    wanted = F.one_hot(labels, classes).double() * 2 - 1
    weights = (count / classes / torch.bincount(labels, minlength=classes).double())[labels]
    alike, alike_mirrored = alike + 1, alike_mirrored + 1  # the constant
    inverse = torch.linalg.inv(alike + torch.diag(RIDGE * alike.diagonal().mean() / weights))
    solved = inverse @ wanted
    own = solved / inverse.diagonal()[:, None]
    mirrored = alike_mirrored @ solved - own * (alike_mirrored * inverse.T).sum(1, keepdim=True)
    return wanted - own, mirrored


def _at_least(hits: int, throws: int) -> float:
    """The probability of so many hits or more, where a hit is as likely as a miss."""
    return sum(math.comb(throws, k) for k in range(hits, throws + 1)) / 2**throws
