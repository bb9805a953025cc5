"""Images and masks in pairs: a file for each image with the class of each pixel.

    images/a.jpg, masks/a.png        with train, val and test inside or around; masks may be called labels or
                                     annotations, and JPEGImages with SegmentationClass is VOC's way
    a.jpg, a_mask.png                side by side, in splits or not

Pairs have the same name, but for _mask at the end; what has no partner is skipped. A mask is for the upright image
where it has that size; where it has the size of the stored pixels of an image that lies on its side (EXIF), it is
turned along; any other is skipped. All masks are read when the source is opened, for the classes in them.
"""

import os
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.decode import read_header
from striate.data.decoding.limits import Limits
from striate.data.mask_encoding import MaskEncoding
from striate.data.names import named, printable
from striate.data.skipped_files import SkippedFile, Unreadable, check_skipped
from striate.data.source import Listing, Source
from striate.data.store import FileStore
from striate.data.targets import TargetForm, Targets, TaskKind
from striate.data.threads import in_threads
from striate.errors import DataError
from striate.sources.annotations.frame import Frame, frame_of
from striate.sources.annotations.mask_coding import MAX_NUMBERS, MaskCoding, decide_coding
from striate.sources.annotations.mask_file import MASK_SUFFIXES, read_mask, read_palette
from striate.sources.annotations.paired_folders import Paired, find_pairs
from striate.sources.annotations.voc_source import image_sets, voc_mask_classes
from striate.sources.data_path import DataPath
from striate.sources.files.image_files import image_files
from striate.sources.files.tree import walk
from striate.sources.source_splits import by_split, ordered_splits, origin
from striate.sources.split_words import splits_of

__all__ = ["MaskFiles", "MaskFolders", "find_masks", "open_masks"]

_NAMED: Final = ("masks", "mask", "labels", "label", "annotations", "annotation", "segmentationclass")
_ENDINGS: Final = ("_mask", "-mask", "_label", "_gt")
MANY_MASKS, SHOWN = 10, 3  # masks from which on a class in one alone is rare, and how many of such are named


@final
@dataclass(frozen=True)
class MaskFolders:
    """Each split with its folders of images and masks; `sets` are names by split (VOC's lists), or empty."""

    pairs: Sequence[tuple[str, Paired]]
    sets: Mapping[str, Sequence[str]]

    @property
    def has_own_folders(self) -> bool:
        """Whether images and masks lie apart."""
        return any(pair.images != pair.beside for _, pair in self.pairs)


@final
@dataclass(frozen=True, eq=False)
class MaskFiles(Targets):
    """A mask file for each image, read when it is asked for."""

    paths: tuple[str, ...]
    frames: tuple[Frame, ...]  # that the masks are drawn in
    coding: MaskCoding
    limits: Limits
    task: TaskKind = "segment"
    form: ClassVar[TargetForm] = "masks"

    def __len__(self) -> int:
        return len(self.paths)

    def target(self, i: int) -> npt.NDArray[np.int64]:
        codes, packed = read_mask(self.paths[i], self.limits)
        frame = self.frames[i]
        if codes.shape != (frame.height, frame.width):
            raise Unreadable("another size", f"the mask was {frame.width} x {frame.height} when the data was opened")
        try:
            return frame.grid(self.coding.decode(codes, packed=packed))
        except ValueError as error:
            raise Unreadable("unreadable", str(error)) from None

    def content(self) -> bytes:
        coding = repr((sorted(self.coding.numbers.items()), sorted(self.coding.colors.items())))
        return "\n".join([coding, *FileStore(self.paths, self.limits).digests()]).encode()

    def mask_encoding(self) -> MaskEncoding | None:
        """That of the first mask, which the others are like."""
        for path in self.paths:
            try:
                _, packed = read_mask(path, self.limits)
                return self.coding.encoding(read_palette(path, self.limits), packed=packed)
            except Unreadable:  # another one tells too
                continue
        return None


