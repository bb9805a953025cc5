"""Metrics as JSON: a line for each metric, class, and row of the confusion matrix, which is sparse where classes are many.

With more than MOST_DENSE classes "confusion_matrix" is {"shape": [K, K], "entries": [[label, prediction, count], ...]}.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MOST_DENSE", "metrics_text", "read_metrics"]

MOST_DENSE: Final = 100


def metrics_text(metrics: Mapping[str, Any], indent: int = 0) -> str:
    """The metrics of one split as a JSON object, without a newline at the end."""
    entries = [f"{json.dumps(name)}: {_lines(_stored(name, value), indent + 1)}" for name, value in metrics.items()]
    return _enclosed("{", entries, "}", indent)


def read_metrics(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of one split, from JSON, with a dense confusion matrix."""
    metrics = dict(stored)
    sparse = metrics.get("confusion_matrix")
    if isinstance(sparse, dict):
        rows, columns = sparse["shape"]
        dense = [[0] * columns for _ in range(rows)]
        for label, prediction, count in sparse["entries"]:
            dense[label][prediction] = count
        metrics["confusion_matrix"] = dense
    return metrics


def _stored(name: str, value: Any) -> Any:
    if name != "confusion_matrix" or len(value) <= MOST_DENSE:
        return value
    entries = [[i, j, count] for i, row in enumerate(value) for j, count in enumerate(row) if count]
    return {"shape": [len(value), len(value[0])], "entries": entries}


def _lines(value: Any, indent: int) -> str:
    """A list of rows with a line for each row, anything else on one line."""
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return _enclosed("[", [_compact(row) for row in value], "]", indent)
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _enclosed(opening: str, entries: list[str], closing: str, indent: int) -> str:
    space = " " * indent
    lines = ",\n".join(f"{space} {entry}" for entry in entries)
    return f"{opening}\n{lines}\n{space}{closing}" if entries else opening + closing
