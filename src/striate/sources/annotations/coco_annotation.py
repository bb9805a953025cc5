"""One annotation of a COCO file: its box, its outline and its keypoints; or the region of a crowd."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from striate.data.targets import Skeleton
from striate.errors import DataError
from striate.sources.annotations.outlines import Outline, rectangle, runs_from_text
from striate.sources.files.json_file import show, to_numbers

__all__ = ["CocoAnnotation", "read_annotation", "read_crowd"]


@final
@dataclass(frozen=True, eq=False)
class CocoAnnotation:
    where: str
    category: int
    box: tuple[float, float, float, float]  # x1, y1, x2, y2
    outline: Outline | None
    keypoints: list[float] | None  # 3 for each keypoint


def read_annotation(
    annotation: Mapping[str, Any], where: str, size: tuple[int, int] | None, skeleton: Skeleton | None
) -> CocoAnnotation:
    """The annotation of an image of `size`, height and width. Raises DataError where it is malformed."""
    box = _box(annotation, where)
    points: list[float] | None = None
    if skeleton is not None:
        count = 3 * len(skeleton.names)
        points = to_numbers(annotation.get("keypoints") or [0] * count, where, "keypoints")
        if len(points) != count:
            raise DataError(
                f"{where}: keypoints has {len(points)} numbers and not 3 for each of {count // 3} keypoints; fix it"
            )
    outline = _outline(annotation.get("segmentation"), where, size)
    return CocoAnnotation(where, annotation["category_id"], box, outline, points)


def read_crowd(annotation: Mapping[str, Any], where: str, size: tuple[int, int] | None) -> Outline:
    """The region of a crowd: its outline, or else its box. Raises DataError where it is malformed."""
    outline = _outline(annotation.get("segmentation"), where, size)
    return rectangle(*_box(annotation, where)) if outline is None else outline


def _box(annotation: Mapping[str, Any], where: str) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2"""
    box = to_numbers(annotation.get("bbox"), where, "bbox")
    if len(box) != 4:
        raise DataError(f"{where}: bbox has {len(box)} numbers and not 4 (x, y, width, height); fix it")
    x, y, width, height = box
    return x, y, x + width, y + height


def _outline(segmentation: object, where: str, size: tuple[int, int] | None) -> Outline | None:
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        return _runs(segmentation, where, size)
    if not isinstance(segmentation, list):
        raise DataError(
            f"{where}: segmentation is {show(segmentation)}, neither polygons nor run lengths (RLE); fix it"
        )
    polygons = []
    for polygon in segmentation:
        numbers = to_numbers(polygon, where, "segmentation")
        if len(numbers) < 6 or len(numbers) % 2:
            raise DataError(
                f"{where}: a polygon has {len(numbers)} numbers and not 2 for each of at least 3 points; fix it"
            )
        polygons.append(np.array(numbers, np.float64).reshape(-1, 2))
    return tuple(polygons)


def _runs(segmentation: Mapping[str, Any], where: str, size: tuple[int, int] | None) -> Outline:
    counts, of = segmentation.get("counts"), segmentation.get("size")
    if size is None or of != list(size):
        has = f"{size[0]}, {size[1]}" if size else "no height and width"
        raise DataError(f"{where}: the run lengths (RLE) are of size {show(of)}, and the image has {has}; fix it")
    try:
        if isinstance(counts, str):
            runs = runs_from_text(counts)
        else:
            runs = np.array(to_numbers(counts, where, "counts"), np.float64).astype(np.int64)
    except ValueError as error:
        raise DataError(f"{where}: counts is not compressed RLE: {error}; fix it") from None
    if runs.min(initial=0) < 0 or runs.sum() != size[0] * size[1]:
        raise DataError(
            f"{where}: counts adds up to {runs.sum()} pixels, and the image has {size[0] * size[1]}; fix it"
        )
    return runs
