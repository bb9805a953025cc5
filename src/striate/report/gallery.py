"""Images inside the page, and misclassified images grouped by label and prediction."""

import struct
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import final

from striate.report.contents import ErrorImage

TINY = 96  # images of at most so many pixels a side are enlarged without smoothing


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
class ConfusedPair:
    """The images with this label and this prediction, the most confident first."""

    label: str
    prediction: str
    images: tuple[tuple[ErrorImage, EmbeddedImage], ...]


def embed(png: bytes) -> EmbeddedImage:
    width, height = struct.unpack(">II", png[16:24]) if png[:4] == b"\x89PNG" and len(png) >= 24 else (0, 0)
    return EmbeddedImage("data:image/png;base64," + b64encode(png).decode(), width, height)


def confused_pairs(errors: Sequence[ErrorImage]) -> list[ConfusedPair]:
    """The pairs with the most images first, then the most confident."""

    def pair(error: ErrorImage) -> tuple[str, str]:
        return error.label, error.prediction

    pairs = []
    for (label, prediction), members in groupby(sorted(errors, key=pair), key=pair):
        confident = sorted(members, key=lambda error: (-error.confidence, -error.loss))
        pairs.append(ConfusedPair(label, prediction, tuple((error, embed(error.png)) for error in confident)))
    return sorted(pairs, key=lambda one: (-len(one.images), -one.images[0][0].confidence))
