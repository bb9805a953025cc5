"""Tables for a person: aligned columns that fit the terminal, and that survive being piped."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from striate.analysis import Summary
from striate.jobs import Answers, Evaluated
from striate.models import NETWORKS

PIPE_WIDTH = 160


def print_table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Columns are (name, right-aligned)."""
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, show_edge=False)
    for name, right in columns:
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        # Text is shown as it is: a class called [red] is not a colour.
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    console.print(table)


def print_models(names: Sequence[str]) -> None:
    rows = [
        (name, str(row.year), f"{row.parameters:,}", f"{row.size}x{row.size}x{row.channels}", row.says, row.paper)
        for name in names
        for row in [NETWORKS[name]]
    ]
    print_table(
        [("name", False), ("year", True), ("parameters", True), ("made for", True), ("idea", False), ("paper", False)],
        rows,
    )


def print_summary(summary: Summary) -> None:
    rows = [
        (
            layer.name,
            layer.kind,
            "x".join(map(str, layer.shape)),
            f"{layer.parameters:,}",
            f"{layer.macs:,}",
            size(layer.memory),
        )
        for layer in summary.layers
    ]
    print_table(
        [
            ("layer", False),
            ("kind", False),
            ("output C x H x W", False),
            ("parameters", True),
            ("multiply-adds", True),
            ("memory", True),
        ],
        rows,
        title=f"a picture of {'x'.join(map(str, summary.picture))} (C x H x W)",
    )
    print(
        f"{summary.parameters:,} parameters, {summary.macs:,} multiply-adds, {size(summary.memory)} of layer outputs a picture"
    )


def print_figures(evaluated: Evaluated) -> None:
    figures = evaluated.figures
    names = [name for name, value in figures.items() if isinstance(value, dict)]
    rows = [(name.replace("_", " "), *_interval(figures[name], name)) for name in names]
    print_table(
        [("figure", False), ("value", True), ("95 % interval", True)],
        rows,
        title=f"{evaluated.data}, {evaluated.split}: {figures['pictures']:,} pictures",
    )
    print_table(
        [("class", False), ("pictures", True), ("precision", True), ("recall", True), ("F1", True)],
        [
            (
                row["class"],
                f"{row['pictures']:,}",
                *(f"{row[name]['value']:.4f}" for name in ("precision", "recall", "f1")),
            )
            for row in figures["per_class"]
        ],
    )


def print_predictions(answers: Answers) -> None:
    print_table(
        [("picture", False), ("class", False), ("probability", True)],
        [(p.path, p.said, f"{p.probability:.1%}") for p in answers.predictions],
    )


def size(count: int) -> str:
    """Bytes for a person."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


def _interval(figure: dict[str, float], name: str) -> tuple[str, str]:
    if name == "log_loss":
        return f"{figure['value']:.4f}", f"{figure['low']:.4f} to {figure['high']:.4f}"
    return f"{figure['value']:.2%}", f"{figure['low']:.2%} to {figure['high']:.2%}"
