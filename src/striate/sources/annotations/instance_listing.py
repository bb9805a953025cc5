"""From annotations of images to a listing: headers read, boxes clipped, turned upright, faults counted.

A box that passes the border by up to a pixel is clipped without a word (rounding, and counting from 1 or from 0);
further out it is clipped and is a fault; one with nothing inside the image or without area is a fault and left out.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, final

import numpy as np
import numpy.typing as npt

from striate.data.annotation_faults import AnnotationFault, AnnotationFaultKind, check_faults
from striate.data.decoding.decode import Header
from striate.data.instance_targets import InstanceTargets
from striate.data.names import printable
from striate.data.skipped_files import SkippedFile, Unreadable, check_skipped
from striate.data.source import Listing
from striate.data.store import FileStore
from striate.data.targets import Instances, Skeleton, Targets
from striate.data.threads import in_threads
from striate.errors import DataError
from striate.sources.annotations.frame import Frame, frame_of
from striate.sources.annotations.outlined_targets import OutlinedInstances
from striate.sources.annotations.outlines import Outline, rectangle
from striate.sources.data_path import DataPath

__all__ = ["AnnotatedImage", "list_instances"]

_ROUNDING: Final = 1.0  # pixels


@final
@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """The annotation of one image and the M objects in it, before the image is read."""

    file: str  # relative to the root of the data
    where: tuple[str, ...]  # M: the line or number of each object
    boxes: npt.NDArray[np.float64]  # M 4: x1, y1, x2, y2
    labels: npt.NDArray[np.int64]  # M
    unit: Literal["pixel", "image"] = "pixel"  # what the coordinates count; "image": its whole width and height
    size: tuple[int, int] | None = None  # height and width, where the annotation gives them
    keypoints: npt.NDArray[np.float64] | None = None  # M P 3
    outlines: tuple[Outline | None, ...] | None = None  # M; of all images of a source or of none
    crowds: tuple[Outline, ...] = ()  # regions of objects that were not annotated one by one


# the objects, their outlines, regions that hold more than these, and the frame of the outlines and regions
_UsableObjects = tuple[Instances, tuple[Outline | None, ...], tuple[Outline, ...], Frame]


def list_instances(
    data: DataPath,
    images: Sequence[AnnotatedImage],
    *,
    name: str,
    faults: Sequence[AnnotationFault] = (),
    skipped: Sequence[SkippedFile] = (),
    skeleton: Skeleton | None = None,
) -> Listing:
    """The listing of a split; `name` is that of its annotations, `faults` and `skipped` were found while reading them.

    DataError when more than `max_bad` of the images or of the objects cannot be used.
    """
    root, limits = data.root, data.limits
    found, skipped_files = list(faults), list(skipped)
    headers = _read_headers(FileStore(tuple(f"{root}/{one.file}" for one in images), limits))
    rows = sum(len(one.where) for one in images) + len(found)
    kept: list[str] = []
    usable: list[_UsableObjects] = []
    for one, header in zip(images, headers, strict=True):
        if isinstance(header, Unreadable):
            skipped_files.append(SkippedFile(printable(one.file), header.reason, header.detail))
        elif (frame := frame_of(header, one.size)) is None:
            assert one.size is not None
            annotated, actual = f"{one.size[1]} x {one.size[0]}", f"{header.width} x {header.height}"
            skipped_files.append(
                SkippedFile(
                    printable(one.file), "another size", f"annotated as {annotated}, but it has {actual} pixels"
                )
            )
        else:
            kept.append(one.file)
            usable.append(_usable_objects(one, frame, found))
    check_skipped(skipped_files, len(kept) + len(skipped_files), limits)
    check_faults(found, rows, name, limits)
    if not kept:
        raise DataError(f"{name} has no annotated image that can be used; add images")
    lists, outlines, unlabeled, frames = zip(*usable, strict=True)
    masked = any(one.outlines is not None for one in images)
    targets: Targets = (
        OutlinedInstances(lists, outlines, frames, limits, skeleton, unlabeled)
        if masked
        else InstanceTargets(lists, skeleton)
    )
    store = FileStore(tuple(f"{root}/{file}" for file in kept), limits)
    return Listing(tuple(map(printable, kept)), targets, store, tuple(skipped_files), faults=tuple(found))


def _read_headers(store: FileStore) -> list[Header | Unreadable]:
    """The header of each image, or why there is none; in threads."""
    headers: list[Header | Unreadable] = [Unreadable("missing", "not read")] * len(store)

    def read(i: int) -> None:
        try:
            headers[i] = store.header(i)
        except Unreadable as failure:
            headers[i] = failure

    in_threads(read, len(store), os.cpu_count() or 1)
    return headers


def _usable_objects(one: AnnotatedImage, frame: Frame, found: list[AnnotationFault]) -> _UsableObjects:
    """The objects that can be used, upright, with their outlines; faults go to `found`."""
    if one.unit == "image":
        one = _in_pixels(one, frame)
    border = np.array([frame.width, frame.height, frame.width, frame.height], np.float64)
    inside = one.boxes.clip(0, border)  # M 4
    boxes = frame.boxes(inside).astype(np.float32)
    flat = _without_area(one.boxes)  # M
    outside = ~flat & _without_area(inside)
    flat |= ~outside & _without_area(boxes)  # also where 32 bits leave nothing
    keep = ~flat & ~outside
    clipped: npt.NDArray[np.bool_] = keep & np.any(np.abs(one.boxes - inside) > _ROUNDING, 1)
    kinds: tuple[tuple[AnnotationFaultKind, npt.NDArray[np.bool_], str], ...] = (
        ("box without area", flat, "has no area in"),
        ("box outside", outside, "lies outside"),
        ("box clipped", clipped, "passes the border of"),
    )
    for kind, which, verb in kinds:
        for i in np.flatnonzero(which):
            corners = ", ".join(f"{number:g}" for number in one.boxes[i].tolist())
            message = f"the box {corners} {verb} the image of {frame.width} x {frame.height}"
            found.append(AnnotationFault(printable(one.file), one.where[i], message, kind))
    keypoints = _points(one, frame, found)
    outlines = one.outlines or ()
    found += (
        AnnotationFault(printable(one.file), where, "the object has no outline, and others have", "no outline")
        for where, outline, kept in zip(one.where, outlines, keep, strict=False)
        if outline is None and kept
    )
    objects = Instances(boxes[keep], one.labels[keep], None, None if keypoints is None else keypoints[keep])
    usable = tuple(outline for outline, kept in zip(outlines, keep, strict=False) if kept)
    without = [i for i, outline in enumerate(outlines) if outline is None and keep[i]]
    return objects, usable, (*one.crowds, *(rectangle(*one.boxes[i].tolist()) for i in without)), frame


def _without_area(boxes: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    without: npt.NDArray[np.bool_] = np.any(boxes[:, 2:] <= boxes[:, :2], 1)
    return without


def _in_pixels(one: AnnotatedImage, frame: Frame) -> AnnotatedImage:
    scale = np.array([frame.width, frame.height], np.float64)
    points = None if one.keypoints is None else one.keypoints * [frame.width, frame.height, 1]
    outlines = one.outlines and tuple(
        tuple(polygon * scale for polygon in outline) if isinstance(outline, tuple) else outline
        for outline in one.outlines
    )
    return replace(one, boxes=one.boxes * np.tile(scale, 2), keypoints=points, outlines=outlines)


def _points(one: AnnotatedImage, frame: Frame, found: list[AnnotationFault]) -> npt.NDArray[np.float32] | None:
    if one.keypoints is None:
        return None
    place, visible = one.keypoints[..., :2], one.keypoints[..., 2] > 0  # M P 2, M P
    border = [frame.width, frame.height]
    out = visible & ((place < -_ROUNDING) | (place > np.add(border, _ROUNDING))).any(-1)
    for i, j in np.argwhere(out):
        x, y = place[i, j].tolist()
        message = f"keypoint {j + 1} at {x:g}, {y:g} lies outside the image of {frame.width} x {frame.height}"
        found.append(AnnotationFault(printable(one.file), one.where[i], message, "point outside"))
    turned = frame.points(place.clip(0, border))
    there = (visible & ~out)[..., None]
    return np.where(there, np.concatenate([turned, one.keypoints[..., 2:]], -1), 0).astype(np.float32)
