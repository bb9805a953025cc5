"""Which images a run knows, by their content: names, folders and formats may change.

splits.csv identifies each image in three ways, and any of them is enough:

    pixels     the content hash of its pixels on the run's canvas: the same under another name, in an array or an archive, or
               saved anew without loss
    sha256     the digest of its file: the same on a machine whose resampling rounds differently
    signature  its thumbnail signature, 8 x 8 gray values: nearly the same if it was resized, saved anew with loss, made gray,
               brighter or mirrored

Images of one color are equal to one another, so all of them are known as soon as one is.
"""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, final

import numpy as np

from striate.data.images import LabeledImages
from striate.data.names import printable
from striate.data.signatures import SIDE, Signatures, copy_threshold, within
from striate.data.splits import Splits
from striate.errors import DataError

__all__ = ["NOT_IN_RUN", "KnownAs", "KnownImages", "read_known_images", "split_rows"]

KnownAs = Literal["train", "weights", "val", "test", "unseen"]  # weights: its initial weights were trained on it
NOT_IN_RUN: Final = "unseen"
# what is in several splits was trained on, if in train
_STRONGEST: Final[tuple[KnownAs, ...]] = ("train", "weights", "val", "test")
_COLUMNS: Final = ("split", "pixels", "sha256", "signature")
_AS_WRITTEN: Final = re.compile("(train|val|test),[0-9a-f]{16},([0-9a-f]{64})?,([0-9a-f]{128})?")


@final
@dataclass(frozen=True, eq=False)
class KnownImages:
    """The split of each image of a run, by its pixels, by its file's bytes, and by its signature."""

    by_pixels: Mapping[str, KnownAs]
    by_content: Mapping[str, KnownAs]
    signatures: Mapping[KnownAs, Signatures]  # M 64 of each split that has some

    def known_as(self, samples: LabeledImages, contents: Callable[[], Mapping[str, str]]) -> list[KnownAs]:
        """For each of these, on the run's canvas, the split that has it in the run: train before weights before val before test.

        `contents`: SHA-256 by id, asked for only if pixels leave something open. The surest of pixels, files, signatures
        and signatures in any light decides: what is in test just as it is stays there, although a brighter copy is in train.
        """
        found: list[KnownAs] = [self.by_pixels.get(pixels, NOT_IN_RUN) for pixels in _hexadecimal(samples)]
        if self.by_content and NOT_IN_RUN in found:
            content = contents()
            for i in _not_in_run(found):
                found[i] = self.by_content.get(content.get(samples.ids[i], ""), NOT_IN_RUN)
        if not self.signatures or NOT_IN_RUN not in found:
            return found
        signatures = samples.pixels.measurements.signatures
        for any_light in (False, True):
            if new := _not_in_run(found):
                near = self._near_in_any_light if any_light else self._near
                for name in reversed(_STRONGEST):  # the strongest comes last, and stays
                    if name in self.signatures:
                        same = within(signatures[new], self.signatures[name], near, any_light=any_light)
                        for i in np.array(new)[same].tolist():
                            found[i] = name
        return found

    @cached_property
    def _near(self) -> float:
        return copy_threshold(*self._trained_and_others())

    @cached_property
    def _near_in_any_light(self) -> float:
        return copy_threshold(*self._trained_and_others(), any_light=True)

    def _trained_and_others(self) -> tuple[Signatures, Signatures]:
        nothing = np.empty((0, SIDE * SIDE), np.uint8)
        train, val, test = (self.signatures.get(name, nothing) for name in ("train", "val", "test"))
        return train, np.concatenate([val, test])


def split_rows(splits: Splits, contents: Mapping[str, str]) -> list[dict[str, str]]:
    """Rows of splits.csv: each sample, its split, and what identifies its image. `contents`: SHA-256 by id."""
    rows = []
    for name, samples in splits.by_name().items():
        for id_, pixels, signature in zip(
            samples.ids, _hexadecimal(samples), samples.pixels.measurements.signatures, strict=True
        ):
            content = contents.get(id_, "")
            rows.append(
                {"id": id_, "split": name, "pixels": pixels, "sha256": content, "signature": signature.tobytes().hex()}
            )
    return rows


def read_known_images(path: Path, of_weights: Sequence[Path] = ()) -> KnownImages:
    """What a run's splits.csv knows of its images, and those of the runs before it, whose weights it started from.

    Raises DataError for a file that is not as a run wrote it.
    """
    trained = [row for one in of_weights for row in _read(one) if row[0] == "train"]
    return _known([*_read(path), *(("weights", *row[1:]) for row in trained)])


def _read(path: Path) -> list[tuple[str, ...]]:
    """Split, pixels, content and signature of every image; the last two may be empty."""
    where = printable(path)
    found = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not set(_COLUMNS) <= set(rows.fieldnames or ()):
                raise DataError(f"{where}: lacks columns that the run wrote; bring the file back as it was")
            for row in rows:
                one = tuple(row[column] or "" for column in _COLUMNS)
                if not _AS_WRITTEN.fullmatch(",".join(one)):
                    raise DataError(
                        f"{where}: line {rows.line_num} is not as the run wrote it (a spreadsheet changes "
                        "long numbers, for one); bring the file back as it was"
                    )
                found.append(one)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{where}: cannot be read as a split ({error}); bring the file back as it was") from None
    return found


def _known(rows: Sequence[tuple[str, ...]]) -> KnownImages:
    by_pixels: dict[str, KnownAs] = {}
    by_content: dict[str, KnownAs] = {}
    for name in reversed(_STRONGEST):  # the strongest comes last, and stays
        for split, pixels, content, _ in rows:
            if split == name:
                by_pixels[pixels] = name
                if content:
                    by_content[content] = name
    by_split = {
        name: bytearray.fromhex("".join(signature for split, *_, signature in rows if split == name))
        for name in _STRONGEST
    }
    signatures = {
        name: np.frombuffer(values, np.uint8).reshape(-1, SIDE * SIDE) for name, values in by_split.items() if values
    }
    return KnownImages(by_pixels, by_content, signatures)


def _hexadecimal(samples: LabeledImages) -> list[str]:
    return [f"{number:016x}" for number in samples.pixels.measurements.content_hashes.tolist()]


def _not_in_run(found: Sequence[KnownAs]) -> list[int]:
    return [i for i, name in enumerate(found) if name == NOT_IN_RUN]
