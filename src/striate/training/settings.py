"""Settings of optimizers, of the loop and of the machine. Nothing here needs torch, so that the help is fast."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, final

from striate.settings import Setting

__all__ = ["OPTIMIZERS", "MachineSettings", "OptimizerRow", "OptimizerSettings", "TrainingSettings"]


@final
@dataclass(frozen=True)
class OptimizerRow:
    """An optimizer of torch.optim, and what only some optimizers take: setting -> default."""

    torch_name: str
    takes: Mapping[str, Any]
    arguments: Callable[..., dict[str, Any]]  # those settings -> torch's arguments


def _sgd(momentum: float, nesterov: bool) -> dict[str, Any]:
    return {"momentum": momentum, "nesterov": nesterov and momentum > 0, "fused": True}


def _adam(beta1: float, beta2: float) -> dict[str, Any]:
    return {"betas": (beta1, beta2), "fused": True}


def _rmsprop(momentum: float, alpha: float) -> dict[str, Any]:
    return {"momentum": momentum, "alpha": alpha}


OPTIMIZERS: Final[Mapping[str, OptimizerRow]] = MappingProxyType(
    {
        "sgd": OptimizerRow("SGD", {"momentum": 0.9, "nesterov": True}, _sgd),
        "adam": OptimizerRow("Adam", {"beta1": 0.9, "beta2": 0.999}, _adam),
        "adamw": OptimizerRow("AdamW", {"beta1": 0.9, "beta2": 0.999}, _adam),
        "rmsprop": OptimizerRow("RMSprop", {"momentum": 0.9, "alpha": 0.99}, _rmsprop),
    }
)


@final
@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """None where the optimizer does not take the setting."""

    name: Annotated[str, Setting("optimizer", choices=tuple(OPTIMIZERS))] = "adamw"
    lr: Annotated[float, Setting("peak learning rate", 1e-8, 100)] = 1e-3
    weight_decay: Annotated[
        float,
        Setting("weight decay (L2; decoupled in AdamW), none on biases and norms", 0, 10, source="arXiv:1711.05101"),
    ] = 0.0
    momentum: Annotated[float | None, Setting("momentum of SGD and RMSprop", 0, 0.9999)] = None
    nesterov: Annotated[bool | None, Setting("Nesterov momentum of SGD")] = None
    beta1: Annotated[float | None, Setting("decay of Adam's first moment", 0, 0.9999, source="arXiv:1412.6980")] = None
    beta2: Annotated[float | None, Setting("decay of Adam's second moment", 0, 0.99999, source="arXiv:1412.6980")] = (
        None
    )
    alpha: Annotated[float | None, Setting("smoothing constant of RMSprop", 0, 0.99999)] = None


@final
@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    epochs: Annotated[int, Setting("passes over the training images", 1, 100_000)] = 20
    batch_size: Annotated[int, Setting("images per batch", 1, 65_536)] = 64
    accumulate: Annotated[int, Setting("gradient accumulation, batches per optimizer step", 1, 4096)] = 1
    clip_grad_norm: Annotated[float, Setting("gradient-norm clipping, 0 for none", 0)] = 0.0
    ema: Annotated[float, Setting("decay of an exponential moving average of the weights, 0 for none", 0, 0.99999)] = (
        0.0
    )
    keep: Annotated[str, Setting("epoch whose weights are kept", choices=("best", "last"))] = "best"
    patience: Annotated[int, Setting("early stopping, epochs without improvement, 0 for none", 0, 100_000)] = 0
    checkpoint_every: Annotated[int, Setting("steps between checkpoints, 0 for one each epoch", 0)] = 0
    seed: Annotated[int, Setting("random seed", 0, 2**31 - 1)] = 0


@final
@dataclass(frozen=True, kw_only=True)
class MachineSettings:
    device: Annotated[str, Setting("device: auto (the first GPU, or else the CPU), cpu, cuda, cuda:1, mps ...")] = (
        "auto"
    )
    precision: Annotated[str, Setting("numeric precision of training", choices=("auto", "float32", "bfloat16"))] = (
        "auto"
    )
    channels_last: Annotated[bool, Setting("channels-last memory format")] = True
    threads: Annotated[int | None, Setting("CPU threads; if left out, the fastest number is measured", 1, 1024)] = None
