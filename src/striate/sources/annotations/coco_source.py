"""COCO: one JSON file for each split of the data, with lists of images, categories and annotations.

    annotations/instances_train2017.json      splits by the names of the files, or one file for all
    train/_annotations.coco.json              or by folders

Classes are the categories in the order of their numbers. A box is x, y, width, height from the top left corner. Where
any object has an outline (polygons or runs) the objects have masks. Objects marked `iscrowd` are groups that were not
annotated one by one: they are left out and counted, and their pixels are of no class where outlines become masks. An image
without annotations has no objects in it, and is used. Lin et al., "Microsoft COCO: Common Objects in Context", 2014.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

import numpy as np

from striate.data.annotation_faults import AnnotationFault
from striate.data.names import printable
from striate.data.skipped_files import SkippedFile
from striate.data.source import Listing, Source
from striate.data.targets import Skeleton
from striate.errors import DataError
from striate.sources.annotations.coco_annotation import CocoAnnotation, read_annotation, read_crowd
from striate.sources.annotations.instance_listing import AnnotatedImage, list_instances
from striate.sources.annotations.mirror_pairs import mirror_pairs
from striate.sources.annotations.named_images import NamedImages
from striate.sources.annotations.outlines import Outline
from striate.sources.data_path import DataPath
from striate.sources.files.json_file import read_json, show
from striate.sources.source_splits import by_split, ordered_splits, origin

__all__ = ["open_coco"]

_CROWD = "crowds, which are no single objects"  # a kind of ignored annotation


@final
@dataclass(frozen=True, eq=False)
class _Content:
    """One file, parsed: images by number in the order of the file, and the objects of each of them."""

    name: str
    path: Path
    files: Mapping[int | str, str]
    sizes: Mapping[int | str, tuple[int, int] | None]
    objects: Mapping[int | str, Sequence[CocoAnnotation]]
    categories: Mapping[int, str]
    skeleton: Skeleton | None
    crowds: Mapping[int | str, Sequence[Outline]]
    faults: list[AnnotationFault] = field(default_factory=list)


def open_coco(data: DataPath, found: Sequence[tuple[str, Path]]) -> Source:
    """The source over COCO files, each with its split. Raises DataError."""
    root = data.root
    files = by_split(found, printable(root), lambda path: os.path.relpath(path, root))
    contents = {split: _read(path) for split, path in files.items()}
    first = next(iter(contents.values()))
    for other in contents.values():
        if (other.categories, other.skeleton) != (first.categories, first.skeleton):
            raise DataError(f"{other.name} has other categories than {first.name}; give them the same categories")
    if not first.categories:
        raise DataError(f"{first.name} has no categories; add them")
    objects = [one for content in contents.values() for of in content.objects.values() for one in of]
    masked = any(one.outline is not None for one in objects)
    named = NamedImages(root, follow=data.follow)
    splits: dict[str, Listing] = {}
    ignored: Counter[str] = Counter()
    for split, content in contents.items():
        splits[split] = _list(data, content, named, masked)
        ignored[_CROWD] += sum(map(len, content.crowds.values()))
    return Source(
        printable(root.name),
        printable((root if len(files) > 1 else first.path).as_posix()),
        "COCO",
        tuple(first.categories[number] for number in sorted(first.categories)),
        ordered_splits(splits),
        MappingProxyType(dict(+ignored)),
        data.limits,
        first.skeleton,
        origin("files", [path.name for path in files.values()]),
    )


def _list(data: DataPath, content: _Content, named: NamedImages, masked: bool) -> Listing:
    base = named.base(list(content.files.values()), content.path)
    label_of = {number: label for label, number in enumerate(sorted(content.categories))}
    images: list[AnnotatedImage] = []
    skipped: list[SkippedFile] = []
    for number, file in content.files.items():
        found = named.find(base, file)
        if isinstance(found, SkippedFile):
            skipped.append(found)
            continue
        objects = content.objects.get(number, ())
        outlines: tuple[Outline | None, ...] | None = tuple(one.outline for one in objects) if masked else None
        points = None
        if content.skeleton is not None:
            points = np.array([one.keypoints for one in objects]).reshape(-1, len(content.skeleton.names), 3)
        images.append(
            AnnotatedImage(
                found,
                tuple(one.where for one in objects),
                np.array([one.box for one in objects], np.float64).reshape(-1, 4),
                np.array([label_of[one.category] for one in objects], np.int64),
                size=content.sizes[number],
                keypoints=points,
                outlines=outlines,
                crowds=tuple(content.crowds.get(number, ())),
            )
        )
    return list_instances(
        data,
        images,
        name=content.name,
        faults=content.faults,
        skipped=skipped,
        skeleton=content.skeleton,
    )


def _read(path: Path) -> _Content:
    name = printable(path)
    content = read_json(path)
    images, annotations, categories = (_records(content, key, name) for key in ("images", "annotations", "categories"))
    names, skeleton = _categories(categories, name)
    files: dict[int | str, str] = {}
    sizes: dict[int | str, tuple[int, int] | None] = {}
    faults: list[AnnotationFault] = []
    number_of: dict[str, int | str] = {}  # of each file
    same: dict[int | str, int | str] = {}  # a second number of a file -> the first
    for i, image in enumerate(images, 1):
        where = f"{name}, image {i}"
        number, file = _id(image.get("id"), where), image.get("file_name")
        if not isinstance(file, str) or not file:
            raise DataError(f"{where}: file_name is {show(file)} and not a name; fix it")
        if number in files or number in same:
            faults.append(AnnotationFault(printable(file), where, f"the id {show(number)} appears twice", "duplicate"))
        elif file in number_of:
            same[number] = number_of[file]
            faults.append(AnnotationFault(printable(file), where, "the file appears twice", "duplicate"))
        else:
            number_of[file], files[number], sizes[number] = number, file, _size(image, where)
    objects: dict[int | str, list[CocoAnnotation]] = {}
    used: set[int | str] = set()
    crowds: dict[int | str, list[Outline]] = {}
    for i, annotation in enumerate(annotations, 1):
        where = f"{name}, annotation {i}"
        number = _id(annotation.get("image_id"), where, "image_id")
        number = same.get(number, number)
        own = annotation.get("id")
        shown = printable(files.get(number, str(number)))
        if own is not None and _id(own, where) in used:
            faults.append(AnnotationFault(shown, where, f"the id {show(own)} appears twice", "duplicate"))
            continue
        if own is not None:
            used.add(own)
        category = annotation.get("category_id")
        if number not in files:
            faults.append(AnnotationFault(shown, where, f"no image has the id {show(number)}", "unknown image"))
        elif type(category) is not int or category not in names:
            message = f"no category has the id {show(category)}"
            faults.append(AnnotationFault(shown, where, message, "unknown class"))
        elif annotation.get("iscrowd") in (1, True):
            try:
                crowds.setdefault(number, []).append(read_crowd(annotation, where, sizes[number]))
            except DataError as error:  # no object is lost, and most tasks need no crowds
                message = f"a crowd without a region: {str(error).removeprefix(f'{where}: ')}"
                faults.append(AnnotationFault(shown, where, message, "no outline"))
        else:
            objects.setdefault(number, []).append(read_annotation(annotation, where, sizes[number], skeleton))
    return _Content(name, path, files, sizes, objects, names, skeleton, crowds, faults)


def _records(content: object, key: str, name: str) -> list[dict[str, Any]]:
    records = content.get(key) if isinstance(content, dict) else None
    if not isinstance(records, list):
        raise DataError(
            f"{name} has no list {key!r}, so it is not a COCO file; give a file with images, annotations, categories"
        )
    for i, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise DataError(f"{name}, {key} {i}: {show(record)} is not an object; fix it")
    return records


def _id(value: object, where: str, what: str = "id") -> int | str:
    if type(value) is not int and not isinstance(value, str):
        raise DataError(f"{where}: {what} is {show(value)} and not a number; fix it")
    return value


def _size(image: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    height, width = image.get("height"), image.get("width")
    if not height and not width:
        return None
    if type(height) is not int or type(width) is not int or height < 1 or width < 1:
        raise DataError(
            f"{where}: height and width are {show(height)} and {show(width)}, not positive whole numbers; fix them"
        )
    return height, width


def _categories(records: Sequence[Mapping[str, Any]], name: str) -> tuple[dict[int, str], Skeleton | None]:
    """Names by number, and the one skeleton of all categories that have keypoints."""
    names: dict[int, str] = {}
    skeletons: list[Skeleton] = []
    for i, record in enumerate(records, 1):
        where, number, category = f"{name}, category {i}", record.get("id"), record.get("name")
        if type(number) is not int:
            raise DataError(f"{where}: id is {show(number)} and not a whole number; fix it")
        if not isinstance(category, str) or not category.strip():
            raise DataError(f"{where}: name is {show(category)} and not a name; fix it")
        if number in names or printable(category) in names.values():
            raise DataError(f"{where}: the id {number} or the name {printable(category)} appears twice; rename one")
        names[number] = printable(category)
        if record.get("keypoints"):
            skeletons.append(_skeleton(record, where))
    if any(one != skeletons[0] for one in skeletons):
        raise DataError(
            f"{name} has categories with different keypoints; keep those with the same keypoints, or write one file for each"
        )
    return names, skeletons[0] if skeletons else None


def _skeleton(record: Mapping[str, Any], where: str) -> Skeleton:
    points, edges = record["keypoints"], record.get("skeleton") or []
    if not isinstance(points, list) or not all(isinstance(point, str) for point in points):
        raise DataError(f"{where}: keypoints is {show(points)} and not a list of names; fix it")
    joined = []
    for edge in edges if isinstance(edges, list) else [edges]:
        if not isinstance(edge, list) or len(edge) != 2 or any(end not in range(1, len(points) + 1) for end in edge):
            raise DataError(f"{where}: skeleton contains {show(edge)}, which does not connect two keypoints; fix it")
        joined.append((int(edge[0]) - 1, int(edge[1]) - 1))
    return Skeleton(tuple(map(printable, points)), mirror_pairs(points), tuple(joined))
