"""Flips and labels: where a mirror turns one class into another, images are not flipped unless a person asks for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import torch
from torch import Tensor

from striate.data import LabeledImages, Listing, Source, Unreadable
from striate.data.decoding.canvas import Canvas
from striate.data.mirror_test import exchanged_classes, sample_for_mirror_test, small_images
from striate.data.mirrored_names import Mirror, mirrored_names
from striate.data.targets import ClassTargets
from striate.data.threads import in_threads
from striate.findings import Finding
from striate.jobs.policy import policy_of
from striate.training import ResolvedRecipe, available_cores

__all__ = ["Flips", "images_of_listing", "images_of_split", "settle_flips"]

MIRRORS: Final[tuple[Mirror, ...]] = ("flip", "flip_vertical", "rotate")
QUARTER: Final = (
    90.0  # degrees: turned by more, an image is nearer to standing on its head than upright; no policy does so
)
BLOCK: Final = 32  # images in memory at their full size

Sample = Callable[[], tuple[Tensor, Tensor]]  # small images N C h w, and their labels N int64; perhaps none


@final
@dataclass(frozen=True)
class Flips:
    """The settings with flips decided, what to say about it, and the finding on flips that were asked for."""

    settings: ResolvedRecipe
    lines: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def settle_flips(settings: ResolvedRecipe, classes: Sequence[str], sample: Sample) -> Flips:
    """Set flips off that would turn one class into another, by their names or else by a test on a sample of the images.

    A flip that a person or a recipe file asks for stays, with a finding, and so does a rotation that turns images over.
    What the data have decided once, as a resumed run knows by its recipe, is not asked again.
    """
    lines, findings = [], []
    for mirror in MIRRORS:
        policy = policy_of(settings.recipe)
        happens = policy.rotate > QUARTER if mirror == "rotate" else getattr(policy, mirror)
        if not happens or settings.origins[mirror] == "data":
            continue
        told_by, pairs, evidence = _exchanged(classes, mirror, sample)
        if getattr(settings.recipe.augment, mirror) is None:
            settings = settings.with_defaults("data", **{mirror: False if pairs else None})
            if pairs:
                lines.append(_line(mirror, told_by, pairs))
        elif pairs:
            findings.append(_finding(mirror, told_by, pairs, evidence))
    return Flips(settings, tuple(lines), tuple(findings))


def images_of_split(samples: LabeledImages) -> Sample:
    """A sample of the images of a split."""

    def sample() -> tuple[Tensor, Tensor]:
        positions = sample_for_mirror_test(samples.labels)
        read = [(ids, small_images(images)) for ids, images in samples.pixels.each(positions.split(BLOCK))]
        if not len(positions):
            return torch.empty(0), positions
        return torch.cat([images for _, images in read]), samples.labels[torch.cat([ids for ids, _ in read])]

    return sample


def images_of_listing(source: Source, canvas: Canvas) -> Sample:
    """A sample of the images that are learned from, decoded here; only where each has one class."""
    listing = next(iter(source.splits.values()))

    def sample() -> tuple[Tensor, Tensor]:
        if not isinstance(listing.targets, ClassTargets):
            return torch.empty(0), torch.empty(0, dtype=torch.int64)
        labels = torch.from_numpy(listing.targets.values).long()
        positions = sample_for_mirror_test(labels)
        read = _decoded(listing, positions.tolist(), canvas)
        if not read:
            return torch.empty(0), positions[:0]
        return torch.cat([read[i] for i in sorted(read)]), labels[sorted(read)]

    return sample


def _decoded(listing: Listing, positions: Sequence[int], canvas: Canvas) -> dict[int, Tensor]:
    """Position -> small image, 1 C h w, of those that can be read."""
    read: dict[int, Tensor] = {}

    def decode(i: int) -> None:
        try:
            image = listing.store.decode(positions[i], canvas)
        except Unreadable:
            return
        read[positions[i]] = small_images(torch.from_numpy(image)[None])

    in_threads(decode, len(positions), available_cores())
    return read


def _exchanged(
    classes: Sequence[str], mirror: Mirror, sample: Sample
) -> tuple[str, list[tuple[str, str]], dict[str, Any]]:
    """What told, the pairs of classes, and the figures that prove it."""
    told_by, found = "names", mirrored_names(classes, mirror)
    evidence: dict[str, Any] = {}
    if not found:
        images, labels = sample()
        exchanges = exchanged_classes(images, labels, mirror) if len(images) else ()
        told_by, found = "images", tuple(one.classes for one in exchanges)
        evidence = {"mirrored_images_like_the_other": [list(one.shares) for one in exchanges]}
    return told_by, [(classes[a], classes[b]) for a, b in found], evidence


def _line(mirror: Mirror, told_by: str, pairs: Sequence[tuple[str, str]]) -> str:
    one, other = pairs[0]
    more = f" (and {len(pairs) - 1} more pairs)" if len(pairs) > 2 else " (and 1 more pair)" if len(pairs) == 2 else ""
    says = (
        f"classes {one} and {other} are mirror images of each other{more}"
        if told_by == "names"
        else f"mirrored images of class {one} look like class {other}, and those of {other} like {one}{more}"
    )
    kind = "flips" if mirror == "flip" else "vertical flips"
    return f"{says}: no {kind} (--{_option(mirror)} does it all the same)"


def _finding(mirror: Mirror, told_by: str, pairs: Sequence[tuple[str, str]], evidence: dict[str, Any]) -> Finding:
    one, other = pairs[0]
    return Finding(
        "augment-mirrored-labels",
        "warning",
        f"--{_option(mirror)} turns images of class {one} into images of class {other} and keeps their label.",
        {"setting": mirror, "told_by": told_by, "classes": [list(pair) for pair in pairs], **evidence},
        "--rotate 15" if mirror == "rotate" else f"--no-{_option(mirror)}",
    )


def _option(mirror: Mirror) -> str:
    return mirror.replace("_", "-")
