"""Which images of other data are evaluated: a run's own training images only on request, and never silently."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, final

import torch

from striate.data import LabeledImages
from striate.errors import RunError, SettingError
from striate.runs import KnownImages
from striate.runs.known_images import NOT_IN_RUN

__all__ = ["SplitOverlap", "select_images", "select_own_images"]

_ALWAYS: Final = ("test", NOT_IN_RUN)
_ON_REQUEST: Final = MappingProxyType({"train": ("train", "weights", "val"), "val": ("val",)})
_PHRASES: Final = MappingProxyType(
    {
        "train": "that the run was trained on",
        "weights": "that its initial weights were trained on",
        "val": "that chose its epoch",
        "test": "of the run's test split",
        NOT_IN_RUN: "that the run does not know",
    }
)


@final
@dataclass(frozen=True)
class SplitOverlap:
    """How many images are measured and how many left out, by the run's split that they are in."""

    measured: Mapping[str, int]  # by train, weights, val, test, unseen
    excluded: Mapping[str, int]

    @property
    def measures_memory(self) -> bool:
        """Whether training images are measured."""
        return not self.measured.keys().isdisjoint(("train", "weights"))

    def as_json(self) -> dict[str, Any]:
        return {"measured": dict(self.measured), "excluded": dict(self.excluded), "message": self.line()}

    def line(self) -> str:
        """Such as "120 images: 84 that the run was trained on are left out; 36 measured: images of its test split"."""
        count, out = sum(self.measured.values()), sum(self.excluded.values())
        (name, *more) = self.measured
        text = f"{_images(count)}: {_counted(self.measured)}" if more else f"{_images(count)} {_PHRASES[name]}"
        if out:
            text = (
                f"{_images(count + out)}: {_counted(self.excluded)} {'is' if out == 1 else 'are'} left out; {count:,} measured: "
                + (_counted(self.measured) if more else f"images {_PHRASES[name]}")
            )
        memory = "; the metrics show how well the run remembers them, not how well it does on new images"
        return text + memory if self.measures_memory else text


def select_own_images(
    splits: Mapping[str, LabeledImages], *, requested: str | None, location: str, run: str
) -> tuple[str, LabeledImages, SplitOverlap | None]:
    """The name of the evaluated split of a run's own data, and its images: the `requested` one, else test, else val.

    The overlap is that of the training images, else None. Raises RunError where the run held out no images.
    """
    name = requested or next((name for name in ("test", "val") if name in splits), None)
    if name is None:
        raise RunError(
            f"{run}: was trained on all of its data and held out no images; give new images with --data, "
            "or `--split train` to measure how well it remembers its training images"
        )
    if name not in splits:
        raise SettingError(f"split = {name!r}: {location} has {', '.join(sorted(splits))}")
    return name, splits[name], SplitOverlap({"train": len(splits[name])}, {}) if name == "train" else None


def select_images(
    splits: Collection[str],
    load: Callable[[str], LabeledImages],
    known: KnownImages,
    contents: Callable[[str], Mapping[str, str]],
    *,
    requested: str | None,
    location: str,
    run: str,
) -> tuple[str, LabeledImages, SplitOverlap]:
    """The name of the evaluated split of other data, and its images.

    It is the `requested` split, else test, or all where there are no splits; images that the run was trained on, or that
    chose its epoch, are in it only if train or val is requested. For data without the requested split it is the images in
    the run's own split of this name; only then are all splits loaded. `contents`: SHA-256 by id of a split. Raises RunError
    where no image is left.
    """

    @cache
    def recognized(split: str) -> tuple[LabeledImages, Sequence[str]]:
        samples = load(split)
        return samples, known.known_as(samples, lambda: contents(split))

    if requested is None or requested in splits:
        name = requested or next(name for name in ("test", "all", "val", "train") if name in splits)
        allowed = (*_ALWAYS, *_ON_REQUEST.get(requested or "", ()))
    else:
        may_have = splits if requested in _PHRASES else ()
        having = [split for split in splits if split in may_have and requested in recognized(split)[1]]
        if len(having) != 1:
            raise SettingError(f"split = {requested!r}: {location} has {_available(requested, splits, having)}")
        name, allowed = having[0], (requested,)
    samples, known_as = recognized(name)
    evaluated = _count(Counter(known_as), allowed)
    if not evaluated.measured:
        ways = [
            f"`--split {one}`"
            for one in ("val", "weights", "train")
            if evaluated.excluded.get(one) and one not in splits
        ]
        way = f", or {' or '.join(ways)} to measure these all the same" if ways else ""
        raise RunError(
            f"{location}: no image is left to measure {run} on: {_counted(evaluated.excluded)}; give images that it does not "
            f"know{way}"
        )
    wanted = torch.tensor([one in allowed for one in known_as])
    return requested or name, samples.subset(wanted.nonzero().flatten()), evaluated


def _available(requested: str, splits: Collection[str], having: Sequence[str]) -> str:
    """The splits of data without the requested one, and whether the run's own images of it are in them."""
    names = ", ".join(sorted(splits))
    if requested not in _PHRASES:
        return names
    if not having:
        return f"{names}, and none of the run's own {requested} images"
    return f"{names}; the run's own {requested} images are in {' and '.join(having)}, give one of these as data"


def _count(counts: Mapping[str, int], allowed: Collection[str]) -> SplitOverlap:
    named = {name: counts[name] for name in _PHRASES if name in counts}
    return SplitOverlap(
        {name: count for name, count in named.items() if name in allowed},
        {name: count for name, count in named.items() if name not in allowed},
    )


def _counted(counts: Mapping[str, int]) -> str:
    """ "84 that the run was trained on and 18 that chose its epoch" """
    named = [f"{counts[name]:,} {phrase}" for name, phrase in _PHRASES.items() if counts.get(name)]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
