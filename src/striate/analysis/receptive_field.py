"""What a cell of a feature map sees of the image, followed through every operation of a network.

Cell p of an axis sees the pixels `stride * p + first` to `stride * p + last`. A convolution widens that range, a stride
spreads the cells, a sum or a concatenation of branches sees what any of them sees. Araujo, Norris, Sim, "Computing
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
    "joined",
]


@final
@dataclass(frozen=True)
class AxisField:
    """One axis of a map: cell p sees the pixels from `stride * p + first` to `stride * p + last`."""

    stride: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """The receptive field in pixels, wherever the image is large enough to hold it."""
        return self.last - self.first + 1

    @property
    def offset(self) -> float:
        """Pixels from the image's edge to the center of what the first cell sees; pixel 0 reaches from 0 to 1."""
        return (self.first + self.last + 1) / 2

    def after_window(self, kernel_size: int, stride: int, padding: int, dilation: int) -> "AxisField":
        """After a convolution or a pool."""
        return AxisField(
            self.stride * stride,
            self.first - padding * self.stride,
            self.last + (dilation * (kernel_size - 1) - padding) * self.stride,
        )

    def sliced(self, start: int, step: int) -> "AxisField":
        """After keeping every `step`-th cell from `start` on; a negative start is a padding."""
        shift = start * self.stride
        return AxisField(self.stride * step, self.first + shift, self.last + shift)


@final
@dataclass(frozen=True)
class WindowField:
    """The cells lie along some dimensions of the tensor: height along `dims[0]`, then width.

    `context`: every cell depends on the whole image as well, through means of whole maps such as a gate's.
    """

    axes: tuple[AxisField, ...]
    dims: tuple[int, ...]
    context: bool = False


@final
@dataclass(frozen=True)
class FlattenedField:
    """All cells lie somewhere in these dimensions, as after `flatten`, and the batch is not among them."""

    dims: tuple[int, ...]


@final
@dataclass(frozen=True)
class WholeImageField:
    """Every number depends on the whole image."""


@final
@dataclass(frozen=True)
class UnknownField:
    """What is seen is no window that is the same for every cell, as in shifted windows of attention."""


@final
@dataclass(frozen=True)
class NoField:
    """Does not depend on the image: a weight or a constant."""


ReceptiveField = WindowField | FlattenedField | WholeImageField | UnknownField | NoField
WHOLE, UNKNOWN, NO_FIELD = WholeImageField(), UnknownField(), NoField()


def joined(fields: Iterable[ReceptiveField]) -> ReceptiveField:
    """What a number sees that is made of several at the same place: by a sum, a product, a concatenation of channels."""
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
    """After a view of another shape: a dimension stays if as many numbers lie behind it and in it as did."""
    if not isinstance(field, WindowField | FlattenedField) or list(before) == list(after):
        return field
    kept: list[int] = []
    for dim in field.dims:
        size, behind = before[dim], _behind(before)[dim]
        same = (i for i, count in enumerate(_behind(after)) if count == behind and after[i] == size)
        found = next((i for i in same if not kept or i > kept[-1]), None)
        if found is None:
            return _merged(field.dims, before, after)
        kept.append(found)
    return replace(field, dims=tuple(kept))


def _merged(dims: Sequence[int], before: Sequence[int], after: Sequence[int]) -> ReceptiveField:
    """The dimensions that now hold what the given ones held, or no sight that can be told if the batch is among them."""
    end = min(_behind(before)[dim] for dim in dims)
    start = max(_behind(before)[dim] * before[dim] for dim in dims)
    holding = [(i, count) for i, count in enumerate(_behind(after)) if count < start and count * after[i] > end]
    if not holding:  # cells of a map of 1 x 1, which is its channels
        holding = [(i, count) for i, count in enumerate(_behind(after)) if count == end and i > 0][:1]
    if any(count * after[i] > _behind(before)[0] for i, count in holding):
        return UNKNOWN
    return FlattenedField(tuple(i for i, _ in holding))


def _behind(shape: Sequence[int]) -> list[int]:
    """How many numbers lie from one index of a dimension to the next."""
    return [1, *accumulate(reversed(shape[1:]), mul)][::-1]
