"""Receptive-field rules: from the receptive fields of an ATen operation's inputs to that of its output.

It does not matter how a `forward` is written, since all of torch ends in ATen operations. An operation without a rule gives
UNKNOWN, unless it is pointwise; nothing is guessed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor
from torch._ops import OpOverload

from striate.analysis.receptive_field import (
    NO_FIELD,
    UNKNOWN,
    WHOLE,
    FlattenedField,
    NoField,
    ReceptiveField,
    WholeImageField,
    WindowField,
    permuted,
    reshaped,
    union,
)

__all__ = ["field_after", "field_after_attention", "field_after_linear", "pool_window"]

aten = torch.ops.aten


def field_after(
    func: OpOverload, args: tuple[Any, ...], outputs: Any, of: Callable[[Tensor], ReceptiveField]
) -> ReceptiveField:
    """The receptive field of an operation's output; `of` gives those of its inputs."""
    tensors = list(_tensors(args))
    inputs = [of(tensor) for tensor in tensors]
    if all(isinstance(field, NoField) for field in inputs):
        return NO_FIELD
    op = func.overloadpacket
    if op in RULES:
        return RULES[op](inputs[0], args, outputs)
    if op is aten.cat:
        return _concatenated(inputs, args)
    if torch.Tag.pointwise in func.tags or op in POINTWISE:
        return union(_aligned(field, tensor, outputs) for field, tensor in zip(inputs, tensors, strict=True))
    return WHOLE if all(isinstance(field, NoField | WholeImageField) for field in inputs) else UNKNOWN


def _tensors(args: Sequence[Any]) -> Iterator[Tensor]:
    for arg in args:
        if isinstance(arg, Tensor):
            yield arg
        elif isinstance(arg, tuple | list):
            yield from _tensors(arg)


def _aligned(field: ReceptiveField, tensor: Tensor, output: Any) -> ReceptiveField:
    """The field of an operand, its dimensions shifted to those of the result that it is broadcast to."""
    more = (output[0] if isinstance(output, tuple | list) else output).ndim - tensor.ndim
    return (
        replace(field, dims=tuple(dim + more for dim in field.dims))
        if isinstance(field, WindowField | FlattenedField)
        else field
    )


def _concatenated(inputs: Sequence[ReceptiveField], args: tuple[Any, ...]) -> ReceptiveField:
    if len({field for field in inputs if isinstance(field, WholeImageField | FlattenedField)}) > 1:
        return UNKNOWN  # some values depend on the whole image and others do not
    result = union(inputs)
    dim = (args[1] if len(args) > 1 else 0) % args[0][0].ndim
    return UNKNOWN if isinstance(result, WindowField) and dim in result.dims else result


