"""Pascal VOC: an XML file for each image, with the same name.

    Annotations/1.xml, JPEGImages/1.jpg, ImageSets/Main/train.txt      splits by lists of names, or all
    train/1.xml, train/1.jpg, val/2.xml, val/2.jpg                     or side by side, in splits or not

Corners are whole pixels counted from 1, both inside the box, so that a box becomes (xmin - 1, ymin - 1, xmax, ymax).
Classes are the names found, in natural order. Objects marked `difficult` are left out and counted, as VOC's
own evaluation does. An image is one of its split even without an object in it, but not without an XML file.
Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", 2010.
"""

import os
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

import numpy as np

from striate.data.annotation_faults import AnnotationFault
from striate.data.names import named, natural_key, printable
from striate.data.skipped_files import SkippedFile
from striate.data.source import Listing, Source
from striate.errors import DataError
from striate.sources.annotations.instance_listing import AnnotatedImage, list_instances
from striate.sources.annotations.voc_file import VocImage, read_voc
from striate.sources.data_path import DataPath
from striate.sources.files.image_files import image_files
from striate.sources.files.text_file import read_text
from striate.sources.files.tree import refuse_links, walk
from striate.sources.source_splits import by_split, ordered_splits, origin
from striate.sources.split_words import splits_of

__all__ = ["VocFolders", "find_voc", "image_sets", "open_voc", "voc_mask_classes"]

