"""YOLO: a text file of objects for each image, and data.yaml or classes.txt with the names of the classes.

    data.yaml, train/images/1.jpg, train/labels/1.txt       folders as in data.yaml
    images/train/1.jpg, labels/train/1.txt, classes.txt     or in pairs, with or without splits; classes.txt may lack

Labels lie where the path of the images has `labels` in the place of `images`, or beside the images. An empty label
file, or none, means that there is no object in the image; one without an image is skipped. Coordinates are fractions of
the width and height of the upright image. Where any object is a polygon, the objects have masks.
Format: Ultralytics' documentation of its detect, segment and pose data sets.
"""

import os
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

import numpy as np

from striate.data.annotation_faults import AnnotationFault
from striate.data.names import printable
from striate.data.skipped_files import SkippedFile
from striate.data.source import Listing, Source
from striate.data.targets import Skeleton
from striate.errors import DataError
from striate.sources.annotations.class_names import read_class_names
from striate.sources.annotations.data_yaml import DataYaml, read_data_yaml
from striate.sources.annotations.instance_listing import AnnotatedImage, list_instances
from striate.sources.annotations.paired_folders import Paired, find_pairs
from striate.sources.annotations.yolo_file import YoloObject, read_yolo
from striate.sources.data_path import DataPath
from striate.sources.files.image_files import image_files
from striate.sources.files.tree import walk
from striate.sources.source_splits import by_split, ordered_splits, origin

__all__ = ["YoloFolders", "find_yolo", "open_yolo", "yolo_folders"]

_NO_LABELS: Final = ("classes", "labels", "names", "readme", "notes")  # text files beside images that label none


@final
@dataclass(frozen=True)
class YoloFolders:
    """Each split with its two folders, and the description if there is one."""

    pairs: Sequence[tuple[str, Paired]]
    file: Path | None = None
    described: DataYaml | None = None

    @property
    def has_own_folders(self) -> bool:
        """Whether images and labels lie apart."""
        root = self.file.parent if self.file else None
        return any(
            pair.images != pair.beside and (root is None or (root / pair.beside).is_dir()) for _, pair in self.pairs
        )


