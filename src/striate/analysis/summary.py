"""What a network costs and sees, layer by layer, for one image.

The network runs once on the meta device, where a tensor has a shape and no numbers: that is free and changes nothing.
A row is a layer, or what a `forward` computes itself between its layers, such as the sum of a residual block.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from math import prod
from typing import Any, final

import torch
from torch import Tensor, nn

from striate.analysis.receptive_field import ABSENT, Axis, Sight, Spatial
from striate.analysis.tracing import Operation, Sights, watch
from striate.findings import Finding
from striate.models import Network

__all__ = ["Layer", "Summary", "output_size", "small_receptive_field", "summarize"]


@final
@dataclass(frozen=True)
class Layer:
    """One layer as it ran; a layer that runs twice has two rows, and its parameters are in the first."""

    name: str  # path inside the network, such as "stage1.0"; of the module whose forward computes it
    kind: str  # its class, such as "Conv2d", or the operations, such as "add"
    shape: tuple[int, ...]  # of its output without the batch, such as C H W
    parameters: int
    macs: int  # multiply-accumulates of convolutions and products of matrices, 0 for the others
    memory: int  # bytes of its output; 0 where that is the input itself (identity, flatten, dropout at rest)
    sight: Sight  # what a cell of its output sees of the image
    formulas: tuple[str, ...]  # how sizes, parameters and receptive field come about


@final
@dataclass(frozen=True)
class Summary:
    """The rows in the order in which they run, and their totals for one image."""

    image: tuple[int, int, int]  # C H W
    layers: tuple[Layer, ...]
    parameters: int  # of the whole network, each counted once
    macs: int
    memory: int  # bytes of all outputs: about what a training step keeps for its way back
    receptive_field: tuple[Axis, ...] | None  # of the last map, height, then width; None if its cells see no window


def summarize(model: nn.Module, *, channels: int, size: int | tuple[int, int]) -> Summary:
    """A row for each layer that runs on an image of `channels` x `size` in eval mode; `model` is not changed."""
    height, width = (size, size) if isinstance(size, int) else size
    ghost = deepcopy(model).to("meta").eval()
    dtype = next((p.dtype for p in ghost.parameters() if p.is_floating_point()), torch.float32)
    image = torch.empty(1, channels, height, width, dtype=dtype, device="meta")
    recorder = _Recorder(ghost, Sights(image))
    watch(ghost, image, recorder.note, recorder.sights)
    layers = tuple(recorder.layers)
    return Summary(
        image=(channels, height, width),
        layers=layers,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=sum(layer.macs for layer in layers),
        memory=sum(layer.memory for layer in layers),
        receptive_field=recorder.last_map.axes if isinstance(recorder.last_map, Spatial) else None,
    )


def small_receptive_field(summary: Summary, objects: int) -> list[Finding]:
    """A finding if no cell can see a whole object of `objects` pixels."""
    axes = summary.receptive_field
    if axes is None or min(axis.size for axis in axes) >= objects:
        return []
    sees = " x ".join(str(axis.size) for axis in axes)
    return [
        Finding(
            id="small-receptive-field",
            severity="warning",
            message=f"A cell of the last map sees {sees} pixels, less than an object of {objects}.",
            evidence={"receptive_field": [axis.size for axis in axes], "objects": objects},
            fix="choose a deeper network, or train on smaller images (--size), in which the objects are smaller too",
        )
    ]


@final
class _Recorder:
    """Turns operations into rows. A layer without layers of its own is one row; what other modules compute is another."""

    def __init__(self, network: nn.Module, sights: Sights) -> None:
        self.sights = sights
        self.layers: list[Layer] = []
        self.counted: set[Tensor] = set()
        self.running: list[tuple[str, nn.Module]] = []
        self.operations: list[Operation] = []  # of the innermost running module, since its last child
        self.last_map: Sight = ABSENT
        self.last_stage = network.stages()[-1] if isinstance(network, Network) else None
        for name, module in network.named_modules():
            module.register_forward_pre_hook(partial(self._enter, name))
            module.register_forward_hook(self._leave)

    def note(self, operation: Operation) -> None:
        if operation.output is not None:
            self.operations.append(operation)

    def _enter(self, name: str, module: nn.Module, _inputs: Any) -> None:
        if self.running:
            self._write_own(*self.running[-1])
        self.running.append((name, module))

    def _leave(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        name, _ = self.running.pop()
        if module is self.last_stage:
            self.last_map = self.sights.of(output[0] if isinstance(output, tuple) else output)
        if list(module.children()) or not isinstance(output, Tensor):
            self._write_own(name, module)
        else:
            kinds, memory = [type(module).__name__], output.nbytes
            if output is inputs[0] or not any(operation.memory for operation in self.operations):
                memory = 0
            self._write(name, module, kinds, output, memory, tuple(_formulas(module, inputs[0], self.sights)))

    def _write_own(self, name: str, module: nn.Module) -> None:
        """What a module computes between its layers; views and copies are no computation."""
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
        sight = self.sights.of(output)
        if self.last_stage is None and isinstance(sight, Spatial):
            self.last_map = sight
        self.layers.append(
            Layer(
                name=name,
                kind=", ".join(kinds),
                shape=tuple(output.shape[1:]),
                parameters=sum(parameter.numel() for parameter in own),
                macs=sum(operation.macs for operation in self.operations),
                memory=memory,
                sight=sight,
                formulas=formulas,
            )
        )
        self.operations.clear()


COPIES = ("clone", "copy", "to_copy", "empty", "detach")


def output_size(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """Cells along one side after a convolution or a pool: floor((H + 2P - D(K - 1) - 1) / S) + 1.

    In ceil mode a pool rounds up, unless the last window would begin behind the image and its first padding.
    """
    span = size + 2 * padding - dilation * (kernel_size - 1) - 1
    if not ceil_mode:
        return span // stride + 1
    cells = -(-span // stride) + 1
    return cells - 1 if (cells - 1) * stride >= size + padding else cells


def _formulas(layer: nn.Module, given: Any, sights: Sights) -> Iterator[str]:
    windows = _windows(layer)
    if windows is not None:
        ceil_mode = isinstance(layer, nn.MaxPool2d | nn.AvgPool2d) and layer.ceil_mode
        lines = [_size_formula(size, *side, ceil_mode) for size, side in zip(given.shape[-2:], windows, strict=True)]
        yield from _each_axis("", lines)
    if isinstance(layer, nn.Conv2d):
        rows, columns = layer.kernel_size
        yield _count_formula([rows, columns, layer.in_channels // layer.groups, layer.out_channels], layer)
    elif isinstance(layer, nn.Linear):
        yield _count_formula([layer.in_features, layer.out_features], layer)
    sight = sights.of(given)
    if windows is not None and isinstance(sight, Spatial):
        lines = [_sight_formula(axis, *side) for axis, side in zip(sight.axes, windows, strict=True)]
        yield from _each_axis("receptive field: ", lines)


def _each_axis(title: str, lines: list[str]) -> Iterator[str]:
    if lines[0] == lines[1]:
        yield f"{title or 'height and width: '}{lines[0]}"
    else:
        yield from (f"{title}{side}: {line}" for side, line in zip(("height", "width"), lines, strict=True))


def _windows(layer: nn.Module) -> list[tuple[int, int, int, int]] | None:
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
    cells = output_size(size, kernel_size, stride, padding, dilation, ceil_mode)
    span = f"({size} + 2*{padding} - {dilation}*({kernel_size} - 1) - 1) / {stride}"
    if not ceil_mode:
        return f"floor({span}) + 1 = {cells}"
    if cells < -(-(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride) + 1:
        return f"ceil({span}) + 1 - 1, whose window would begin outside, = {cells}"
    return f"ceil({span}) + 1 = {cells}"


def _sight_formula(axis: Axis, kernel_size: int, stride: int, padding: int, dilation: int) -> str:
    after = axis.windowed(kernel_size, stride, padding, dilation)
    line = f"{axis.size} + {dilation}*({kernel_size} - 1)*{axis.stride} = {after.size}"
    return f"{line}, stride {axis.stride}*{stride} = {after.stride}" if stride > 1 else line


def _count_formula(factors: list[int], layer: nn.Conv2d | nn.Linear) -> str:
    biases = 0 if layer.bias is None else layer.bias.numel()
    product = "*".join(map(str, factors))
    return f"parameters: {product}{f' + {biases}' if biases else ''} = {prod(factors) + biases}"
