"""One XML file of Pascal VOC. It is refused if it declares entities or a document type, which VOC's files never do."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final
from xml.etree import ElementTree

from striate.data.names import printable
from striate.errors import DataError
from striate.sources.files.json_file import LARGEST
from striate.sources.files.text_file import read_text

__all__ = ["VocImage", "VocObject", "read_voc"]

_MAX_BYTES: Final = 2**24  # 50,000 objects
_DECLARED: Final = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


@final
@dataclass(frozen=True)
class VocObject:
    """`number` counts the objects of the file from 1."""

    number: int
    name: str
    box: tuple[float, float, float, float]  # x1, y1, x2, y2, corners at 0 and W


@final
@dataclass(frozen=True)
class VocImage:
    """Height and width where the file gives them, the objects that are not difficult, and how many are."""

    size: tuple[int, int] | None
    objects: tuple[VocObject, ...]
    difficult: int


def read_voc(path: Path) -> VocImage:
    """The annotation of an image in an XML file. Raises DataError, naming the object and the value."""
    name = printable(path)
    text = read_text(path, _MAX_BYTES)
    declared = _DECLARED.search(text)
    if declared:
        raise DataError(f"{name} contains {declared[0]}, which is not allowed in annotations; remove it")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - entities and DTDs, all that makes XML dangerous, were refused above
    except ElementTree.ParseError as error:
        raise DataError(f"{name}, line {error.position[0]}: {error}; fix it") from None
    except ValueError as error:  # a declared encoding that a text cannot have
        raise DataError(f"{name} cannot be parsed: {error}; fix it") from None
    if root.tag != "annotation":
        raise DataError(
            f"{name} begins with <{printable(root.tag)[:40]}> and not with <annotation>, so it is not a VOC file; remove it"
        )
    objects: list[VocObject] = []
    difficult = 0
    for number, element in enumerate(root.findall("object"), 1):
        where = f"{name}, object {number}"
        if (element.findtext("difficult") or "").strip() == "1":
            difficult += 1
            continue
        label = (element.findtext("name") or "").strip()
        if not label:
            raise DataError(f"{where} has no name; add it")
        box = element.find("bndbox")
        if box is None:
            raise DataError(f"{where} has no bndbox; add it")
        x1, y1, x2, y2 = (_number(box, corner, where) for corner in ("xmin", "ymin", "xmax", "ymax"))
        objects.append(VocObject(number, label, (x1 - 1, y1 - 1, x2, y2)))
    return VocImage(_size(root, name), tuple(objects), difficult)


def _size(root: ElementTree.Element, name: str) -> tuple[int, int] | None:
    size = root.find("size")
    if size is None:
        return None
    height, width = (_number(size, side, f"{name}, size") for side in ("height", "width"))
    if not height and not width:  # some tools do not fill it in
        return None
    if height < 1 or width < 1:
        raise DataError(f"{name}, size: {width:g} x {height:g} is not the size of an image; fix it")
    return int(height), int(width)


def _number(element: ElementTree.Element, tag: str, where: str) -> float:
    text = (element.findtext(tag) or "").strip()
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not -LARGEST <= number <= LARGEST:
        raise DataError(f"{where}: {tag} is {printable(text[:40]) or 'missing'} and not an image coordinate; fix it")
    return number
