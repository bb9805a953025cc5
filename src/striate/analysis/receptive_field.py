"""The receptive field of a position of a feature map: the pixels of the image that its value depends on.

Along an axis, position p depends on the pixels `stride * p + first` to `stride * p + last`, where `stride` is the effective
stride (jump) of the map. A convolution widens that range, a strided one multiplies the stride, and a sum or a concatenation
of branches depends on the pixels of all of them. Araujo, Norris, Sim, "Computing
receptive fields of convolutional neural networks", Distill 2019, doi:10.23915/distill.00021, has the arithmetic.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import mul
from typing import final

__all__ = [
    "NO_FIELD",
    "UNKNOWN",
    "WHOLE",
    "AxisField",
    "FlattenedField",
    "NoField",
    "ReceptiveField",
    "UnknownField",
    "WholeImageField",
    "WindowField",
    "union",
]


@final
@dataclass(frozen=True)
class AxisField:
    """The receptive field along one axis: position p depends on the pixels `stride * p + first` to `stride * p + last`."""

    stride: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """The receptive field in pixels, wherever the image is large enough to hold it."""
        return self.last - self.first + 1

    @property
    def offset(self) -> float:
        """The center of the first position's receptive field, in pixels from the image's edge; pixel 0 reaches from 0 to 1."""
        return (self.first + self.last + 1) / 2

    def after_window(self, kernel_size: int, stride: int, padding: int, dilation: int) -> "AxisField":
        """After a convolution or a pooling."""
        return AxisField(
            self.stride * stride,
            self.first - padding * self.stride,
            self.last + (dilation * (kernel_size - 1) - padding) * self.stride,
        )

    def sliced(self, start: int, step: int) -> "AxisField":
        """After keeping every `step`-th position from `start` on; a negative start is a padding."""
        shift = start * self.stride
        return AxisField(self.stride * step, self.first + shift, self.last + shift)


@final
@dataclass(frozen=True)
class WindowField:
    """Each position has a window of the image; positions lie along `dims` of the tensor: height, then width.

    `context`: every position depends on the whole image as well, through global pooling such as in squeeze-and-excitation.
    """

    axes: tuple[AxisField, ...]
    dims: tuple[int, ...]
    context: bool = False


@final
@dataclass(frozen=True)
class FlattenedField:
    """All positions are flattened into these dimensions, as after `flatten`; the batch is not among them."""

    dims: tuple[int, ...]


@final
@dataclass(frozen=True)
class WholeImageField:
    """Every value depends on the whole image."""


@final
@dataclass(frozen=True)
class UnknownField:
    """The window is not the same for every position, as in attention within shifted windows, or cannot be told."""


@final
@dataclass(frozen=True)
class NoField:
    """Does not depend on the image: a weight or a constant."""


ReceptiveField = WindowField | FlattenedField | WholeImageField | UnknownField | NoField
WHOLE, UNKNOWN, NO_FIELD = WholeImageField(), UnknownField(), NoField()


def union(fields: Iterable[ReceptiveField]) -> ReceptiveField:
    """The receptive field of values combined at the same position: by a sum, a product, a concatenation of channels."""
    result: ReceptiveField = NO_FIELD
    for field in fields:
        result = _pair(result, field)
    return result


def _pair(one: ReceptiveField, other: ReceptiveField) -> ReceptiveField:
    if isinstance(one, NoField) or one == other:
        return other
    if isinstance(other, NoField):
        return one
    if isinstance(one, WholeImageField) and isinstance(other, WindowField):
        one, other = other, one
    if isinstance(one, WindowField) and isinstance(other, WholeImageField):
        return replace(one, context=True)
    if isinstance(one, WindowField) and isinstance(other, WindowField) and one.dims == other.dims:
        if any(a.stride != b.stride for a, b in zip(one.axes, other.axes, strict=True)):
            return UNKNOWN
        axes = tuple(
            AxisField(a.stride, min(a.first, b.first), max(a.last, b.last))
            for a, b in zip(one.axes, other.axes, strict=True)
        )
        return WindowField(axes, one.dims, one.context or other.context)
    if isinstance(one, WholeImageField | FlattenedField) and isinstance(other, WholeImageField | FlattenedField):
        return WHOLE if WHOLE in (one, other) else UNKNOWN
    return UNKNOWN


def permuted(field: ReceptiveField, order: Sequence[int]) -> ReceptiveField:
    """After `permute(order)`."""
    if isinstance(field, WindowField | FlattenedField):
        return replace(field, dims=tuple(list(order).index(dim) for dim in field.dims))
    return field


def reshaped(field: ReceptiveField, before: Sequence[int], after: Sequence[int]) -> ReceptiveField:
    """After `view` with another shape: a dimension stays if its size and its stride in memory stay."""
    if not isinstance(field, WindowField | FlattenedField) or list(before) == list(after):
        return field
    kept: list[int] = []
    for dim in field.dims:
        size, stride = before[dim], _strides(before)[dim]
        same = (i for i, count in enumerate(_strides(after)) if count == stride and after[i] == size)
        found = next((i for i in same if not kept or i > kept[-1]), None)
        if found is None:
            return _flattened(field.dims, before, after)
        kept.append(found)
    return replace(field, dims=tuple(kept))


def _flattened(dims: Sequence[int], before: Sequence[int], after: Sequence[int]) -> ReceptiveField:
    """The dimensions that now hold the positions; UNKNOWN if the batch is among them."""
    end = min(_strides(before)[dim] for dim in dims)
    start = max(_strides(before)[dim] * before[dim] for dim in dims)
    holding = [(i, count) for i, count in enumerate(_strides(after)) if count < start and count * after[i] > end]
    if not holding:  # the positions of a 1 x 1 map: its channels
        holding = [(i, count) for i, count in enumerate(_strides(after)) if count == end and i > 0][:1]
    if any(count * after[i] > _strides(before)[0] for i, count in holding):
        return UNKNOWN
    return FlattenedField(tuple(i for i, _ in holding))


def _strides(shape: Sequence[int]) -> list[int]:
    """The strides of a contiguous tensor of this shape."""
    return [1, *accumulate(reversed(shape[1:]), mul)][::-1]
