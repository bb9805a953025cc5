"""Images inside the page, and the mistakes among them grouped by what was taken for what."""

import struct
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import final

from striate.report.contents import ErrorImage

TINY = 96  # an image up to so many pixels a side is shown with its pixels visible


@final
@dataclass(frozen=True)
class EmbeddedImage:
    """A PNG as a data: address; its size is 0 by 0 where the header cannot be read."""

    address: str
    width: int
    height: int

    @property
    def tiny(self) -> bool:
        return 0 < max(self.width, self.height) <= TINY


@final
@dataclass(frozen=True)
class Group:
    """The mistakes that took `true` for `said`, the most confident first."""

    label: str
    prediction: str
    mistakes: tuple[tuple[ErrorImage, EmbeddedImage], ...]


def embed(png: bytes) -> EmbeddedImage:
    width, height = struct.unpack(">II", png[16:24]) if png[:4] == b"\x89PNG" and len(png) >= 24 else (0, 0)
    return EmbeddedImage("data:image/png;base64," + b64encode(png).decode(), width, height)


def group_errors(errors: Sequence[ErrorImage]) -> list[Group]:
    """Pairs with the most images first, then the most confident."""

    def pair(error: ErrorImage) -> tuple[str, str]:
        return error.label, error.prediction

    groups = []
    for (true, said), members in groupby(sorted(errors, key=pair), key=pair):
        confident = sorted(members, key=lambda error: (-error.confidence, -error.loss))
        groups.append(Group(true, said, tuple((error, embed(error.png)) for error in confident)))
    return sorted(groups, key=lambda group: (-len(group.mistakes), -group.mistakes[0][0].confidence))
