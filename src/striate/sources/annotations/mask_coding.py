"""Which number or color in mask files is which class; decided once for a source, from all of its masks.

| found in all masks together       | classes                                                                       |
|-----------------------------------|-------------------------------------------------------------------------------|
| 0 and 255 alone                   | background and foreground                                                     |
| 255 beside other numbers          | 255 is nothing (VOC and others draw borders with it); so is -1                |
| numbers, with classes.txt         | a number is the line, counted from 0                                          |
| numbers, without                  | VOC's classes in SegmentationClass beside VOC's objects; else the numbers      |
|                                   | found, in order, called by themselves                                         |
| R = G = B everywhere              | gray: as numbers                                                              |
| colors, with a color table      | the rows of labelmap.txt (name:r,g,b) or class_dict.csv (name,r,g,b), in order |
| colors of VOC's palette          | the palette's numbers, 224,224,192 being 255                                  |
| at most 64 other colors          | the colors found, in order, called #rrggbb                                   |
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from striate.data.mask_encoding import MaskEncoding, MaskKind
from striate.data.names import printable
from striate.data.targets import IGNORE
from striate.errors import DataError
from striate.sources.annotations.class_names import read_class_names
from striate.sources.files.text_file import read_text
from striate.sources.files.tree import list_folder

__all__ = ["MAX_NUMBERS", "MaskCoding", "decide_coding"]

MAX_NUMBERS: Final = 1000  # different ones in a mask; more are instances or a photograph
_MAX_COLORS: Final = 64
_TABLES: Final = ("labelmap.txt", "class_dict.csv")
_ROW: Final = re.compile(r"(?P<name>[^:,]+)[:,]\s*(?P<r>\d{1,3})\s*,\s*(?P<g>\d{1,3})\s*,\s*(?P<b>\d{1,3})\s*(:.*)?")


@final
@dataclass(frozen=True)
class MaskCoding:
    """The class of each number, and of each packed color; IGNORE is nothing."""

    classes: tuple[str, ...]
    numbers: Mapping[int, int]
    colors: Mapping[int, int]

    def decode(self, codes: npt.NDArray[Any], *, packed: bool) -> npt.NDArray[np.int64]:
        """The class of each pixel, H W. ValueError for a number that is no class."""
        table = self.colors if packed else self.numbers
        known = np.array(sorted(table), np.int64)
        meant = np.array([table[code] for code in sorted(table)], np.int64)
        at = np.searchsorted(known, codes).clip(max=len(known) - 1)
        if not len(known) or (known[at] != codes).any():
            raise ValueError("it contains a number or color that it did not contain when the data was opened")
        return meant[at]

    def encoding(self, palette: tuple[int, ...], *, packed: bool) -> MaskEncoding | None:
        """How a file with this palette, () for none, or with packed colors shows the classes; None for what no PNG holds.

        A class of classes.txt that no mask holds has its number, or the color of its number.
        """
        found = self.colors if packed else self.numbers
        if self.colors and self.numbers:
            if not _is_gray(self.colors):
                return None
            by_number = {code & 255: meant for code, meant in self.colors.items()} | dict(self.numbers)
            found = {number * 0x010101 if packed else number: meant for number, meant in by_number.items()}
        color_of = [number * 0x010101 for number in range(256)] if _is_gray(self.colors) else _voc_palette()
        code_of = {meant: code for code, meant in sorted(found.items(), reverse=True) if code >= 0}
        if packed and len(self.classes) > len(color_of):
            return None
        codes = [code_of[k] if k in code_of else color_of[k] if packed else k for k in range(len(self.classes))]
        free = (color_of[255], 0xFFFFFF, 0x808080) if packed else (255, 128)
        ignored = next((code for code in (*free, *range(2**16)) if code not in codes), -1)
        kind: MaskKind = "color" if packed else "palette" if palette else "gray"
        try:
            return MaskEncoding(kind, tuple(codes), code_of.get(IGNORE, ignored), palette)
        except ValueError:
            return None


def decide_coding(
    root: Path, numbers: Mapping[int, str], colors: Mapping[int, str], known: Sequence[str] = ()
) -> MaskCoding:
    """The coding for the numbers and packed colors found, each with a file that holds it. Raises DataError.

    `known`: the classes of numbers where no file names them; they are used if all numbers are among them.
    """
    names, table = read_class_names(root), _color_table(root)
    if table is not None and colors:
        return _by_table(root, table, numbers, colors)
    if _is_gray(colors):
        number_of = {code: code & 255 for code in colors}
        found = {number_of[code]: file for code, file in colors.items()} | dict(numbers)
        classes, of = _by_number(root, found, names or _fitting(known, found))
        return _coding(classes, {n: of[n] for n in numbers}, {code: of[n] for code, n in number_of.items()})
    if numbers:
        one, other = next(iter(numbers.values())), next(iter(colors.values()))
        raise DataError(f"{printable(root)} has masks of numbers ({one}) and masks of colors ({other}); use one kind")
    palette = {code: number for number, code in enumerate(_voc_palette())}
    if colors.keys() <= palette.keys():
        numbers_found = {palette[code]: file for code, file in colors.items()}
        classes, of = _by_number(root, numbers_found, names or _fitting(known, numbers_found))
        return _coding(classes, {}, {code: of[palette[code]] for code in colors})
    if names or len(colors) > _MAX_COLORS:
        raise DataError(
            f"{printable(root)} has masks of {len(colors)} colors, such as #{min(colors):06x} in {colors[min(colors)]}, "
            "and no file gives the class of each color; save them without smoothed edges, or add labelmap.txt with lines "
            "like road:128,64,128"
        )
    ordered = sorted(colors)
    return _coding(tuple(f"#{code:06x}" for code in ordered), {}, {code: i for i, code in enumerate(ordered)})


def _fitting(known: Sequence[str], found: Collection[int]) -> Sequence[str]:
    """The known classes, where each number is that of one, or is 255; but 0 and 255 alone are no classes."""
    return known if set(found) - {255} <= set(range(len(known))) and set(found) != {0, 255} else ()


def _coding(classes: tuple[str, ...], numbers: Mapping[int, int], colors: Mapping[int, int]) -> MaskCoding:
    return MaskCoding(classes, MappingProxyType(numbers), MappingProxyType(colors))


def _by_number(root: Path, found: Mapping[int, str], names: Sequence[str]) -> tuple[tuple[str, ...], dict[int, int]]:
    """Classes, and the class of each number that is found."""
    if found.keys() == {0, 255}:
        if names and len(names) != 2:
            raise DataError(
                f"{printable(root)} has masks of 0 and 255, which are 2 classes, and {len(names)} class names; correct the names"
            )
        return tuple(names) or ("background", "foreground"), {0: 0, 255: 1}
    nothing = {number for number in found if number == -1 or (number == 255 and len(names) <= 255)}
    values = sorted(found.keys() - nothing)
    classes = tuple(names) or tuple(map(str, values))
    wrong = [number for number in values if number < 0 or (names and number >= len(names))]
    if wrong:
        most = f"the {len(names)} classes have numbers from 0" if names else "classes have numbers from 0"
        raise DataError(f"{found[wrong[0]]} contains {wrong[0]}, and {most}; fix the mask or the class names")
    if not values:
        raise DataError(f"{printable(root)} has masks with no value but 255, which is not a class; draw the classes")
    if not names and len(values) > 256:
        raise DataError(
            f"{printable(root)} has {len(values)} different numbers in its masks, like instance masks or photographs; "
            "if they are classes, write their names into classes.txt"
        )
    of = {number: number if names else i for i, number in enumerate(values)}
    return classes, of | dict.fromkeys(nothing, IGNORE)


def _by_table(
    root: Path, table: Mapping[str, int], numbers: Mapping[int, str], colors: Mapping[int, str]
) -> MaskCoding:
    class_of = {code: i for i, code in enumerate(table.values())}
    unknown = sorted(colors.keys() - class_of.keys())
    if unknown or numbers:
        file = colors[unknown[0]] if unknown else next(iter(numbers.values()))
        what = f"the color {', '.join(map(str, unknown[0].to_bytes(3, 'big')))}" if unknown else "no colors but numbers"
        raise DataError(f"{file} contains {what}, which is not in the color table of {printable(root)}; add it")
    return _coding(tuple(table), {}, class_of)


def _color_table(root: Path) -> dict[str, int] | None:
    file = next((name for name in list_folder(str(root)).files if name.lower() in _TABLES), None)
    if file is None:
        return None
    where, table = printable(root / file), {}
    for number, line in enumerate(read_text(root / file, 2**20).splitlines(), 1):
        row = _ROW.fullmatch(line.strip())
        if not line.strip() or line.startswith("#") or (row is None and number == 1):  # row 1 may name the columns
            continue
        name, code = (printable(row["name"].strip()), [int(row[c]) for c in "rgb"]) if row else ("", [256])
        if max(code) > 255 or name in table:
            raise DataError(
                f"{where}, line {number}: {printable(line[:60])} is not a new name with a color; write name:r,g,b"
            )
        table[name] = code[0] << 16 | code[1] << 8 | code[2]
    if len(set(table.values())) < max(2, len(table)):
        raise DataError(
            f"{where} has fewer than two classes, or two classes of one color; give each class its own color"
        )
    return table


def _is_gray(colors: Iterable[int]) -> bool:
    return all(code == (code & 255) * 0x010101 for code in colors)


def _voc_palette() -> list[int]:
    """Packed colors by number: its bits, three at a time, become the highest bits of red, green and blue."""
    return [
        sum(
            (number >> 3 * bit + channel & 1) << 7 - bit << 16 - 8 * channel for bit in range(8) for channel in range(3)
        )
        for number in range(256)
    ]
