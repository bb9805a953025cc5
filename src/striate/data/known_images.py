"""Which images a run knows, by what they are: names, folders and formats may change, and an image is still the same one.

splits.csv tells each image in three ways, and any of them is enough:

    pixels   the fingerprint of its pixels on the run's canvas: the same under another name, in an array or an archive, or
             saved anew without loss
    sha256   the digest of its file: the same on a machine whose resampling rounds differently
    look     8 x 8 gray values: nearly the same if it was resized, saved anew with loss, made gray, brighter or mirrored

Images of one color are equal to one another, and so all known as soon as one of them is: to the run they are no different.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, final

import numpy as np

from striate.data.looks import SIDE, Looks, nearest, nearness
from striate.data.names import printable
from striate.data.pictures import Pictures
from striate.data.splits import Splits
from striate.errors import DataError

__all__ = ["UNSEEN", "KnownAs", "KnownImages", "known_in", "read_known_images", "split_rows"]

KnownAs = Literal["train", "val", "test", "unseen"]
UNSEEN: Final = "unseen"
_STRONGEST: Final[tuple[KnownAs, ...]] = (
    "train",
    "val",
    "test",
)  # what is in several splits was trained on, if in train
_COLUMNS: Final = ("split", "pixels", "sha256", "look")
_AS_WRITTEN: Final = re.compile("(train|val|test),[0-9a-f]{16},([0-9a-f]{64})?,([0-9a-f]{128})?")


@final
@dataclass(frozen=True, eq=False)
class KnownImages:
    """The split of each image of a run, by its pixels, by its file's bytes, and by its look."""

    by_pixels: Mapping[str, KnownAs]
    by_content: Mapping[str, KnownAs]
    looks: Looks  # M 64
    splits_of_looks: Sequence[KnownAs]  # M

    def known_as(self, pictures: Pictures, contents: Mapping[str, str]) -> list[KnownAs]:
        """For each of these, on the run's canvas, the split in which the run has it. `contents`: SHA-256 by id."""
        found: list[KnownAs] = []
        for id_, pixels in zip(pictures.ids, _hexadecimal(pictures), strict=True):
            either = {self.by_pixels.get(pixels), self.by_content.get(contents.get(id_, ""))}
            found.append(next((name for name in _STRONGEST if name in either), UNSEEN))
        unseen = [i for i, name in enumerate(found) if name == UNSEEN]
        if unseen and len(self.looks):
            theirs = pictures.pixels.looks()[unseen]
            for any_light, near in ((True, self._near_in_any_light), (False, self._near)):  # the surer one comes last
                at, apart = nearest(theirs, self.looks, any_light=any_light)
                for i, place, distance in zip(unseen, at.tolist(), apart.tolist(), strict=True):
                    if distance < near:
                        found[i] = self.splits_of_looks[place]
        return found

    @cached_property
    def _near(self) -> float:
        return nearness(*self._trained_and_others())

    @cached_property
    def _near_in_any_light(self) -> float:
        return nearness(*self._trained_and_others(), any_light=True)

    def _trained_and_others(self) -> tuple[Looks, Looks]:
        of_training = np.array([name == "train" for name in self.splits_of_looks])
        return self.looks[of_training], self.looks[~of_training]


def known_in(splits: Mapping[str, Pictures]) -> KnownImages:
    """Those of splits in hand, by their pixels."""
    rows = [(name, pixels, "", "") for name, part in splits.items() for pixels in _hexadecimal(part)]
    return _known(rows)


def split_rows(splits: Splits, contents: Mapping[str, str]) -> list[dict[str, str]]:
    """Rows of splits.csv: each sample, its split, and what tells its image from others. `contents`: SHA-256 by id."""
    rows = []
    for name, part in splits.parts().items():
        for id_, pixels, look in zip(part.ids, _hexadecimal(part), part.pixels.looks(), strict=True):
            content = contents.get(id_, "")
            rows.append({"id": id_, "split": name, "pixels": pixels, "sha256": content, "look": look.tobytes().hex()})
    return rows


def read_known_images(path: Path) -> KnownImages | None:
    """What a run's splits.csv knows of its images; None where it has no such columns, as older runs. Raises DataError."""
    where = printable(path)
    told = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not set(_COLUMNS) <= set(rows.fieldnames or ()):
                return None
            for row in rows:
                one = tuple(row[column] or "" for column in _COLUMNS)
                if not _AS_WRITTEN.fullmatch(",".join(one)):
                    raise DataError(
                        f"{where}: line {rows.line_num} does not tell an image as the run wrote it (a spreadsheet changes "
                        "long numbers, for one); bring the file back as it was"
                    )
                told.append(one)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{where}: cannot be read as a split ({error}); bring the file back as it was") from None
    return _known(told)


def _known(rows: Sequence[tuple[str, ...]]) -> KnownImages:
    """From split, pixels, content and look of every image; the last two may be empty."""
    by_pixels: dict[str, KnownAs] = {}
    by_content: dict[str, KnownAs] = {}
    looks: list[str] = []
    splits_of_looks: list[KnownAs] = []
    for name in reversed(_STRONGEST):  # the strongest comes last, and stays
        for split, pixels, content, look in rows:
            if split == name:
                by_pixels[pixels] = name
                if content:
                    by_content[content] = name
                if look:
                    looks.append(look)
                    splits_of_looks.append(name)
    values = np.frombuffer(bytearray.fromhex("".join(looks)), np.uint8)
    return KnownImages(by_pixels, by_content, values.reshape(len(looks), SIDE * SIDE), splits_of_looks)


def _hexadecimal(pictures: Pictures) -> list[str]:
    return [f"{number:016x}" for number in pictures.pixels.fingerprints().tolist()]
