"""What the output of each operation of ATen, torch's own vocabulary, sees of the image.

It does not matter how a `forward` is written, since all of torch ends in these operations. One without a rule gives an
output whose sight is unknown, unless it is computed cell by cell; nothing is guessed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor
from torch._ops import OpOverload

from striate.analysis.receptive_field import (
    ABSENT,
    UNKNOWN,
    WHOLE,
    Absent,
    Merged,
    Sight,
    Spatial,
    WholeImage,
    joined,
    permuted,
    reshaped,
)

__all__ = ["pool_window", "sight_after_attention", "sight_after_linear", "sight_of_output"]

aten = torch.ops.aten


def sight_of_output(func: OpOverload, args: tuple[Any, ...], outputs: Any, of: Callable[[Tensor], Sight]) -> Sight:
    """What the output of an operation sees; `of` tells what its inputs see."""
    tensors = list(_tensors(args))
    seen = [of(tensor) for tensor in tensors]
    if all(isinstance(sight, Absent) for sight in seen):
        return ABSENT
    op = func.overloadpacket
    if op in RULES:
        return RULES[op](seen[0], args, outputs)
    if op is aten.cat:
        return _concatenated(seen, args)
    if torch.Tag.pointwise in func.tags or op in POINTWISE:
        return joined(_aligned(sight, tensor, outputs) for sight, tensor in zip(seen, tensors, strict=True))
    return WHOLE if all(isinstance(sight, Absent | WholeImage) for sight in seen) else UNKNOWN


def _tensors(args: Sequence[Any]) -> Iterator[Tensor]:
    for arg in args:
        if isinstance(arg, Tensor):
            yield arg
        elif isinstance(arg, tuple | list):
            yield from _tensors(arg)


def _aligned(sight: Sight, tensor: Tensor, output: Any) -> Sight:
    """The dimensions of an operand as they lie in a result that it is broadcast to."""
    more = (output[0] if isinstance(output, tuple | list) else output).ndim - tensor.ndim
    return (
        replace(sight, dims=tuple(dim + more for dim in sight.dims)) if isinstance(sight, Spatial | Merged) else sight
    )


def _concatenated(seen: Sequence[Sight], args: tuple[Any, ...]) -> Sight:
    if len({sight for sight in seen if isinstance(sight, WholeImage | Merged)}) > 1:
        return UNKNOWN  # some of the cells see everything and others do not
    result = joined(seen)
    dim = (args[1] if len(args) > 1 else 0) % args[0][0].ndim
    return UNKNOWN if isinstance(result, Spatial) and dim in result.dims else result


def _convolution(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    _, weight, _, stride, padding, dilation, transposed, *_ = args
    if not isinstance(sight, Spatial):
        return sight
    if transposed:
        return UNKNOWN
    return _windowed(sight, weight.shape[2:], stride, padding, dilation)


def _pool(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    if not isinstance(sight, Spatial):
        return sight
    kernel_size, stride, padding, dilation = pool_window(args)
    return _windowed(sight, kernel_size, stride, padding, dilation)


def _average_pool(sight: Sight, args: tuple[Any, ...], outputs: Any) -> Sight:
    return _pool(sight, args[:4], outputs)  # the fifth is no dilation, as it would be in a max pool


def pool_window(args: Sequence[Any]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Kernel size, stride, padding and dilation of a pool's arguments: each with its default, for two axes."""
    axes = args[0].ndim - 2
    kernel_size = args[1]
    stride = args[2] if len(args) > 2 and args[2] else kernel_size
    padding = args[3] if len(args) > 3 else [0]
    dilation = args[4] if len(args) > 4 else [1]
    each = [
        list(value) * axes if len(value) == 1 else list(value) for value in (kernel_size, stride, padding, dilation)
    ]
    return each[0], each[1], each[2], each[3]


def _windowed(sight: Spatial, *window: Sequence[int]) -> Spatial:
    axes = tuple(axis.windowed(*numbers) for axis, *numbers in zip(sight.axes, *window, strict=True))
    return replace(sight, axes=axes)


