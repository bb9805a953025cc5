"""Flips that change labels: where a mirrored image of one class is one of another, flips are off unless the user asks for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor

from striate.audit.mirror_test import exchanged_classes, sample_for_mirror_test, small_images
from striate.audit.mirrored_names import Mirror, mirrored_names
from striate.data import LabeledImages, Listing, Source, Unreadable
from striate.data.decoding.canvas import Canvas
from striate.data.targets import LoadedTargets
from striate.data.threads import in_threads
from striate.findings import Finding
from striate.training import ResolvedRecipe, available_cores

__all__ = ["ResolvedFlips", "resolve_flips", "sample_of_listing", "sample_of_split"]

MIRRORS: Final[tuple[Mirror, ...]] = ("flip", "flip_vertical", "rotate")
QUARTER: Final = 90.0  # degrees: beyond it an image is closer to upside down than to upright; no policy rotates so far
BLOCK: Final = 32  # images in memory at their full size

Sample = Callable[[], tuple[Tensor, Tensor]]  # small images N C h w, and their labels N int64; perhaps none


@final
@dataclass(frozen=True)
class ResolvedFlips:
    """The settings with flips resolved, messages on flips that are off, and findings on flips that the user set."""

    settings: ResolvedRecipe
    messages: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def resolve_flips(settings: ResolvedRecipe, classes: Sequence[str], sample: Sample) -> ResolvedFlips:
    """Turn off flips that change labels, judged by the names of the classes, else by a test on a sample of the images.

    A flip that the user or a recipe sets stays, with a finding, and so does a rotation by more than 90 degrees. Test-time
    augmentation by flips stays, with a finding, where the user sets it; that of a recipe is turned off. What the data decided
    before, as in a resumed run, is not tested again.
    """
    judge = cache(lambda mirror: _exchanged(classes, mirror, sample))
    messages, findings = [], []
    for mirror in MIRRORS:
        policy = settings.recipe.augment
        happens = policy.rotate > QUARTER if mirror == "rotate" else getattr(policy, mirror)
        if not happens or settings.origins[mirror] == "data":
            continue
        judged_by, pairs, evidence = judge(mirror)
        if settings.origins[mirror] == "default":
            settings = settings.with_defaults("data", **{mirror: not pairs})
            if pairs:
                kind = "flips" if mirror == "flip" else "vertical flips"
                messages.append(_message(f"no {kind} (--{_option(mirror)} turns them on)", judged_by, pairs))
        elif pairs:
            option, (one, other) = _option(mirror), pairs[0]
            message = f"--{option} turns images of class {one} into images of class {other} and keeps their label."
            fix = "--rotate 15" if mirror == "rotate" else f"--no-{option}"
            findings.append(_finding(mirror, message, judged_by, pairs, evidence, fix))
    if settings.recipe.data.tta == "flip" and settings.origins["tta"] != "data":
        if not settings.recipe.augment.flip:
            messages.append(
                "tta = flip: usually makes a network less accurate that was trained without flips; --flip trains with them"
            )
        judged_by, pairs, evidence = judge("flip")
        if pairs and settings.origins["tta"] == "user":
            one, other = pairs[0]
            message = f"--tta flip predicts images of class {one} together with their mirror images, which are of class {other}."
            findings.append(_finding("tta", message, judged_by, pairs, evidence, "--tta none"))
        elif pairs:
            settings = replace(settings, recipe=settings.recipe.with_values(tta="none")).with_origins("data", ["tta"])
            messages.append(_message("no test-time augmentation (--tta flip turns it on)", judged_by, pairs))
    return ResolvedFlips(settings, tuple(messages), tuple(findings))


def sample_of_split(samples: LabeledImages) -> Sample:
    """A sample of the images of a split."""

    def sample() -> tuple[Tensor, Tensor]:
        classes = samples.targets.single_classes()
        labels = torch.from_numpy(np.empty(0, np.int64) if classes is None else classes)
        positions = sample_for_mirror_test(labels)
        read = [(ids, small_images(images)) for ids, images in samples.pixels.each(positions.split(BLOCK))]
        if not len(positions):
            return torch.empty(0), positions
        return torch.cat([images for _, images in read]), labels[torch.cat([ids for ids, _ in read])]

    return sample


def sample_of_listing(source: Source, canvas: Canvas) -> Sample:
    """A sample of the training images, decoded here; empty where images have anything but one class."""
    listing = next(iter(source.splits.values()))

    def sample() -> tuple[Tensor, Tensor]:
        classes = listing.targets.single_classes() if isinstance(listing.targets, LoadedTargets) else None
        if classes is None:
            return torch.empty(0), torch.empty(0, dtype=torch.int64)
        labels = torch.tensor(classes)
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
    """Whether names or images decide, the pairs of classes, and the figures that prove it."""
    judged_by, found = "names", mirrored_names(classes, mirror)
    evidence: dict[str, Any] = {}
    if not found:
        images, labels = sample()
        exchanges = exchanged_classes(images, labels, mirror) if len(images) else ()
        judged_by, found = "images", tuple(one.classes for one in exchanges)
        evidence = {"mirrored_images_like_the_other": [list(one.shares) for one in exchanges]}
    return judged_by, [(classes[a], classes[b]) for a, b in found], evidence


def _message(result: str, judged_by: str, pairs: Sequence[tuple[str, str]]) -> str:
    one, other = pairs[0]
    more = f" (and {len(pairs) - 1} more pairs)" if len(pairs) > 2 else " (and 1 more pair)" if len(pairs) == 2 else ""
    reason = (
        f"classes {one} and {other} are mirror images of each other{more}"
        if judged_by == "names"
        else f"mirrored images of class {one} resemble class {other}, and those of {other} resemble {one}{more}"
    )
    return f"{reason}: {result}"


def _finding(
    setting: str, message: str, judged_by: str, pairs: Sequence[tuple[str, str]], evidence: dict[str, Any], fix: str
) -> Finding:
    pairs_found = [list(pair) for pair in pairs]
    evidence = {"setting": setting, "judged_by": judged_by, "classes": pairs_found, **evidence}
    return Finding("augment-mirrored-labels", "warning", message, evidence, fix)


def _option(mirror: Mirror) -> str:
    return mirror.replace("_", "-")
