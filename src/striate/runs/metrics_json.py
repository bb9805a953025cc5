"""Figures as JSON: a line a figure, a class, or a row of the confusion matrix; of many classes only what is not zero of it.

With more than MOST_DENSE classes "confusion_matrix" is {"shape": [K, K], "entries": [[label, prediction, count], ...]}.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MOST_DENSE", "metrics_text", "read_metrics"]

MOST_DENSE: Final = 100


def metrics_text(figures: Mapping[str, Any], indent: int = 0) -> str:
    """The figures of one split as a JSON object, without the last line's end."""
    entries = [f"{json.dumps(name)}: {_lines(_stored(name, value), indent + 1)}" for name, value in figures.items()]
    return _enclosed("{", entries, "}", indent)


def read_metrics(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of one split, from JSON, with the whole confusion matrix."""
    figures = dict(stored)
    sparse = figures.get("confusion_matrix")
    if isinstance(sparse, dict):
        rows, columns = sparse["shape"]
        whole = [[0] * columns for _ in range(rows)]
        for label, prediction, count in sparse["entries"]:
            whole[label][prediction] = count
        figures["confusion_matrix"] = whole
    return figures


def _stored(name: str, value: Any) -> Any:
    if name != "confusion_matrix" or len(value) <= MOST_DENSE:
        return value
    cells = [[i, j, count] for i, row in enumerate(value) for j, count in enumerate(row) if count]
    return {"shape": [len(value), len(value[0])], "entries": cells}


def _lines(value: Any, indent: int) -> str:
    """A list of rows a row a line, anything else on one."""
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return _enclosed("[", [_compact(row) for row in value], "]", indent)
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _enclosed(opening: str, entries: list[str], closing: str, indent: int) -> str:
    space = " " * indent
    lines = ",\n".join(f"{space} {entry}" for entry in entries)
    return f"{opening}\n{lines}\n{space}{closing}" if entries else opening + closing
