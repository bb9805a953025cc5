"""Watching a network run: every operation of a forward pass, what it costs, and what its output sees of the image."""

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

from striate.analysis.receptive_field import ABSENT, Absent, Axis, Sight, Spatial
from striate.analysis.receptive_field_rules import sight_after_attention, sight_after_linear, sight_of_output

__all__ = ["Operation", "Sights", "watch"]

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
class Sights:
    """What each tensor of a running network sees of the image."""

    def __init__(self, image: Tensor) -> None:
        self._of = WeakTensorKeyDictionary()
        axes = tuple(Axis(stride=1, first=0, last=0) for _ in image.shape[2:])
        self._of[image] = Spatial(axes, tuple(range(2, image.ndim)))

    def of(self, value: Any) -> Sight:
        return self._of.get(value, ABSENT) if isinstance(value, Tensor) else ABSENT

    def set(self, outputs: Any, sight: Sight) -> None:
        for output in outputs if isinstance(outputs, tuple | list) else [outputs]:
            if isinstance(output, Tensor) and not isinstance(sight, Absent):
                self._of[output] = sight


@final
class _Operations(TorchDispatchMode):
    """Sees the operations of ATen."""

    def __init__(self, sights: Sights, note: Callable[[Operation], None]) -> None:
        super().__init__()
        self.sights, self.note = sights, note

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        outputs = func(*args, **(kwargs or {}))
        self.sights.set(outputs, sight_of_output(func, args, outputs, self.sights.of))
        first = outputs[0] if isinstance(outputs, tuple | list) and outputs else outputs
        is_tensor = isinstance(first, Tensor)
        shares = func.is_view or func.overloadpacket in SHARING or any(first is arg for arg in args)
        self.note(
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
    """Sees the two functions that ATen takes apart into operations that say less."""

    def __init__(self, sights: Sights) -> None:
        super().__init__()
        self.sights = sights

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func is F.linear:
            self.sights.set(output, sight_after_linear(self.sights.of(args[0]), args[0]))
        elif func is F.scaled_dot_product_attention:
            self.sights.set(output, sight_after_attention([self.sights.of(arg) for arg in args[:3]], args[0]))
        return output


def watch(forward: Callable[[Tensor], Any], image: Tensor, note: Callable[[Operation], None], sights: Sights) -> Any:
    """Run `forward` on the image, noting every operation; `sights` then knows what each living tensor sees."""
    with torch.no_grad(), _Functions(sights), _Operations(sights, note):
        return forward(image)


def _macs(func: OpOverload, args: tuple[Any, ...], output: Any) -> int:
    """Multiply-accumulates of convolutions and products of matrices; 0 for the others, as is the custom."""
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
