"""A table for a person: aligned columns that fit the terminal, and that survive being piped."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["Column", "print_table", "table_width"]

PIPE_WIDTH = 160


class Column(NamedTuple):
    """A column of a table; a `whole` one is never folded, and a terminal narrower than `least_width` does not show it."""

    name: str
    right: bool = False
    whole: bool = False
    least_width: int = 0


def print_table(columns: Sequence[tuple[str, bool] | Column], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Columns are (name, right-aligned), or a Column where there is more to tell of it; a short row ends with empty cells."""
    console = _console()
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, show_edge=False)
    shown = []
    for n, column in enumerate(Column(*one) for one in columns):
        if console.width >= column.least_width:
            shown.append(n)
            table.add_column(
                column.name, justify="right" if column.right else "left", overflow="fold", no_wrap=column.whole
            )
    for row in rows:
        # Text, not markup: a class called [red] is not a color.
        table.add_row(*(Text(row[n]) for n in shown if n < len(row)))
    console.print(table)


def table_width() -> int:
    """Characters in a line of a table."""
    return _console().width


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)
