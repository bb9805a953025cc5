"""Tables for a person: aligned columns that fit the terminal, and that survive being piped."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from striate.analysis import Prediction, Sight, Spatial, Summary, UnknownSight, WholeImage
from striate.jobs import Evaluated
from striate.models import NETWORKS

PIPE_WIDTH = 160
FORMULAS = """How the figures come about, layer by layer:
    height or width = floor((side + 2*padding - dilation*(kernel size - 1) - 1) / stride) + 1
    parameters      = kernel height * kernel width * input channels of a group * output channels + biases
    receptive field = receptive field before + dilation*(kernel size - 1)*stride of all layers before
"""


def print_table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Columns are (name, right-aligned)."""
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, show_edge=False)
    for name, right in columns:
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        # Text is shown as it is: a class called [red] is not a color.
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
            row.says,
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
        ("made for", True),
        ("top-1 %", True),
        ("idea", False),
        ("paper", False),
    ]
    print_table(columns, rows)
    if any(row[5] for row in rows):
        print("top-1: published accuracy on ImageNet's validation images, of weights that were trained on it")


def print_summary(summary: Summary, *, formulas: bool = False) -> None:
    columns = [
        ("layer", False),
        ("kind", False),
        ("output", False),
        ("parameters", True),
        ("multiply-adds", True),
        ("memory", True),
        ("sees", True),
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
            *seen(layer.sight),
        )
        for layer in summary.layers
    ]
    print_table(columns, rows, title=f"an image of {'x'.join(map(str, summary.image))} (C x H x W)")
    if formulas:
        print(FORMULAS)
        for layer in summary.layers:
            if layer.formulas:
                print(
                    "\n    ".join([f"{layer.name} {layer.kind} -> {'x'.join(map(str, layer.shape))}", *layer.formulas])
                )
        print()
    sights = [layer.sight for layer in summary.layers]
    print("sees: receptive field in pixels; stride and offset: pixels between cells and from the edge to the first one")
    if any(isinstance(sight, Spatial) and sight.context for sight in sights):
        print("  + and the means of whole maps besides, through gates or norms")
    if any(isinstance(sight, UnknownSight) for sight in sights):
        print("  ? no window that is the same for every cell")
    resting = summary.parameters - sum(layer.parameters for layer in summary.layers)
    print(
        f"{summary.parameters:,} parameters{f', {resting:,} of them in layers that only train' if resting else ''}, "
        f"{summary.macs:,} multiply-adds, {size(summary.memory)} of layer outputs an image"
    )


def seen(sight: Sight) -> tuple[str, str, str]:
    """Receptive field, stride and offset for a person: one number where height and width agree."""
    if isinstance(sight, Spatial):
        more = "+" if sight.context else ""
        offsets = [f"{axis.offset:g}" for axis in sight.axes]
        return (
            same([axis.size for axis in sight.axes]) + more,
            same([axis.stride for axis in sight.axes]),
            same(offsets),
        )
    return (
        ("all" if isinstance(sight, WholeImage) else "?" if isinstance(sight, UnknownSight) else ""),
        "",
        "",
    )


def same(values: Sequence[object]) -> str:
    texts = [str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def print_figures(evaluated: Evaluated) -> None:
    figures = evaluated.figures
    names = [name for name, value in figures.items() if isinstance(value, dict)]
    rows = [(name.replace("_", " "), *_interval(figures[name], name)) for name in names]
    print_table(
        [("figure", False), ("value", True), ("95 % interval", True)],
        rows,
        title=f"{evaluated.data}, {evaluated.split}: {figures['images']:,} images",
    )
    print_table(
        [("class", False), ("images", True), ("precision", True), ("recall", True), ("F1", True)],
        [
            (
                row["class"],
                f"{row['images']:,}",
                *(f"{row[name]['value']:.4f}" for name in ("precision", "recall", "f1")),
            )
            for row in figures["per_class"]
        ],
    )


def print_predictions(predictions: Sequence[Prediction]) -> None:
    """With a column of errors where there are any."""
    columns, broken = [("image", False), ("class", False), ("probability", True)], False
    rows = []
    for one in predictions:
        broken = broken or one.error is not None
        probability = "" if one.probability is None else f"{one.probability:.1%}"
        rows.append((one.path, one.said or "", probability, one.error or ""))
    if broken:
        print_table([*columns, ("error", False)], rows)
    else:
        print_table(columns, [row[:3] for row in rows])


def millions(count: int) -> str:
    """A count for a person."""
    return (
        f"{count / 1e9:.2f} G" if count >= 1e9 else f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} K"
    )


def size(count: int) -> str:
    """Bytes for a person."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


def _interval(figure: dict[str, float], name: str) -> tuple[str, str]:
    if name == "log_loss":
        return f"{figure['value']:.4f}", f"{figure['low']:.4f} to {figure['high']:.4f}"
    return f"{figure['value']:.2%}", f"{figure['low']:.2%} to {figure['high']:.2%}"