def _adaptive_pool(sight: Sight, args: tuple[Any, ...], outputs: Any) -> Sight:
    if not isinstance(sight, Spatial):
        return sight
    output = outputs[0] if isinstance(outputs, tuple) else outputs
    before, after = ([tensor.shape[dim] for dim in sight.dims] for tensor in (args[0], output))
    if set(after) == {1}:
        return WHOLE
    if any(many % few for many, few in zip(before, after, strict=True)):
        return UNKNOWN  # windows of different sizes
    sizes = [many // few for many, few in zip(before, after, strict=True)]
    return _windowed(sight, sizes, sizes, [0] * len(sizes), [1] * len(sizes))


def _reduced(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    given = args[0]
    dims = {dim % given.ndim for dim in _listed(args[1])} if len(args) > 1 and args[1] is not None else set()
    keepdim = len(args) > 2 and args[2] is True
    if not dims:
        dims = set(range(given.ndim))
    if not isinstance(sight, Spatial | Merged):
        return sight
    if set(sight.dims) <= dims:
        return WHOLE
    return UNKNOWN if dims & set(sight.dims) else _dropped(sight, dims, keepdim)


def _dropped(sight: Spatial | Merged, dims: set[int], keepdim: bool) -> Sight:
    def lower(dim: int) -> int:
        return dim if keepdim else dim - sum(gone < dim for gone in dims)

    return replace(sight, dims=tuple(map(lower, sight.dims)))


def _listed(value: Any) -> list[int]:
    return list(value) if isinstance(value, tuple | list) else [value]


def _softmax(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    dim = args[1] % args[0].ndim
    return UNKNOWN if isinstance(sight, Spatial | Merged) and dim in sight.dims else sight


def _layer_norm(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    normalized = set(range(args[0].ndim - len(args[1]), args[0].ndim))
    if isinstance(sight, Spatial) and normalized & set(sight.dims):
        return replace(sight, context=True)
    return UNKNOWN if isinstance(sight, Merged) and normalized & set(sight.dims) else sight


def _group_norm(sight: Sight, _args: tuple[Any, ...], _outputs: Any) -> Sight:
    return replace(sight, context=True) if isinstance(sight, Spatial) else sight


def _kept(sight: Sight, _args: tuple[Any, ...], _outputs: Any) -> Sight:
    return sight


def _reshaped(sight: Sight, args: tuple[Any, ...], outputs: Any) -> Sight:
    return reshaped(sight, args[0].shape, outputs.shape)


def _permuted(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    return permuted(sight, [dim % args[0].ndim for dim in args[1]])


def _transposed(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    order = list(range(args[0].ndim))
    one, other = args[1:] if len(args) > 1 else (0, 1)
    order[one], order[other] = order[other], order[one]
    return permuted(sight, order)


def _sliced(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    given = args[0]
    dim = (args[1] if len(args) > 1 else 0) % given.ndim
    start = args[2] or 0 if len(args) > 2 else 0
    step = args[4] if len(args) > 4 else 1
    if isinstance(sight, Spatial) and dim in sight.dims:
        start = start + given.shape[dim] if start < 0 else start
        axes = [
            axis.sliced(start, step) if at == dim else axis for axis, at in zip(sight.axes, sight.dims, strict=True)
        ]
        return replace(sight, axes=tuple(axes))
    return sight


def _split(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    dim = (args[2] if len(args) > 2 else 0) % args[0].ndim
    return UNKNOWN if isinstance(sight, Spatial) and dim in sight.dims else sight


def _selected(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    dim = args[1] % args[0].ndim
    if not isinstance(sight, Spatial | Merged):
        return sight
    return UNKNOWN if dim in sight.dims else _dropped(sight, {dim}, keepdim=False)


def _unsqueezed(sight: Sight, args: tuple[Any, ...], outputs: Any) -> Sight:
    new = args[1] % outputs.ndim
    if not isinstance(sight, Spatial | Merged):
        return sight
    return replace(sight, dims=tuple(dim + (dim >= new) for dim in sight.dims))


def _padded(sight: Sight, args: tuple[Any, ...], _outputs: Any) -> Sight:
    if not isinstance(sight, Spatial):
        return sight
    before = {args[0].ndim - 1 - i: amount for i, amount in enumerate(args[1][::2])}
    axes = [axis.sliced(-before.get(dim, 0), 1) for axis, dim in zip(sight.axes, sight.dims, strict=True)]
    return replace(sight, axes=tuple(axes))


def sight_after_linear(sight: Sight, given: Tensor) -> Sight:
    """A linear layer mixes the last dimension and nothing else."""
    last = given.ndim - 1
    if isinstance(sight, Merged):
        return WHOLE if sight.dims == (last,) else UNKNOWN if last in sight.dims else sight
    return UNKNOWN if isinstance(sight, Spatial) and last in sight.dims else sight


def sight_after_attention(seen: Sequence[Sight], query: Tensor) -> Sight:
    """Every cell looks at all cells that lie in the dimension before the last."""
    everywhere = Merged((query.ndim - 2,))
    return WHOLE if all(isinstance(s, WholeImage) or s == everywhere for s in seen) else UNKNOWN


RULES: Final[Mapping[Any, Callable[[Sight, tuple[Any, ...], Any], Sight]]] = MappingProxyType(
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
        aten.unbind: lambda sight, args, outputs: _selected(sight, (args[0], args[1] if len(args) > 1 else 0), outputs),
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
# Computed cell by cell as well, though not every torch marks them so
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
