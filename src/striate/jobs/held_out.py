"""Which images of other data are measured: those that a run learned from only if they are asked for, and never silently."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, final

import torch

from striate.data import KnownImages, Pictures
from striate.data.known_images import UNSEEN
from striate.errors import RunError, SettingError

__all__ = ["UNKNOWN", "Account", "held_out"]

UNKNOWN: Final = "unknown"  # all images are, to a run that does not know its own by content
_ALWAYS: Final = ("test", UNSEEN, UNKNOWN)
_WHERE_ASKED_FOR: Final = MappingProxyType({"train": ("train", "val"), "val": ("val",)})
_SAYS: Final = MappingProxyType(
    {
        "train": "that the run was trained on",
        "val": "that chose its epoch",
        "test": "of the run's test split",
        UNSEEN: "that the run does not know",
    }
)


@final
@dataclass(frozen=True)
class Account:
    """How many images were measured and how many left out, by what they are to the run."""

    measured: Mapping[str, int]  # by train, val, test, unseen; or unknown
    left_out: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        return {"measured": dict(self.measured), "left_out": dict(self.left_out), "says": self.line()}

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
    data: Mapping[str, Pictures],
    known: KnownImages | None,
    contents: Mapping[str, str],
    *,
    asked: str | None,
    location: str,
    run: str,
) -> tuple[str, Pictures, Account]:
    """Of the splits of other data the name of one and the images of it that are measured.

    That is the split that was `asked` for, else test, or all where there are no splits; images in it that the run was
    trained on, or that chose its epoch, only if train or val was asked for. Of data without the split that was asked
    for, the images that are in the run's own split of this name. Raises RunError where no image is left.
    """
    known_as = {
        name: [UNKNOWN] * len(part) if known is None else list(known.known_as(part, contents))
        for name, part in data.items()
    }
    name = asked or next(name for name in ("test", "all", "val", "train") if name in data)
    if name in data:
        allowed = (*_ALWAYS, *_WHERE_ASKED_FOR.get(asked or "", ()))
    else:
        having = [part for part in data if name in known_as[part]]
        if len(having) != 1:
            own = (
                f"; the run's own {asked} images are in {' and '.join(having)}, give one of these as data"
                if having
                else ""
            )
            none = f", and none of the run's own {asked} images" if asked in _SAYS and not having else ""
            raise SettingError(f"split = {asked!r}: {location} has {', '.join(sorted(data))}{none}{own}")
        allowed, (name,) = (name,), having
    wanted = torch.tensor([one in allowed for one in known_as[name]])
    counts = Counter(known_as[name])
    account = Account(
        {one: counts[one] for one in (*_SAYS, UNKNOWN) if counts[one] and one in allowed},
        {one: counts[one] for one in (*_SAYS, UNKNOWN) if counts[one] and one not in allowed},
    )
    if not wanted.any():
        ways = [f"`--split {one}`" for one in ("val", "train") if account.left_out.get(one)]
        raise RunError(
            f"{location}: no image is left to measure {run} on: {_counted(account.left_out)}; give images that it "
            f"does not know, or {' or '.join(ways)} to measure these all the same"
        )
    return asked or name, data[name].subset(wanted.nonzero().flatten()), account


def _counted(counts: Mapping[str, int]) -> str:
    """ "84 that the run was trained on and 18 that chose its epoch" """
    named = [f"{counts[name]:,} {says}" for name, says in _SAYS.items() if counts.get(name)]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