def find_masks(data: DataPath) -> MaskFolders | None:
    """Folders of images and masks in this one; None if there are none. Raises DataError."""
    pairs = find_pairs(data, _NAMED, lambda name: name.lower().endswith(MASK_SUFFIXES))
    if pairs:
        return MaskFolders(pairs, image_sets(data, "Segmentation") if "all" in dict(pairs) else {})
    if _has_masks_beside(data, "."):
        return MaskFolders([("all", Paired(".", "."))], {})
    names = splits_of(data.list().folders)
    beside = [(split, Paired(name, name)) for name, split in names.items() if _has_masks_beside(data, name)]
    return MaskFolders(beside, {}) if beside else None


def open_masks(data: DataPath, found: MaskFolders) -> Source:
    """The source over folders of images and masks. Raises DataError."""
    root, limits = data.root, data.limits
    scans: dict[str, _Scan] = {}
    ignored: Counter[str] = Counter()
    folders = by_split(found.pairs, printable(root))
    for split, pair in folders.items():
        pairs, skipped = _match(data, pair, ignored)
        if not found.sets:
            scans[split] = _scan(data, pairs, skipped)
        for name, listed in found.sets.items():
            stems = set(listed)
            in_list = [one for one in pairs if _stem(one[0], pair.images) in stems]
            scans[name] = _scan(data, in_list, skipped if name == "train" else [])
    numbers = {code: file for scan in scans.values() for code, file in scan.numbers.items()}
    colors = {code: file for scan in scans.values() for code, file in scan.colors.items()}
    if not numbers and not colors:
        raise DataError(f"{printable(root)} has no image with a usable mask; add some")
    of_voc = any(posixpath.basename(pair.beside).lower() == "segmentationclass" for pair in folders.values())
    coding = decide_coding(root, numbers, colors, voc_mask_classes(data) if of_voc else ())
    splits = {
        split: Listing(
            tuple(map(printable, scan.images)),
            MaskFiles(tuple(f"{root}/{mask}" for mask in scan.masks), tuple(scan.frames), coding, limits),
            FileStore(tuple(f"{root}/{image}" for image in scan.images), limits),
            tuple(scan.skipped),
        )
        for split, scan in scans.items()
    }
    return Source(
        *named(root),
        "mask folders",
        coding.classes,
        ordered_splits(splits),
        MappingProxyType(dict(ignored)),
        limits,
        split_origin=("lists in ImageSets" if len(found.sets) > 1 else "")
        if found.sets
        else origin("folders", [pair.images for pair in folders.values()]),
        notes=_stray_codes(
            coding, numbers | colors, sum((scan.masks_of for scan in scans.values()), Counter()), splits
        ),
    )


def _stray_codes(
    coding: MaskCoding, files: Mapping[int, str], masks_of: Counter[int], splits: Mapping[str, Listing]
) -> tuple[str, ...]:
    """A sentence on numbers and colors that one mask alone holds, and that are classes for it: such may be slips."""
    named = {code: f"#{code:06x}" if code in coding.colors else str(code) for code in sorted(files)}
    stray = [code for code, name in named.items() if masks_of[code] == 1 and name in coding.classes]
    if not stray or sum(map(len, splits.values())) < MANY_MASKS:
        return ()
    shown = ", ".join(f"{named[code]} in {files[code]}" for code in stray[:SHOWN])
    more = f" and {len(stray) - SHOWN} more" if len(stray) > SHOWN else ""
    what = "1 class occurs" if len(stray) == 1 else f"{len(stray)} classes occur"
    return (f"{what} in only one mask: {shown}{more}; correct the masks if that is a mistake, such as smoothed edges",)


@final
@dataclass(frozen=True, eq=False)
class _Scan:
    """The pairs of a split that can be used, and what numbers and colors their masks hold, each with a file."""

    images: list[str]
    masks: list[str]
    frames: list[Frame]
    numbers: dict[int, str]
    colors: dict[int, str]
    masks_of: Counter[int]  # how many masks hold each number or packed color
    skipped: list[SkippedFile]


