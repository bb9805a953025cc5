"""What a network costs, layer by layer: output shapes, parameters, multiply-accumulates and memory for one picture.

The network runs once on the meta device, where a tensor has a shape and no numbers: that is free and changes nothing.
Only layers are seen: a sum that a `forward` writes as `a + b` has no row, and a parameter outside the layers is in the
total alone.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import final

import torch
from torch import Tensor, nn

__all__ = ["Layer", "Summary", "output_size", "summarize"]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@final
@dataclass(frozen=True)
class Layer:
    """One layer as it ran; a layer that runs twice has two rows, and its parameters are in the first."""

    name: str  # path inside the network, such as "stage1.0"
    kind: str  # its class, such as "Conv2d"
    shape: tuple[int, ...]  # of its output without the batch, such as C H W
    parameters: int
    macs: int  # multiply-accumulates of convolutions and linear layers, 0 for the others
    memory: int  # bytes of its output; 0 where that is the input itself (identity, flatten, dropout at rest)
    formulas: tuple[str, ...]  # how height, width and parameters come about, in convolutions, pools and linear layers


@final
@dataclass(frozen=True)
class Summary:
    """The layers in the order in which they run, and their totals for one picture."""

    picture: tuple[int, int, int]  # C H W
    layers: tuple[Layer, ...]
    parameters: int  # of the whole network, each counted once
    macs: int
    memory: int  # bytes of all outputs: about what a training step keeps for its way back


def summarize(model: nn.Module, *, channels: int, size: int | tuple[int, int]) -> Summary:
    """A row for each layer that runs on a picture of `channels` x `size` in eval mode; `model` is not changed."""
    height, width = (size, size) if isinstance(size, int) else size
    ghost = deepcopy(model).to("meta").eval()
    layers: list[Layer] = []
    counted: set[Tensor] = set()

    def note(name: str, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        own = set(layer.parameters()) - counted
        counted.update(own)
        same_memory = output is inputs[0] or output._base is not None  # _base: what a view looks at
        layers.append(
            Layer(
                name=name,
                kind=type(layer).__name__,
                shape=tuple(output.shape[1:]),
                parameters=sum(parameter.numel() for parameter in own),
                macs=_macs(layer, inputs[0], output),
                memory=0 if same_memory else output.nbytes,
                formulas=tuple(_formulas(layer, inputs[0])),
            )
        )

    for name, layer in ghost.named_modules():
        if not list(layer.children()):
            layer.register_forward_hook(partial(note, name))
    with torch.no_grad():
        ghost(torch.empty(1, channels, height, width, device="meta"))
    return Summary(
        picture=(channels, height, width),
        layers=tuple(layers),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=sum(layer.macs for layer in layers),
        memory=sum(layer.memory for layer in layers),
    )


def output_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Cells along one side after a convolution or a pool: floor((H + 2P - D(K - 1) - 1) / S) + 1."""
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1


def _macs(layer: nn.Module, given: Tensor, output: Tensor) -> int:
    if isinstance(layer, CONVOLUTIONS):
        return output.numel() * layer.in_channels // layer.groups * prod(layer.kernel_size)
    if isinstance(layer, TRANSPOSED):
        return given.numel() * layer.out_channels // layer.groups * prod(layer.kernel_size)
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    return 0


def _formulas(layer: nn.Module, given: Tensor) -> Iterator[str]:
    window = _window(layer)
    if window is not None:
        height, width = (_size_formula(size, *side) for size, side in zip(given.shape[-2:], window, strict=True))
        if height == width:
            yield f"height and width: {height}"
        else:
            yield f"height: {height}"
            yield f"width: {width}"
    if isinstance(layer, nn.Conv2d):
        rows, columns = layer.kernel_size
        yield _count_formula([rows, columns, layer.in_channels // layer.groups, layer.out_channels], layer)
    elif isinstance(layer, nn.Linear):
        yield _count_formula([layer.in_features, layer.out_features], layer)


def _window(layer: nn.Module) -> list[tuple[int, int, int, int]] | None:
    """Kernel size, stride, padding and dilation of height, then of width, where `output_size` holds."""
    if isinstance(layer, nn.Conv2d) and not isinstance(layer.padding, str):
        return list(zip(layer.kernel_size, layer.stride, layer.padding, layer.dilation, strict=True))
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d) and not layer.ceil_mode:
        dilation = layer.dilation if isinstance(layer, nn.MaxPool2d) else 1
        return list(zip(*map(_pair, (layer.kernel_size, layer.stride, layer.padding, dilation)), strict=True))
    return None


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else value


def _size_formula(size: int, kernel_size: int, stride: int, padding: int, dilation: int) -> str:
    cells = output_size(size, kernel_size, stride, padding, dilation)
    return f"floor(({size} + 2*{padding} - {dilation}*({kernel_size} - 1) - 1) / {stride}) + 1 = {cells}"


def _count_formula(factors: list[int], layer: nn.Conv2d | nn.Linear) -> str:
    biases = 0 if layer.bias is None else layer.bias.numel()
    product = "*".join(map(str, factors))
    return f"parameters: {product}{f' + {biases}' if biases else ''} = {prod(factors) + biases}"
