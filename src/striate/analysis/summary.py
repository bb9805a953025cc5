"""The summary of a network, layer by layer, for one image: shapes, parameters, MACs, memory, receptive field.

The network runs once on the meta device, where tensors have a shape and no values: that is free and changes nothing.
A row is a layer, or what a `forward` computes between its layers, such as the sum of a residual block.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from math import prod
from typing import Any, final

import torch
from torch import Tensor, nn

from striate.analysis.receptive_field import NO_FIELD, AxisField, ReceptiveField, WindowField
from striate.analysis.tracing import FieldTracker, Operation, trace
from striate.errors import SettingError, nearest
from striate.findings import Finding
from striate.models import NETWORKS, Network, create_model
from striate.runs import Bundle
from striate.runs.describe_weights import describe_weights

__all__ = [
    "Layer",
    "Summary",
    "output_size",
    "small_receptive_field",
    "summarize",
    "summarize_architecture",
    "summarize_bundle",
]


@final
@dataclass(frozen=True)
class Layer:
    """One layer as it ran; a layer that runs twice has two rows, and its parameters are in the first."""

    name: str  # path inside the network, such as "stage1.0"; of the module whose forward computes it
    kind: str  # its class, such as "Conv2d", or the operations, such as "add"
    shape: tuple[int, ...]  # of its output without the batch, such as C H W
    parameters: int
    macs: int  # multiply-accumulates of convolutions and matrix products, 0 for the others
    memory: int  # bytes of its output; 0 where that is the input itself (identity, flatten, dropout in eval mode)
    receptive_field: ReceptiveField  # of its output
    formulas: tuple[str, ...]  # how size, parameters and receptive field follow from the layer's settings


@final
@dataclass(frozen=True)
class Summary:
    """The rows in the order in which they run, and their totals for one image."""

    image: tuple[int, int, int]  # C H W
    layers: tuple[Layer, ...]
    parameters: int  # of the whole network, each counted once
    macs: int
    memory: int  # bytes of all outputs: about what a training step keeps for the backward pass
    receptive_field: (
        tuple[AxisField, ...] | None
    )  # of the last feature map: height, then width; None if it has no windows
    initial_weights: str = ""  # of a trained network, in one line; empty for random initialization


def summarize(model: nn.Module, *, channels: int, size: int | tuple[int, int]) -> Summary:
    """A row for each layer that runs on an image of `channels` x `size` in eval mode; `model` is not changed."""
    height, width = (size, size) if isinstance(size, int) else size
    ghost = deepcopy(model).to("meta").eval()
    dtype = next((p.dtype for p in ghost.parameters() if p.is_floating_point()), torch.float32)
    image = torch.empty(1, channels, height, width, dtype=dtype, device="meta")
    recorder = _Recorder(ghost, FieldTracker(image))
    trace(ghost, image, recorder.record, recorder.fields)
    layers = tuple(recorder.layers)
    return Summary(
        image=(channels, height, width),
        layers=layers,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=sum(layer.macs for layer in layers),
        memory=sum(layer.memory for layer in layers),
        receptive_field=recorder.last_map.axes if isinstance(recorder.last_map, WindowField) else None,
    )


def summarize_architecture(
    name: str, *, size: int | None = None, channels: int | None = None, classes: int | None = None
) -> Summary:
    """The layers of a network of the zoo; size, channels and classes are those of its paper if left out. Raises SettingError."""
    if name not in NETWORKS:
        raise SettingError(f"{name!r} is neither a model nor the folder of a run{nearest(name, NETWORKS)}")
    published = NETWORKS[name]
    channels = published.channels if channels is None else channels
    classes = published.classes if classes is None else classes
    size = published.size if size is None else size
    with torch.device("meta"):  # shapes without values: even the largest network is built at once
        model = create_model(name, classes=classes, channels=channels, size=size)
    return summarize(model, channels=channels, size=size)


def summarize_bundle(bundle: Bundle, *, size: int | None = None) -> Summary:
    """The layers of a trained network, at the size of its training if none is given. Raises SettingError."""
    if size is not None and size < 1:
        raise SettingError(f"size must be at least 1, not {size}")
    preprocessing = bundle.preprocessing
    summary = summarize(bundle.model, channels=preprocessing.canvas.channels, size=size or preprocessing.size)
    return replace(summary, initial_weights=describe_weights(bundle.provenance.get("initial_weights")))


def small_receptive_field(summary: Summary, object_size: int) -> list[Finding]:
    """A finding if the receptive field of the last feature map is smaller than an object of `object_size` pixels."""
    axes = summary.receptive_field
    if axes is None or min(axis.size for axis in axes) >= object_size:
        return []
    size = " x ".join(str(axis.size) for axis in axes)
    return [
        Finding(
            id="small-receptive-field",
            severity="warning",
            message=f"The receptive field of the last feature map is {size} pixels, smaller than an object of {object_size}.",
            evidence={"receptive_field": [axis.size for axis in axes], "object_size": object_size},
            fix="choose a deeper network, or train on smaller images (--size), in which the objects are smaller too",
        )
    ]


@final
class _Recorder:
    """Turns operations into rows. A module without children is one row; what other modules compute themselves is another."""

    def __init__(self, network: nn.Module, fields: FieldTracker) -> None:
        self.fields = fields
        self.layers: list[Layer] = []
        self.counted: set[Tensor] = set()
        self.running: list[tuple[str, nn.Module]] = []
        self.operations: list[Operation] = []  # of the innermost running module, since its last child
        self.last_map: ReceptiveField = NO_FIELD
        self.last_stage = network.stages()[-1] if isinstance(network, Network) else None
        for name, module in network.named_modules():
            module.register_forward_pre_hook(partial(self._enter, name))
            module.register_forward_hook(self._leave)

    def record(self, operation: Operation) -> None:
        if operation.output is not None:
            self.operations.append(operation)

    def _enter(self, name: str, module: nn.Module, _inputs: Any) -> None:
        if self.running:
            self._write_own(*self.running[-1])
        self.running.append((name, module))

    def _leave(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        name, _ = self.running.pop()
        if module is self.last_stage:
            self.last_map = self.fields.of(output[0] if isinstance(output, tuple) else output)
        if list(module.children()) or not isinstance(output, Tensor):
            self._write_own(name, module)
        else:
            kinds, memory = [type(module).__name__], output.nbytes
            if output is inputs[0] or not any(operation.memory for operation in self.operations):
                memory = 0
            self._write(name, module, kinds, output, memory, tuple(_formulas(module, inputs[0], self.fields)))

    def _write_own(self, name: str, module: nn.Module) -> None:
        """A row of what a module computes between its layers; views and copies are no computation."""
        computing = [operation for operation in self.operations if operation.memory and operation.name not in COPIES]
        if computing:
            kinds = [kind for kind, _ in groupby(operation.name for operation in computing)]
            output = computing[-1].output
            assert output is not None
            self._write(name, module, kinds, output, sum(operation.memory for operation in computing), ())
        self.operations.clear()

    def _write(
        self, name: str, module: nn.Module, kinds: list[str], output: Tensor, memory: int, formulas: tuple[str, ...]
    ) -> None:
        own = set(module.parameters(recurse=False)) - self.counted
        self.counted.update(own)
        field = self.fields.of(output)
        if self.last_stage is None and isinstance(field, WindowField):
            self.last_map = field
        self.layers.append(
            Layer(
                name=name,
                kind=", ".join(kinds),
                shape=tuple(output.shape[1:]),
                parameters=sum(parameter.numel() for parameter in own),
                macs=sum(operation.macs for operation in self.operations),
                memory=memory,
                receptive_field=field,
                formulas=formulas,
            )
        )
        self.operations.clear()


COPIES = ("clone", "copy", "to_copy", "empty", "detach")


def output_size(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """The size of a side after a convolution or a pooling: floor((H + 2P - D(K - 1) - 1) / S) + 1.

    In ceil mode a pooling rounds up, unless the last window would begin beyond the image and its left padding.
    """
    span = size + 2 * padding - dilation * (kernel_size - 1) - 1
    if not ceil_mode:
        return span // stride + 1
    rounded_up = -(-span // stride) + 1
    return rounded_up - 1 if (rounded_up - 1) * stride >= size + padding else rounded_up


def _formulas(layer: nn.Module, given: Any, fields: FieldTracker) -> Iterator[str]:
    kernels = _kernels(layer)
    if kernels is not None:
        ceil_mode = isinstance(layer, nn.MaxPool2d | nn.AvgPool2d) and layer.ceil_mode
        lines = [_size_formula(size, *side, ceil_mode) for size, side in zip(given.shape[-2:], kernels, strict=True)]
        yield from _each_axis("", lines)
    if isinstance(layer, nn.Conv2d):
        rows, columns = layer.kernel_size
        yield _count_formula([rows, columns, layer.in_channels // layer.groups, layer.out_channels], layer)
    elif isinstance(layer, nn.Linear):
        yield _count_formula([layer.in_features, layer.out_features], layer)
    field = fields.of(given)
    if kernels is not None and isinstance(field, WindowField):
        lines = [_field_formula(axis, *side) for axis, side in zip(field.axes, kernels, strict=True)]
        yield from _each_axis("receptive field: ", lines)


def _each_axis(title: str, lines: list[str]) -> Iterator[str]:
    if lines[0] == lines[1]:
        yield f"{title or 'height and width: '}{lines[0]}"
    else:
        yield from (f"{title}{side}: {line}" for side, line in zip(("height", "width"), lines, strict=True))


def _kernels(layer: nn.Module) -> list[tuple[int, int, int, int]] | None:
    """Kernel size, stride, padding and dilation of height, then of width, where `output_size` holds."""
    if isinstance(layer, nn.Conv2d) and not isinstance(layer.padding, str):
        return list(zip(layer.kernel_size, layer.stride, layer.padding, layer.dilation, strict=True))
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        dilation = layer.dilation if isinstance(layer, nn.MaxPool2d) else 1
        return list(zip(*map(_two, (layer.kernel_size, layer.stride, layer.padding, dilation)), strict=True))
    return None


def _two(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else value


def _size_formula(size: int, kernel_size: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> str:
    result = output_size(size, kernel_size, stride, padding, dilation, ceil_mode)
    span = f"({size} + 2*{padding} - {dilation}*({kernel_size} - 1) - 1) / {stride}"
    if not ceil_mode:
        return f"floor({span}) + 1 = {result}"
    if result < -(-(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride) + 1:
        return f"ceil({span}) + 1 - 1, whose window would begin outside, = {result}"
    return f"ceil({span}) + 1 = {result}"


def _field_formula(axis: AxisField, kernel_size: int, stride: int, padding: int, dilation: int) -> str:
    after = axis.after_window(kernel_size, stride, padding, dilation)
    line = f"{axis.size} + {dilation}*({kernel_size} - 1)*{axis.stride} = {after.size}"
    return f"{line}, stride {axis.stride}*{stride} = {after.stride}" if stride > 1 else line


def _count_formula(factors: list[int], layer: nn.Conv2d | nn.Linear) -> str:
    biases = 0 if layer.bias is None else layer.bias.numel()
    product = "*".join(map(str, factors))
    return f"parameters: {product}{f' + {biases}' if biases else ''} = {prod(factors) + biases}"
