"""The tables of a network layer by layer, and of the metrics of an evaluation."""

from collections.abc import Sequence

from striate.analysis import ReceptiveField, Summary, UnknownField, WholeImageField, WindowField
from striate.cli.print_table import print_table
from striate.jobs import EvaluationResult
from striate.tasks import figures_of

FORMULAS = """How shapes, parameters and receptive fields are computed, layer by layer:
    height or width = floor((side + 2*padding - dilation*(kernel size - 1) - 1) / stride) + 1
    parameters      = kernel height * kernel width * input channels of a group * output channels + biases
    receptive field = that of the layer before + dilation*(kernel size - 1)*product of all strides before
"""


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


def size(count: int) -> str:
    """Bytes as text."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"
