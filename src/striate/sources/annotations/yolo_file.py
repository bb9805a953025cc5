"""One label file of YOLO: a line for each object, its class and then coordinates as fractions of the image's width and height.

class cx cy w h                     a box by its center
class x1 y1 x2 y2 x3 y3 ...         a polygon; the box is the one around it
class cx cy w h x y v x y v ...     a box and keypoints, where data.yaml gives kpt_shape
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import numpy.typing as npt

from striate.data.names import printable
from striate.errors import DataError
from striate.sources.files.json_file import LARGEST
from striate.sources.files.text_file import read_text

__all__ = ["YoloObject", "read_yolo"]

_MAX_BYTES: Final = 2**27  # two million boxes
_MAX_CLASS: Final = 100_000


@final
@dataclass(frozen=True, eq=False)
class YoloObject:
    where: str
    text: str
    label: int
    box: tuple[float, float, float, float]  # x1, y1, x2, y2
    polygon: npt.NDArray[np.float64] | None  # K 2
    keypoints: npt.NDArray[np.float64] | None  # P 3


def read_yolo(path: Path, points: tuple[int, int] | None) -> list[YoloObject]:
    """The objects in a file. Raises DataError, which names the line and the value."""
    name = printable(path)
    objects = []
    for number, line in enumerate(read_text(path, _MAX_BYTES).splitlines(), 1):
        words = line.split()
        if words:
            objects.append(_object(words, f"{name}, line {number}", points))
    return objects


def _object(words: list[str], where: str, points: tuple[int, int] | None) -> YoloObject:
    label, *numbers = (_number(word, where) for word in words)
    if label != int(label) or not 0 <= label <= _MAX_CLASS:
        raise DataError(f"{where}: the class is {printable(words[0][:40])} and not a whole number from 0; fix it")
    text = " ".join(words)
    if points is not None and len(numbers) == 4 + points[0] * points[1]:
        table = np.array(numbers[4:]).reshape(points)
        if points[1] == 2:  # without a third value a point at 0, 0 is absent
            table = np.concatenate([table, 2.0 * (table != 0).any(1, keepdims=True)], 1)
        return YoloObject(where, text, int(label), _corners(*numbers[:4]), None, table)
    if points is None and len(numbers) == 4:
        return YoloObject(where, text, int(label), _corners(*numbers), None, None)
    if points is None and len(numbers) >= 6 and len(numbers) % 2 == 0:
        polygon = np.array(numbers).reshape(-1, 2)
        x, y = numbers[::2], numbers[1::2]
        return YoloObject(where, text, int(label), (min(x), min(y), max(x), max(y)), polygon, None)
    fits = "class cx cy w h, or class x1 y1 x2 y2 x3 y3 ..."
    if points is not None:
        fits = f"{5 + points[0] * points[1]}, by kpt_shape {list(points)}"
    raise DataError(f"{where}: there are {len(words)} numbers and not {fits}; fix the line")


def _corners(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _number(word: str, where: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not -LARGEST <= number <= LARGEST or "_" in word:
        raise DataError(f"{where}: {printable(word[:40])} is not a number in the range of coordinates; fix it")
    return number
