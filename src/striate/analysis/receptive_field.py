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

__all__ = ["ABSENT", "UNKNOWN", "WHOLE", "Axis", "Merged", "Sight", "Spatial", "UnknownSight", "WholeImage", "joined"]


@final
@dataclass(frozen=True)
class Axis:
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

    def windowed(self, kernel_size: int, stride: int, padding: int, dilation: int) -> "Axis":
        """After a convolution or a pool."""
        return Axis(
            self.stride * stride,
            self.first - padding * self.stride,
            self.last + (dilation * (kernel_size - 1) - padding) * self.stride,
        )

    def sliced(self, start: int, step: int) -> "Axis":
        """After keeping every `step`-th cell from `start` on; a negative start is a padding."""
        shift = start * self.stride
        return Axis(self.stride * step, self.first + shift, self.last + shift)


@final
@dataclass(frozen=True)
class Spatial:
    """The cells lie along some dimensions of the tensor: height along `dims[0]`, then width.

    `context`: every cell depends on the whole image as well, through means of whole maps such as a gate's.
    """

    axes: tuple[Axis, ...]
    dims: tuple[int, ...]
    context: bool = False


@final
@dataclass(frozen=True)
class Merged:
    """All cells lie somewhere in these dimensions, as after `flatten`, and the batch is not among them."""

    dims: tuple[int, ...]


@final
@dataclass(frozen=True)
class WholeImage:
    """Every number depends on the whole image."""


@final
@dataclass(frozen=True)
class UnknownSight:
    """What is seen is no window that is the same for every cell, as in shifted windows of attention."""


@final
@dataclass(frozen=True)
class Absent:
    """Does not depend on the image: a weight or a constant."""


Sight = Spatial | Merged | WholeImage | UnknownSight | Absent
WHOLE, UNKNOWN, ABSENT = WholeImage(), UnknownSight(), Absent()


def joined(sights: Iterable[Sight]) -> Sight:
    """What a number sees that is made of several at the same place: by a sum, a product, a concatenation of channels."""
    result: Sight = ABSENT
    for sight in sights:
        result = _pair(result, sight)
    return result


def _pair(one: Sight, other: Sight) -> Sight:
    if isinstance(one, Absent) or one == other:
        return other
    if isinstance(other, Absent):
        return one
    if isinstance(one, WholeImage) and isinstance(other, Spatial):
        one, other = other, one
    if isinstance(one, Spatial) and isinstance(other, WholeImage):
        return replace(one, context=True)
    if isinstance(one, Spatial) and isinstance(other, Spatial) and one.dims == other.dims:
        if any(a.stride != b.stride for a, b in zip(one.axes, other.axes, strict=True)):
            return UNKNOWN
        axes = tuple(
            Axis(a.stride, min(a.first, b.first), max(a.last, b.last))
            for a, b in zip(one.axes, other.axes, strict=True)
        )
        return Spatial(axes, one.dims, one.context or other.context)
    if isinstance(one, WholeImage | Merged) and isinstance(other, WholeImage | Merged):
        return WHOLE if WHOLE in (one, other) else UNKNOWN
    return UNKNOWN


def permuted(sight: Sight, order: Sequence[int]) -> Sight:
    """After `permute(order)`."""
    if isinstance(sight, Spatial | Merged):
        return replace(sight, dims=tuple(list(order).index(dim) for dim in sight.dims))
    return sight


def reshaped(sight: Sight, before: Sequence[int], after: Sequence[int]) -> Sight:
    """After a view of another shape: a dimension stays if as many numbers lie behind it and in it as did."""
    if not isinstance(sight, Spatial | Merged) or list(before) == list(after):
        return sight
    kept: list[int] = []
    for dim in sight.dims:
        size, behind = before[dim], _behind(before)[dim]
        same = (i for i, count in enumerate(_behind(after)) if count == behind and after[i] == size)
        found = next((i for i in same if not kept or i > kept[-1]), None)
        if found is None:
            return _merged(sight.dims, before, after)
        kept.append(found)
    return replace(sight, dims=tuple(kept))


def _merged(dims: Sequence[int], before: Sequence[int], after: Sequence[int]) -> Sight:
    """The dimensions that now hold what the given ones held, or no sight that can be told if the batch is among them."""
    end = min(_behind(before)[dim] for dim in dims)
    start = max(_behind(before)[dim] * before[dim] for dim in dims)
    holding = [(i, count) for i, count in enumerate(_behind(after)) if count < start and count * after[i] > end]
    if not holding:  # cells of a map of 1 x 1, which is its channels
        holding = [(i, count) for i, count in enumerate(_behind(after)) if count == end and i > 0][:1]
    if any(count * after[i] > _behind(before)[0] for i, count in holding):
        return UNKNOWN
    return Merged(tuple(i for i, _ in holding))


def _behind(shape: Sequence[int]) -> list[int]:
    """How many numbers lie from one index of a dimension to the next."""
    return [1, *accumulate(reversed(shape[1:]), mul)][::-1]