_DIFFICULT: Final = "objects marked difficult"  # a kind of ignored annotation
_UNDESCRIBED: Final = "files without an annotation"
_UNLISTED: Final = "annotations that no list names"
_MAX_LIST: Final = 2**26  # bytes
_READ: Final = 20  # annotations that tell whether the objects are those of the challenge
_CLASSES: Final = (  # of the challenge, in the order of their numbers in SegmentationClass
    *(
        "background",
        "aeroplane",
        "bicycle",
        "bird",
        "boat",
        "bottle",
        "bus",
        "car",
        "cat",
        "chair",
        "cow",
        "diningtable",
    ),
    *("dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


@final
@dataclass(frozen=True)
class VocFolders:
    """Each split with its folders of annotations and images, relative to the root; `sets` are names by split, or empty."""

    folders: Sequence[tuple[str, tuple[str, str]]]
    sets: Mapping[str, Sequence[str]]

    @property
    def has_own_folders(self) -> bool:
        """Whether annotations and images lie apart."""
        return any(one != other for _, (one, other) in self.folders)


def find_voc(data: DataPath) -> VocFolders | None:
    """VOC's folders in this one, or XML files beside images; None if there are none. Raises DataError."""
    folder, top = data.root, data.list()
    annotations = [name for name in top.folders if name.lower() == "annotations" and _has_xml(data, name)]
    images = [name for name in top.folders if name.lower() in ("jpegimages", "images")]
    if annotations:
        refuse_links(folder, top)
        return VocFolders([("all", (annotations[0], (images or annotations)[0]))], image_sets(data, "Main"))
    if _has_xml(data, "."):
        return VocFolders([("all", (".", "."))], {})
    folders = [(split, (name, name)) for name, split in splits_of(top.folders).items() if _has_xml(data, name)]
    return VocFolders(folders, {}) if folders else None


def image_sets(data: DataPath, kind: str) -> dict[str, list[str]]:
    """The names in ImageSets/<kind>/train.txt, val.txt and test.txt; trainval.txt is train where there is no train.txt."""
    folder = data.path / "ImageSets" / kind
    if "ImageSets" not in data.list().folders or kind not in data.list("ImageSets").folders:
        return {}
    there = data.list(f"ImageSets/{kind}").files
    lists = {split: f"{split}.txt" for split in ("train", "val", "test") if f"{split}.txt" in there}
    if "train" not in lists and "trainval.txt" in there:
        lists = {"train": "trainval.txt"} | {split: file for split, file in lists.items() if split == "test"}
    lines = {split: read_text(folder / file, _MAX_LIST).splitlines() for split, file in lists.items()}
    return {split: [line.split()[0] for line in of if line.split()] for split, of in lines.items()}


def voc_mask_classes(data: DataPath) -> tuple[str, ...]:
    """The classes of the numbers in SegmentationClass, where the objects in Annotations are those of the challenge; else ()."""
    folder = next((name for name in data.list().folders if name.lower() == "annotations"), None)
    files = [] if folder is None else [name for name in data.list(folder).files if name.lower().endswith(".xml")]
    try:
        objects = {one.name for name in files[:_READ] for one in read_voc(data.root / str(folder) / name).objects}
    except DataError:  # what is beside the masks is not read
        return ()
    return _CLASSES if objects and objects <= set(_CLASSES) else ()


def open_voc(data: DataPath, found: VocFolders) -> Source:
    """The source over VOC's folders. Raises DataError."""
    root = data.root
    folders = by_split(found.folders, printable(root), lambda two: two[0])
    read = {split: _read_split(data, *two) for split, two in folders.items()}
    classes = sorted(
        {one.name for of in read.values() for xml in of.described.values() for one in xml.objects}, key=natural_key
    )
    label_of = {name: label for label, name in enumerate(classes)}
    splits: dict[str, Listing] = {}
    ignored: Counter[str] = Counter()
    for split, content in read.items():
        sets: Mapping[str, Sequence[str]] = found.sets or {split: sorted(content.described, key=os.fsencode)}
        for name, stems in sets.items():
            splits[name] = _list(data, content, stems, label_of)
        used = {stem for stems in sets.values() for stem in stems}
        ignored[_DIFFICULT] += sum(xml.difficult for stem, xml in content.described.items() if stem in used)
        ignored[_UNLISTED] += len(content.described.keys() - used)
        ignored.update(content.ignored)
        ignored[_UNDESCRIBED] += len(content.images.keys() - content.described.keys())
    return Source(
        *named(root),
        "Pascal VOC",
        tuple(map(printable, classes)),
        ordered_splits(splits),
        MappingProxyType(dict(+ignored)),
        data.limits,
        split_origin=("lists in ImageSets" if len(found.sets) > 1 else "")
        if found.sets
        else origin("folders", [one for one, _ in folders.values()]),
    )


@final
@dataclass(frozen=True, eq=False)
class _SplitFiles:
    name: str
    described: Mapping[str, VocImage]  # by stem
    images: Mapping[str, str]  # files relative to the root, by stem
    skipped: Sequence[SkippedFile]
    ignored: Mapping[str, int]  # of what lies beside the images, by kind


def _read_split(data: DataPath, annotations: str, images_folder: str) -> _SplitFiles:
    root = data.root
    places = [annotations] if images_folder == annotations else [annotations, images_folder]
    trees = [walk(str(root), place, follow=data.follow) for place in places]
    images = image_files(str(root), trees[-1])
    described: dict[str, VocImage] = {}
    files: dict[str, str] = {}
    for place, tree in zip(places, trees, strict=True):
        for file in map(posixpath.normpath, tree.files):
            stem, suffix = posixpath.splitext(posixpath.relpath(file, place))
            if suffix.lower() == ".xml":
                described[stem] = read_voc(root / file)
    for file in map(posixpath.normpath, images.files):
        files.setdefault(posixpath.splitext(posixpath.relpath(file, images_folder))[0], file)
    skipped = [*(trees[0].skipped if len(trees) > 1 else ()), *images.skipped]
    others = {kind: count for kind, count in images.ignored.items() if kind != ".xml files"}
    return _SplitFiles(printable(root / annotations), described, files, skipped, others)


def _list(data: DataPath, content: _SplitFiles, stems: Sequence[str], label_of: Mapping[str, int]) -> Listing:
    images: list[AnnotatedImage] = []
    skipped: list[SkippedFile] = []
    faults: list[AnnotationFault] = []
    for stem, times in Counter(stems).items():
        where, file = f"{content.name}/{printable(stem)}.xml", content.images.get(stem)
        if times > 1:
            faults.append(AnnotationFault(printable(stem), where, f"a list names it {times} times", "duplicate"))
        if stem not in content.described:
            faults.append(
                AnnotationFault(printable(stem), where, "a list names it, and the file does not exist", "unknown image")
            )
        elif file is None:
            skipped.append(SkippedFile(where, "unpaired", "no image has this name"))
        else:
            xml = content.described[stem]
            images.append(
                AnnotatedImage(
                    file,
                    tuple(f"{where}, object {one.number}" for one in xml.objects),
                    np.array([one.box for one in xml.objects], np.float64).reshape(-1, 4),
                    np.array([label_of[one.name] for one in xml.objects], np.int64),
                    size=xml.size,
                )
            )
    skipped += content.skipped
    return list_instances(data, images, name=content.name, faults=faults, skipped=skipped)


def _has_xml(data: DataPath, below: str) -> bool:
    return any(name.lower().endswith(".xml") for name in data.list(below).files)