def _scan(data: DataPath, pairs: Sequence[tuple[str, str]], skipped: Sequence[SkippedFile]) -> _Scan:
    root, limits = data.root, data.limits
    results: list[tuple[Frame, npt.NDArray[np.int64], bool] | SkippedFile | None] = [None] * len(pairs)

    def read(i: int) -> None:
        image, mask = pairs[i]
        at = image
        try:
            header = read_header(f"{root}/{image}", limits)
            at = mask
            codes, packed = read_mask(f"{root}/{mask}", limits)
        except Unreadable as failure:
            results[i] = SkippedFile(printable(at), failure.reason, failure.detail)
            return
        frame = frame_of(header, (codes.shape[0], codes.shape[1]))
        if frame is None:
            sizes = f"{codes.shape[1]} x {codes.shape[0]}, and {printable(image)} is {header.width} x {header.height}"
            results[i] = SkippedFile(printable(mask), "another size", f"the mask is {sizes}")
            return
        found = np.flatnonzero(np.bincount(codes.ravel())) if codes.dtype == np.uint8 else np.unique(codes)
        if len(found) > MAX_NUMBERS:
            raise DataError(
                f"{printable(root / mask)} has {len(found)} different numbers or colors, too many for classes; "
                "give masks with one number for each class"
            )
        results[i] = frame, found, packed

    in_threads(read, len(pairs), os.cpu_count() or 1)
    scan = _Scan([], [], [], {}, {}, Counter(), list(skipped))
    for (image, mask), result in zip(pairs, results, strict=True):
        if isinstance(result, SkippedFile):
            scan.skipped.append(result)
        elif result is not None:
            frame, found, packed = result
            scan.images.append(image)
            scan.masks.append(mask)
            scan.frames.append(frame)
            scan.masks_of.update(found.tolist())
            for code in found.tolist():
                (scan.colors if packed else scan.numbers).setdefault(code, printable(mask))
    check_skipped(scan.skipped, len(scan.images) + len(scan.skipped), limits)
    return scan


def _match(data: DataPath, pair: Paired, ignored: Counter[str]) -> tuple[list[tuple[str, str]], list[SkippedFile]]:
    """Images with their masks, and what has no partner; what is no image is added to `ignored`."""
    places = [pair.images] if pair.beside == pair.images else [pair.images, pair.beside]
    trees = [image_files(str(data.root), walk(str(data.root), place, follow=data.follow)) for place in places]
    files = [posixpath.normpath(file) for file in trees[0].files]
    skipped = [one for tree in trees for one in tree.skipped]
    for tree in trees:
        ignored.update(tree.ignored)
    masks: dict[str, str] = {}
    if pair.beside == pair.images:
        stem_of = {file: _stem(file, pair.images) for file in files}
        stems = set(stem_of.values())
        marked = {file for file, stem in stem_of.items() if _unmarked(stem) != stem and _unmarked(stem) in stems}
        candidates = [file for file in files if file in marked]
        files = [file for file in files if file not in marked]
    else:
        candidates = [posixpath.normpath(file) for file in trees[1].files if file.lower().endswith(MASK_SUFFIXES)]
    for mask in candidates:
        stem = _stem(mask, pair.beside)
        if masks.setdefault(stem, mask) != mask:
            skipped.append(SkippedFile(printable(mask), "unpaired", "another mask has this name"))
    pairs: list[tuple[str, str]] = []
    taken: set[str] = set()
    for image in files:
        stem = _stem(image, pair.images)
        name = next((name for name in (stem, *(stem + ending for ending in _ENDINGS)) if name in masks), None)
        if name is None or masks[name] in taken:
            message = "no mask has this name" if name is None else "another image has this name"
            skipped.append(SkippedFile(printable(image), "unpaired", message))
        else:
            taken.add(masks[name])
            pairs.append((image, masks[name]))
    left = [mask for mask in masks.values() if mask not in taken]
    return pairs, skipped + [SkippedFile(printable(mask), "unpaired", "no image has this name") for mask in left]


def _stem(file: str, below: str) -> str:
    return posixpath.splitext(posixpath.relpath(file, below))[0]


def _unmarked(stem: str) -> str:
    return next((stem.removesuffix(ending) for ending in _ENDINGS if stem.endswith(ending)), stem)


def _has_masks_beside(data: DataPath, below: str) -> bool:
    files = [name for name in data.list(below).files if name.lower().endswith(MASK_SUFFIXES)]
    stems = {posixpath.splitext(name)[0] for name in files}
    return any(_unmarked(stem) != stem and _unmarked(stem) in stems for stem in stems)
