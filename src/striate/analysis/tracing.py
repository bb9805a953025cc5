"""Tracing a forward pass: every ATen operation, its cost, and the receptive field of its output."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final, final

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from striate.analysis.receptive_field import NO_FIELD, AxisField, NoField, ReceptiveField, WindowField
from striate.analysis.receptive_field_rules import field_after, field_after_attention, field_after_linear

__all__ = ["FieldTracker", "Operation", "trace"]

aten = torch.ops.aten
SHARING: Final = frozenset({aten._reshape_alias, aten._unsafe_view})  # views that torch does not mark as such


@final
@dataclass(frozen=True)
class Operation:
    """One operation as it ran."""

    name: str  # of ATen, such as "add"
    output: Tensor | None
    macs: int
    memory: int  # bytes of new outputs; 0 where the output is a view or the input itself


@final
class FieldTracker:
    """The receptive field of each tensor of a running network."""

    def __init__(self, image: Tensor) -> None:
        self._of = WeakTensorKeyDictionary()
        axes = tuple(AxisField(stride=1, first=0, last=0) for _ in image.shape[2:])
        self._of[image] = WindowField(axes, tuple(range(2, image.ndim)))

    def of(self, value: Any) -> ReceptiveField:
        return self._of.get(value, NO_FIELD) if isinstance(value, Tensor) else NO_FIELD

    def set(self, outputs: Any, field: ReceptiveField) -> None:
        for output in outputs if isinstance(outputs, tuple | list) else [outputs]:
            if isinstance(output, Tensor) and not isinstance(field, NoField):
                self._of[output] = field


@final
class _Operations(TorchDispatchMode):
    """Intercepts the ATen operations."""

    def __init__(self, fields: FieldTracker, record: Callable[[Operation], None]) -> None:
        super().__init__()
        self.fields, self.record = fields, record

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        outputs = func(*args, **(kwargs or {}))
        self.fields.set(outputs, field_after(func, args, outputs, self.fields.of))
        first = outputs[0] if isinstance(outputs, tuple | list) and outputs else outputs
        is_tensor = isinstance(first, Tensor)
        shares = func.is_view or func.overloadpacket in SHARING or any(first is arg for arg in args)
        self.record(
            Operation(
                name=func.overloadpacket.__name__.strip("_"),
                output=first if is_tensor else None,
                macs=_macs(func, args, first),
                memory=0 if shares or not is_tensor else first.nbytes,
            )
        )
        return outputs


@final
class _Functions(TorchFunctionMode):
    """Intercepts two functions that ATen splits into operations from which their rule could not be told."""

    def __init__(self, fields: FieldTracker) -> None:
        super().__init__()
        self.fields = fields

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func is F.linear:
            self.fields.set(output, field_after_linear(self.fields.of(args[0]), args[0]))
        elif func is F.scaled_dot_product_attention:
            self.fields.set(output, field_after_attention([self.fields.of(arg) for arg in args[:3]], args[0]))
        return output


def trace(
    forward: Callable[[Tensor], Any], image: Tensor, record: Callable[[Operation], None], fields: FieldTracker
) -> Any:
    """Run `forward` on the image and record every operation; `fields` then has the receptive field of each living tensor."""
    with torch.no_grad(), _Functions(fields), _Operations(fields, record):
        return forward(image)


def _macs(func: OpOverload, args: tuple[Any, ...], output: Any) -> int:
    """Multiply-accumulates (MACs) of convolutions and matrix products; by convention 0 for all others."""
    op = func.overloadpacket
    if op is aten.convolution:
        given, weight, transposed = args[0], args[1], args[6]
        return (given if transposed else output).numel() * prod(weight.shape[1:])
    if op in (aten.mm, aten.bmm):
        return output.numel() * args[0].shape[-1]
    if op in (aten.addmm, aten.baddbmm):
        return output.numel() * args[1].shape[-1]
    if "scaled_dot_product" in op.__name__:
        query, key, value = args[:3]
        return query.shape[:-1].numel() * key.shape[-2] * (query.shape[-1] + value.shape[-1])
    return 0
