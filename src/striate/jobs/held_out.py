"""Which images of other data are measured: those that a run learned from only if they are asked for, and never silently."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, final

import torch

from striate.data import KnownImages, LabeledImages
from striate.data.known_images import NOT_IN_RUN
from striate.errors import RunError, SettingError

__all__ = ["UNKNOWN", "Account", "held_out"]

UNKNOWN: Final = "unknown"  # all images are, to a run that does not know its own by content
_ALWAYS: Final = ("test", NOT_IN_RUN, UNKNOWN)
_WHERE_ASKED_FOR: Final = MappingProxyType({"train": ("train", "val"), "val": ("val",)})
_SAYS: Final = MappingProxyType(
    {
        "train": "that the run was trained on",
        "val": "that chose its epoch",
        "test": "of the run's test split",
        NOT_IN_RUN: "that the run does not know",
    }
)


@final
@dataclass(frozen=True)
class Account:
    """How many images were measured and how many left out, by what they are to the run."""

    measured: Mapping[str, int]  # by train, val, test, unseen; or unknown
    left_out: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        return {"measured": dict(self.measured), "excluded": dict(self.left_out), "message": self.line()}

    def line(self) -> str:
        """For a person: "120 images: 84 that the run was trained on are left out; 36 measured: images of its test split"."""
        count, out = sum(self.measured.values()), sum(self.left_out.values())
        if UNKNOWN in self.measured:
            return (
                f"{_images(count)}: the run is too old to know its images by content; those that it was trained on may be among "
                "them"
            )
        (name, *more) = self.measured
        says = f"{_images(count)}: {_counted(self.measured)}" if more else f"{_images(count)} {_SAYS[name]}"
        if out:
            says = (
                f"{_images(count + out)}: {_counted(self.left_out)} {'is' if out == 1 else 'are'} left out; {count:,} measured: "
                + (_counted(self.measured) if more else f"images {_SAYS[name]}")
            )
        memory = "; the figures say how well the run remembers, not how well it does on new images"
        return says + memory if "train" in self.measured else says


def held_out(
    splits: Collection[str],
    load: Callable[[str], LabeledImages],
    known: KnownImages | None,
    contents: Callable[[str], Mapping[str, str]],
    *,
    asked: str | None,
    location: str,
    run: str,
) -> tuple[str, LabeledImages, Account]:
    """Of the splits of other data the name of one and the images of it that are measured.

    That is the split that was `asked` for, else test, or all where there are no splits; images in it that the run was
    trained on, or that chose its epoch, only if train or val was asked for. Of data without the split that was asked
    for, the images that are in the run's own split of this name; only then all splits are loaded. `contents`: SHA-256 by id
    of a split. Raises RunError where no image is left.
    """

    @cache
    def recognized(split: str) -> tuple[LabeledImages, Sequence[str]]:
        samples = load(split)
        if known is None:
            return samples, [UNKNOWN] * len(samples)
        return samples, known.known_as(samples, lambda: contents(split))

    if asked is None or asked in splits:
        name = asked or next(name for name in ("test", "all", "val", "train") if name in splits)
        allowed = (*_ALWAYS, *_WHERE_ASKED_FOR.get(asked or "", ()))
    else:
        may_have = splits if known is not None and asked in _SAYS else ()
        having = [split for split in splits if split in may_have and asked in recognized(split)[1]]
        if len(having) != 1:
            raise SettingError(f"split = {asked!r}: {location} has {_instead(asked, splits, having, known)}")
        name, allowed = having[0], (asked,)
    samples, known_as = recognized(name)
    account = _account(Counter(known_as), allowed)
    if not account.measured:
        ways = [f"`--split {one}`" for one in ("val", "train") if account.left_out.get(one) and one not in splits]
        way = f", or {' or '.join(ways)} to measure these all the same" if ways else ""
        raise RunError(
            f"{location}: no image is left to measure {run} on: {_counted(account.left_out)}; give images that it does not "
            f"know{way}"
        )
    wanted = torch.tensor([one in allowed for one in known_as])
    return asked or name, samples.subset(wanted.nonzero().flatten()), account


def _instead(asked: str, splits: Collection[str], having: Sequence[str], known: KnownImages | None) -> str:
    """What data have that lack the split that was asked for, and whether the run's own images of it are there."""
    names = ", ".join(sorted(splits))
    if asked not in _SAYS:
        return names
    if known is None:
        return f"{names}, and the run is too old to know its own {asked} images"
    if not having:
        return f"{names}, and none of the run's own {asked} images"
    return f"{names}; the run's own {asked} images are in {' and '.join(having)}, give one of these as data"


def _account(counts: Mapping[str, int], allowed: Collection[str]) -> Account:
    named = {name: counts[name] for name in (*_SAYS, UNKNOWN) if name in counts}
    return Account(
        {name: count for name, count in named.items() if name in allowed},
        {name: count for name, count in named.items() if name not in allowed},
    )


def _counted(counts: Mapping[str, int]) -> str:
    """ "84 that the run was trained on and 18 that chose its epoch" """
    named = [f"{counts[name]:,} {says}" for name, says in _SAYS.items() if counts.get(name)]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