def _convolution(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    _, weight, _, stride, padding, dilation, transposed, *_ = args
    if not isinstance(field, WindowField):
        return field
    if transposed:
        return UNKNOWN
    return _after_window(field, weight.shape[2:], stride, padding, dilation)


def _pool(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    if not isinstance(field, WindowField):
        return field
    kernel_size, stride, padding, dilation = pool_window(args)
    return _after_window(field, kernel_size, stride, padding, dilation)


def _average_pool(field: ReceptiveField, args: tuple[Any, ...], outputs: Any) -> ReceptiveField:
    return _pool(field, args[:4], outputs)  # the fifth argument is not the dilation, as it is in a max pooling


def pool_window(args: Sequence[Any]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Kernel size, stride, padding and dilation from the arguments of a pooling, with their defaults, for each axis."""
    axes = args[0].ndim - 2
    kernel_size = args[1]
    stride = args[2] if len(args) > 2 and args[2] else kernel_size
    padding = args[3] if len(args) > 3 else [0]
    dilation = args[4] if len(args) > 4 else [1]
    each = [
        list(value) * axes if len(value) == 1 else list(value) for value in (kernel_size, stride, padding, dilation)
    ]
    return each[0], each[1], each[2], each[3]


def _after_window(field: WindowField, *window: Sequence[int]) -> WindowField:
    axes = tuple(axis.after_window(*numbers) for axis, *numbers in zip(field.axes, *window, strict=True))
    return replace(field, axes=axes)


def _adaptive_pool(field: ReceptiveField, args: tuple[Any, ...], outputs: Any) -> ReceptiveField:
    if not isinstance(field, WindowField):
        return field
    output = outputs[0] if isinstance(outputs, tuple) else outputs
    before, after = ([tensor.shape[dim] for dim in field.dims] for tensor in (args[0], output))
    if set(after) == {1}:
        return WHOLE
    if any(many % few for many, few in zip(before, after, strict=True)):
        return UNKNOWN  # windows of different sizes
    sizes = [many // few for many, few in zip(before, after, strict=True)]
    return _after_window(field, sizes, sizes, [0] * len(sizes), [1] * len(sizes))


def _reduced(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    given = args[0]
    dims = {dim % given.ndim for dim in _listed(args[1])} if len(args) > 1 and args[1] is not None else set()
    keepdim = len(args) > 2 and args[2] is True
    if not dims:
        dims = set(range(given.ndim))
    if not isinstance(field, WindowField | FlattenedField):
        return field
    if set(field.dims) <= dims:
        return WHOLE
    return UNKNOWN if dims & set(field.dims) else _dropped(field, dims, keepdim)


def _dropped(field: WindowField | FlattenedField, dims: set[int], keepdim: bool) -> ReceptiveField:
    def lower(dim: int) -> int:
        return dim if keepdim else dim - sum(gone < dim for gone in dims)

    return replace(field, dims=tuple(map(lower, field.dims)))


def _listed(value: Any) -> list[int]:
    return list(value) if isinstance(value, tuple | list) else [value]


def _softmax(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    dim = args[1] % args[0].ndim
    return UNKNOWN if isinstance(field, WindowField | FlattenedField) and dim in field.dims else field


def _layer_norm(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    normalized = set(range(args[0].ndim - len(args[1]), args[0].ndim))
    if isinstance(field, WindowField) and normalized & set(field.dims):
        return replace(field, context=True)
    return UNKNOWN if isinstance(field, FlattenedField) and normalized & set(field.dims) else field


def _group_norm(field: ReceptiveField, _args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    return replace(field, context=True) if isinstance(field, WindowField) else field


def _kept(field: ReceptiveField, _args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    return field


def _reshaped(field: ReceptiveField, args: tuple[Any, ...], outputs: Any) -> ReceptiveField:
    return reshaped(field, args[0].shape, outputs.shape)


def _permuted(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    return permuted(field, [dim % args[0].ndim for dim in args[1]])


def _transposed(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    order = list(range(args[0].ndim))
    one, other = args[1:] if len(args) > 1 else (0, 1)
    order[one], order[other] = order[other], order[one]
    return permuted(field, order)


def _sliced(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    given = args[0]
    dim = (args[1] if len(args) > 1 else 0) % given.ndim
    start = args[2] or 0 if len(args) > 2 else 0
    step = args[4] if len(args) > 4 else 1
    if isinstance(field, WindowField) and dim in field.dims:
        start = start + given.shape[dim] if start < 0 else start
        axes = [
            axis.sliced(start, step) if at == dim else axis for axis, at in zip(field.axes, field.dims, strict=True)
        ]
        return replace(field, axes=tuple(axes))
    return field


def _split(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    dim = (args[2] if len(args) > 2 else 0) % args[0].ndim
    return UNKNOWN if isinstance(field, WindowField) and dim in field.dims else field


def _selected(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    dim = args[1] % args[0].ndim
    if not isinstance(field, WindowField | FlattenedField):
        return field
    return UNKNOWN if dim in field.dims else _dropped(field, {dim}, keepdim=False)


def _unsqueezed(field: ReceptiveField, args: tuple[Any, ...], outputs: Any) -> ReceptiveField:
    new = args[1] % outputs.ndim
    if not isinstance(field, WindowField | FlattenedField):
        return field
    return replace(field, dims=tuple(dim + (dim >= new) for dim in field.dims))


def _padded(field: ReceptiveField, args: tuple[Any, ...], _outputs: Any) -> ReceptiveField:
    if not isinstance(field, WindowField):
        return field
    before = {args[0].ndim - 1 - i: amount for i, amount in enumerate(args[1][::2])}
    axes = [axis.sliced(-before.get(dim, 0), 1) for axis, dim in zip(field.axes, field.dims, strict=True)]
    return replace(field, axes=tuple(axes))


def field_after_linear(field: ReceptiveField, given: Tensor) -> ReceptiveField:
    """A linear layer mixes the last dimension only."""
    last = given.ndim - 1
    if isinstance(field, FlattenedField):
        return WHOLE if field.dims == (last,) else UNKNOWN if last in field.dims else field
    return UNKNOWN if isinstance(field, WindowField) and last in field.dims else field


def field_after_attention(inputs: Sequence[ReceptiveField], query: Tensor) -> ReceptiveField:
    """Every position attends to all positions, which lie in the dimension before the last."""
    everywhere = FlattenedField((query.ndim - 2,))
    return WHOLE if all(isinstance(s, WholeImageField) or s == everywhere for s in inputs) else UNKNOWN


RULES: Final[Mapping[Any, Callable[[ReceptiveField, tuple[Any, ...], Any], ReceptiveField]]] = MappingProxyType(
    {
        aten.convolution: _convolution,
        aten.max_pool2d_with_indices: _pool,
        aten.max_pool3d_with_indices: _pool,
        aten.avg_pool2d: _average_pool,
        aten.avg_pool3d: _average_pool,
        aten._adaptive_avg_pool2d: _adaptive_pool,
        aten.adaptive_max_pool2d: _adaptive_pool,
        aten.mean: _reduced,
        aten.sum: _reduced,
        aten.amax: _reduced,
        aten.max: _reduced,
        aten._softmax: _softmax,
        aten.native_batch_norm: _kept,
        aten._native_batch_norm_legit_no_training: _kept,
        aten.native_layer_norm: _layer_norm,
        aten.native_group_norm: _group_norm,
        aten.native_dropout: _kept,
        aten.view: _reshaped,
        aten._unsafe_view: _reshaped,
        aten._reshape_alias: _reshaped,
        aten.permute: _permuted,
        aten.transpose: _transposed,
        aten.t: _transposed,
        aten.slice: _sliced,
        aten.split: _split,
        aten.split_with_sizes: _split,
        aten.unbind: lambda field, args, outputs: _selected(field, (args[0], args[1] if len(args) > 1 else 0), outputs),
        aten.select: _selected,
        aten.unsqueeze: _unsqueezed,
        aten.constant_pad_nd: _padded,
        aten.expand: _kept,
        aten.channel_shuffle: _kept,
        aten.native_channel_shuffle: _kept,
        aten.clone: _kept,
        aten.detach: _kept,
        aten._to_copy: _kept,
        aten.alias: _kept,
    }
)
# Pointwise as well, though not every version of torch tags them so
POINTWISE: Final = frozenset(
    {
        aten._prelu_kernel,
        aten.elu_,
        aten.hardsigmoid_,
        aten.hardswish,
        aten.hardswish_,
        aten.hardtanh,
        aten.hardtanh_,
        aten.leaky_relu,
        aten.leaky_relu_,
        aten.log_sigmoid_forward,
    }
)
