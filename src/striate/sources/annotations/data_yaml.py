"""The few lines of YAML that a YOLO data set is described with; what they do not need is passed over or refused.

Read are `path`, `train`, `val`, `test`, `names`, `nc`, `kpt_shape` and `flip_idx`, as plain or quoted text, as [a, b],
as {0: a, 1: b}, or as an indented list or table of those. Other keys are passed over with all that is indented below
them. Anchors, aliases, tags and whatever else YAML has are refused in the keys that are read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from striate.data.names import printable
from striate.errors import DataError
from striate.sources.files.text_file import read_text

__all__ = ["DataYaml", "read_data_yaml"]

_MAX_BYTES: Final = 2**20
_MAX_POINTS: Final = 10_000  # of a skeleton
_KEYS: Final = frozenset({"path", "train", "val", "test", "names", "nc", "kpt_shape", "flip_idx"})
_LINE: Final = re.compile(r"""(?P<key>[\w.-]+|'[^']*'|"[^"\\]*")\s*:(?:\s+(?P<value>.*))?""")
# an entry of [ ] or { }: quoted text, or plain text without characters that have a meaning there
_ENTRY: Final = re.compile(
    r"""\s*(?:(?P<key>\d+)\s*:\s+)?(?P<value>'(?:[^']|'')*'|"[^"\\]*"|[^\s'",\[\]{}&*!|>%@`#][^,\[\]{}#]*)\s*(?:,|$)"""
)

_Value = str | list[str] | dict[int, str]


@final
@dataclass(frozen=True)
class DataYaml:
    """Folders as they are written there; `points` are the numbers of keypoints and of values for each (2 or 3)."""

    path: str
    splits: dict[str, str]
    names: tuple[str, ...]
    points: tuple[int, int] | None
    flip: tuple[int, ...] | None


def read_data_yaml(file: Path) -> DataYaml:
    """The description in a file. Raises DataError, which names the line."""
    name = printable(file)
    values = _values(read_text(file, _MAX_BYTES).splitlines(), name)
    splits = {key: values[key] for key in ("train", "val", "test") if values.get(key)}
    for key, value in ({"path": values.get("path", "")} | splits).items():
        if not isinstance(value, str) or value.endswith(".txt"):
            raise DataError(
                f"{name}: {key} is a list of files or folders, and only one folder can be read; give one folder"
            )
    names = values.get("names")
    if isinstance(names, dict):
        if sorted(names) != list(range(len(names))):
            raise DataError(f"{name}: names are not numbered 0, 1, 2 ...; number them so")
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        raise DataError(f"{name} has no list of names; add the names of the classes")
    if len(set(names)) < len(names):
        twice = next(one for i, one in enumerate(names) if one in names[:i])
        raise DataError(f"{name}: names has {printable(twice)} twice; rename one of them")
    if "nc" in values and values["nc"] != str(len(names)):
        raise DataError(f"{name}: nc is {values['nc']}, and there are {len(names)} names; correct one of them")
    shape, flip = _integers(values, "kpt_shape", name), _integers(values, "flip_idx", name)
    if shape is not None and (len(shape) != 2 or not 1 <= shape[0] <= _MAX_POINTS or shape[1] not in (2, 3)):
        raise DataError(f"{name}: kpt_shape is {list(shape)} and not a number of keypoints and 2 or 3; fix it")
    if flip is not None and (shape is None or sorted(flip) != list(range(shape[0]))):
        raise DataError(f"{name}: flip_idx does not contain each keypoint of kpt_shape once; fix it")
    where = {key: str(value) for key, value in splits.items()}
    points = None if shape is None else (shape[0], shape[1])
    return DataYaml(str(values.get("path", "")), where, tuple(map(printable, names)), points, flip)


def _integers(values: dict[str, _Value], key: str, name: str) -> tuple[int, ...] | None:
    value = values.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(re.fullmatch(r"\d{1,9}", one) for one in value):
        raise DataError(f"{name}: {key} is not a list of whole numbers; fix it")
    return tuple(map(int, value))


def _values(lines: Sequence[str], name: str) -> dict[str, _Value]:
    values: dict[str, _Value] = {}
    i = 0
    while i < len(lines):
        line, first = _without_comment(lines[i]), i + 1
        i += 1
        if not line or line in ("---", "..."):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise DataError(f"{name}, line {first}: {printable(line[:60])} cannot be read; write key: value")
        key, value = match["key"].strip("'\""), (match["value"] or "").strip()
        block: list[str] = []
        while i < len(lines) and (not lines[i].strip() or lines[i][0] in " \t-]}#") and lines[i][:3] != "---":
            block.append(_without_comment(lines[i]))
            i += 1
        if key not in _KEYS:
            continue
        if key in values:
            raise DataError(f"{name}, line {first}: {key} appears twice; keep one of them")
        read = _read(value, [line for line in block if line])
        if read is None:
            raise DataError(
                f"{name}, line {first}: the value of {key} is in a YAML form that cannot be read; "
                "write text, [a, b], or a line for each with - or 0:"
            )
        values[key] = read
    return values


def _without_comment(line: str) -> str:
    return re.sub(r"""^((?:[^'"#]|(?<!\s)#|'[^']*'|"[^"]*")*?)(?:(?<=\s)|^)#.*$""", r"\1", line).rstrip()


def _read(value: str, block: Sequence[str]) -> _Value | None:
    """A value and the lines below it; None where it is not of the kinds that are read."""
    if value[:1] in ("[", "{") or (not value and block and block[0].lstrip()[:1] in ("[", "{")):
        whole = " ".join([value, *(line.strip() for line in block)]).strip()
        if whole[-1] != {"[": "]", "{": "}"}[whole[0]]:
            return None
        return _entries(whole[1:-1].rstrip().removesuffix(","), keyed=whole[0] == "{")
    if value:
        entries = _entries(value.replace(",", "\0") if value[0] not in "'\"" else value, keyed=False)
        return entries[0].replace("\0", ",") if isinstance(entries, list) and len(entries) == 1 and not block else None
    if not block:
        return ""
    indents = {len(line) - len(line.lstrip()) for line in block}
    if len(indents) > 1 or any("\t" in line[: min(indents)] for line in block):
        return None
    dashed = all(line.lstrip().startswith("- ") for line in block)
    texts: list[str] = []
    table: dict[int, str] = {}
    for line in block:
        one = _entries(line.strip().removeprefix("- ") if dashed else line.strip(), keyed=not dashed)
        if not one or len(one) != 1:
            return None
        if isinstance(one, list):
            texts += one
        elif one.keys() & table.keys():
            return None
        else:
            table |= one
    return texts if dashed else table


def _entries(text: str, *, keyed: bool) -> list[str] | dict[int, str] | None:
    """The entries between the brackets; None where one is not of the kinds that are read."""
    position, found = 0, []
    while position < len(text):
        match = _ENTRY.match(text, position)
        if match is None or (match["key"] is not None) != keyed or (match["key"] and len(match["key"]) > 9):
            return None
        quoted = match["value"].strip()
        plain = quoted[1:-1].replace("''", "'") if quoted[0] in "'\"" else quoted
        found.append((int(match["key"] or 0), plain))
        position = match.end()
    if not keyed:
        return [plain for _, plain in found]
    table = dict(found)
    return table if len(table) == len(found) else None
