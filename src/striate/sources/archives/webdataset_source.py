"""WebDataset: tar archives in which the files of one sample lie together under one key.

    shards/train-000000.tar   000017.jpg, 000017.cls, 000018.jpg, 000018.cls ...
    shards/train-{000000..000007}.tar                             the same as a name for several

The key is all before the first dot of a file's name. A sample is one image and one label: .cls (a class), .txt (text) or
.json (a text or number, or an object that has it as label, class, target ...). Shards called train-*, val-* and test-* are
those splits. Names in an archive are keys and nothing else: no file is made from them. Every sample ends among the
samples or the files skipped.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

import numpy as np

from striate.data.decoding.formats import IMAGE_EXTENSIONS
from striate.data.names import named, printable
from striate.data.skipped_files import SkippedFile, Unreadable
from striate.data.source import Listing, Source
from striate.data.store import ContentStore
from striate.errors import DataError
from striate.sources.archives.tar_file import Member, list_tar, read_member
from striate.sources.data_path import DataPath
from striate.sources.labels.parsing import parse_labels
from striate.sources.source_splits import ordered_splits
from striate.sources.split_words import splits_of_files

__all__ = ["find_shards", "open_shards"]

_IMAGES: Final = frozenset(  # a .npy beside an image is something else that is known of it
    (*(end[1:] for end in IMAGE_EXTENSIONS if end != ".npy"), "img", "image")
)
_LABELS: Final = ("cls", "txt", "text", "json")  # the first of these that a sample has is its label
_KEYS: Final = ("label", "class", "cls", "target", "category", "y", "class_name", "label_name")  # in a .json
_MAX_LABEL: Final = 2**16  # bytes
_MOST_SHARDS: Final = 100_000
_RANGE: Final = re.compile(r"\{(\d+)\.\.(\d+)\}")


@final
@dataclass
class _Sample:
    """The files under one key of one shard."""

    id: str
    images: list[Member] = field(default_factory=list)
    labels: dict[str, Member] = field(default_factory=dict)


def find_shards(data: DataPath) -> Sequence[Path] | None:
    """The archives that a path means: a .tar file, a folder of them, or a name with {000..012}; None where it is none."""
    path = data.path
    if path.is_dir():
        return data.files(lambda name: name.lower().endswith(".tar")) or None
    if match := _RANGE.search(path.name):
        first, last = int(match[1]), int(match[2])
        if not 0 <= last - first < _MOST_SHARDS:
            raise DataError(
                f"the range in {printable(path)} has {last - first + 1} archives; give a range such as {{000..012}}"
            )
        start, end = path.name[: match.start()], path.name[match.end() :]
        shards = [path.with_name(f"{start}{i:0{len(match[1])}}{end}") for i in range(first, last + 1)]
        missing = next((one for one in shards if not one.is_file()), None)
        if missing is not None:
            raise DataError(
                f"{printable(missing)} of the range {printable(path.name)} does not exist; get it, or fix the range"
            )
        return shards
    if path.name.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")) and path.is_file():
        list_tar(path)  # raises the error with the way out
    return [path] if path.suffix.lower() == ".tar" and path.is_file() else None


def open_shards(data: DataPath, shards: Sequence[Path]) -> Source:
    """The source over shards. Reads all headers and labels. Raises DataError."""
    name, limits = data.name, data.limits
    split_of_sample: list[str] = []
    samples: list[_Sample] = []
    cells: list[str] = []
    skipped: dict[str, list[SkippedFile]] = {}
    split_of_shard = _splits(shards)
    for shard in shards:
        split = split_of_shard[shard]
        good, bad = _samples(shard)
        skipped.setdefault(split, []).extend(bad)
        samples.extend(good)
        split_of_sample.extend([split] * len(good))
        cells.extend(_label(sample) for sample in good)
    if not samples:
        raise DataError(f"{name} has no image with a label, such as 000.jpg and 000.cls; add some")
    splits = np.array(split_of_sample)
    parsed = parse_labels(
        {"label": cells},
        np.isin(splits, ("all", "train")),
        lambda i, _: f"{name}, sample {samples[i].id}",
        data.options.columns.task,
        for_training=data.options.for_training,
    )
    listings = {}
    for split in dict.fromkeys(split_of_sample):
        rows = np.flatnonzero(splits == split)
        images = [samples[i].images[0] for i in rows]
        listings[split] = Listing(
            tuple(samples[i].id for i in rows),
            parsed.targets(rows),
            ContentStore(len(rows), partial(_content, images, limits.max_bytes), limits),
            tuple(skipped.get(split, ())),
        )
    return Source(
        *named(data.path),
        f"WebDataset, {parsed.description.removesuffix(' in the column label')}",
        parsed.classes,
        ordered_splits(listings),
        MappingProxyType({}),
        limits,
        notes=parsed.notes,
        split_origin="names of the shards" if len(listings) > 1 else "",
    )


def _splits(shards: Sequence[Path]) -> Mapping[Path, str]:
    """The split that each shard is of; "all" for each where any name has no split."""
    splits = splits_of_files([shard.stem for shard in shards])
    is_split = all(shard.stem in splits for shard in shards)
    return {shard: splits[shard.stem] if is_split else "all" for shard in shards}


def _samples(shard: Path) -> tuple[list[_Sample], list[SkippedFile]]:
    """The samples of a shard in its order, and those that are none. Raises DataError where a key has two images or labels."""
    members, others = list_tar(shard)
    samples: dict[str, _Sample] = {}
    for member in members:
        folder, slash, file = member.name.rpartition("/")
        stem, _, extension = file.partition(".")
        if not stem or not extension:  # hidden, or of no sample
            continue
        key = f"{folder}{slash}{stem}"
        sample = samples.setdefault(key, _Sample(printable(f"{shard.name}/{key}")))
        kind = extension.lower().rpartition(".")[2]
        if kind in _IMAGES:
            sample.images.append(member)
        elif kind in _LABELS:
            if kind in sample.labels:
                raise DataError(f"{printable(shard)} has two files .{kind} of the sample {printable(key)}; remove one")
            sample.labels[kind] = member
        if len(sample.images) > 1:
            names = " and ".join(printable(one.name) for one in sample.images)
            raise DataError(f"{printable(shard)} has two images of one sample, {names}; remove one")
    bad = [
        SkippedFile(printable(f"{shard.name}/{other.name}"), "link out of the folder", "a link in an archive")
        if other.link
        else SkippedFile(
            printable(f"{shard.name}/{other.name}"), "not a regular file", "a device, FIFO or file with holes"
        )
        for other in others
    ]
    bad += [SkippedFile(one.id, "missing", "the sample has no image") for one in samples.values() if not one.images]
    return [one for one in samples.values() if one.images], bad


def _label(sample: _Sample) -> str:
    """The label of a sample as a cell of a table would hold it. Raises DataError."""
    kind = next((kind for kind in _LABELS if kind in sample.labels), None)
    if kind is None:
        raise DataError(
            f"the sample {sample.id} has no .cls, .txt or .json with its label; add it, or remove the sample"
        )
    try:
        text = read_member(sample.labels[kind], _MAX_LABEL).decode("utf-8-sig").strip()
        if "\0" in text:
            raise ValueError("a NUL byte")
        return text if kind != "json" else _from_json(json.loads(text))
    except Unreadable as failure:
        raise DataError(f"the label .{kind} of {sample.id} cannot be read: {failure.detail}; fix it") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON
        raise DataError(f"the label .{kind} of {sample.id} cannot be read ({type(error).__name__}); fix it") from None


def _from_json(value: object) -> str:
    """The text or number in it. ValueError where there is none."""
    if isinstance(value, dict):
        found = [value[key] for key in _KEYS if key in value]
        if not found:
            raise ValueError("no label")
        value = found[0]
    if not isinstance(value, (str, int, float)):
        raise ValueError("a list")
    return str(value).strip()


def _content(images: Sequence[Member], at_most: int, i: int) -> bytes:
    return read_member(images[i], at_most)