def find_yolo(data: DataPath) -> YoloFolders | None:
    """YOLO's data.yaml or folders in this one; None if there are none. Raises DataError."""
    folder = data.root
    files = [name for name in data.list().files if name.lower().endswith((".yaml", ".yml"))]
    named = [name for name in files if name.lower() in ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")]
    if named:
        return yolo_folders(folder / named[0])
    pairs = find_pairs(data, ("labels",), lambda name: name.lower().endswith(".txt"))
    if pairs and len(files) == 1:
        return yolo_folders(folder / files[0])
    return YoloFolders(pairs) if pairs else None


def yolo_folders(file: Path) -> YoloFolders:
    """The folders that a data.yaml describes. Raises DataError."""
    described = read_data_yaml(file)
    pairs: list[tuple[str, Paired]] = []
    for split, value in described.splits.items():
        images = _folder(file.parent, described.path, value)
        if images is None:
            raise DataError(
                f"{printable(file)}: {split} is {printable(value)}, and {printable(file.parent)} "
                "has no such folder; put data.yaml into the data folder"
            )
        names = images.split("/")
        if "images" in names:
            last = len(names) - 1 - names[::-1].index("images")
            names[last] = "labels"
        labels = "/".join(names)
        if (file.parent / labels).is_dir() and not _is_inside(file.parent, labels):
            raise DataError(
                f"{printable(file.parent / labels)} is behind a link, and links are not followed here; put the folder there"
            )
        pairs.append((split, Paired(images, labels)))
    return YoloFolders(pairs, file, described)


def open_yolo(data: DataPath, found: YoloFolders) -> Source:
    """The source over YOLO's folders. Raises DataError."""
    root = data.root
    described = found.described
    points = described.points if described else None
    folders = by_split(found.pairs, printable(root))
    contents = {split: _read_split(data, pair, points) for split, pair in folders.items()}
    objects = [one for content in contents.values() for of in content.labels.values() for one in of]
    if not any(content.labels for content in contents.values()):
        raise DataError(
            f"{printable(root)} has no label file for any of its images; add label files in a folder labels"
        )
    names = described.names if described else read_class_names(root)
    classes = names or tuple(map(str, range(1 + max((one.label for one in objects), default=0))))
    masked = any(one.polygon is not None for one in objects)
    skeleton = None
    if described is not None and described.points is not None:
        flip = described.flip or ()
        pairs = tuple((i, other) for i, other in enumerate(flip) if i < other and flip[other] == i)
        skeleton = Skeleton(tuple(f"point {i + 1}" for i in range(described.points[0])), pairs)
    splits = {split: _list(data, content, len(classes), masked, skeleton) for split, content in contents.items()}
    return Source(
        printable(root.name),
        printable((found.file or root).as_posix()),
        "YOLO",
        classes,
        ordered_splits(splits),
        MappingProxyType(dict(sum((Counter(content.ignored) for content in contents.values()), Counter()))),
        data.limits,
        skeleton,
        ("" if len(folders) < 2 else printable(found.file.name))
        if found.file
        else origin("folders", [pair.images for pair in folders.values()]),
    )


@final
@dataclass(frozen=True, eq=False)
class _SplitFiles:
    name: str
    images: Sequence[str]  # files relative to the root
    labels: Mapping[str, Sequence[YoloObject]]  # by image
    skipped: Sequence[SkippedFile]
    ignored: Mapping[str, int]  # of what lies beside the images, by kind


def _read_split(data: DataPath, pair: Paired, points: tuple[int, int] | None) -> _SplitFiles:
    root = data.root
    together = pair.images == pair.beside or not (root / pair.beside).is_dir()
    below = pair.images if together else pair.beside
    places = [pair.images] if together else [pair.images, pair.beside]
    trees = [walk(str(root), place, follow=data.follow) for place in places]
    images = image_files(str(root), trees[0])
    files = list(map(posixpath.normpath, images.files))
    image_of = {posixpath.splitext(posixpath.relpath(file, pair.images))[0]: file for file in reversed(files)}
    labels: dict[str, Sequence[YoloObject]] = {}
    skipped = [*images.skipped, *(one for tree in trees[1:] for one in tree.skipped)]
    for file in map(posixpath.normpath, trees[-1].files):
        stem, suffix = posixpath.splitext(posixpath.relpath(file, below))
        if suffix.lower() != ".txt" or (posixpath.basename(stem).lower() in _NO_LABELS and stem not in image_of):
            continue
        if stem in image_of:
            labels[image_of[stem]] = read_yolo(root / file, points)
        else:
            skipped.append(SkippedFile(printable(file), "unpaired", "no image has this name"))
    first = set(image_of.values())
    twice = [file for file in files if file not in first]
    skipped += (SkippedFile(printable(file), "unpaired", "another image has this name") for file in twice)
    return _SplitFiles(
        printable(root / pair.beside),
        [file for file in files if file in first],
        labels,
        skipped,
        {kind: count for kind, count in images.ignored.items() if not (together and kind == ".txt files")},
    )


def _list(data: DataPath, content: _SplitFiles, classes: int, masked: bool, skeleton: Skeleton | None) -> Listing:
    faults: list[AnnotationFault] = []
    images = []
    for file in content.images:
        kept: dict[str, YoloObject] = {}
        for one in content.labels.get(file, ()):
            if one.label >= classes:
                message = f"the class {one.label} is not one of 0 to {classes - 1}"
                faults.append(AnnotationFault(printable(file), one.where, message, "unknown class"))
            elif kept.setdefault(one.text, one) is not one:
                faults.append(AnnotationFault(printable(file), one.where, "the line appears twice", "duplicate"))
        objects = list(kept.values())
        keypoints = None
        if skeleton is not None:
            keypoints = np.array([one.keypoints for one in objects]).reshape(-1, len(skeleton.names), 3)
        outlines = tuple(None if one.polygon is None else (one.polygon,) for one in objects) if masked else None
        images.append(
            AnnotatedImage(
                file,
                tuple(one.where for one in objects),
                np.array([one.box for one in objects], np.float64).reshape(-1, 4),
                np.array([one.label for one in objects], np.int64),
                "image",
                keypoints=keypoints,
                outlines=outlines,
            )
        )
    return list_instances(data, images, name=content.name, faults=faults, skipped=content.skipped, skeleton=skeleton)


def _folder(root: Path, path: str, value: str) -> str | None:
    """A folder of data.yaml relative to the root: as it is written, or without `path`, or without the way up before it.

    None where it is not there, leads out of the root, or passes a link.
    """
    low = value.replace("\\", "/")
    for candidate in (f"{path}/{low}" if path else low, low, low.lstrip("./")):
        whole = candidate if candidate.startswith("/") else f"{root.as_posix()}/{candidate}"
        relative = posixpath.relpath(posixpath.normpath(whole), root.as_posix()) if "\0" not in whole else ".."
        if not relative.startswith("..") and (root / relative).is_dir() and _is_inside(root, relative):
            return relative
    return None


def _is_inside(root: Path, relative: str) -> bool:
    """Whether no folder on the way is a link."""
    return os.path.realpath(root / relative) == os.path.normpath(f"{os.path.realpath(root)}/{relative}")
