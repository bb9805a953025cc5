"""Settings of optimizers, the loop, transfer learning and the machine. Nothing here needs torch, so that the help is fast."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, final

from striate.errors import SettingError
from striate.models.head_kinds import HEADS
from striate.settings import Setting

__all__ = [
    "OPTIMIZERS",
    "MachineSettings",
    "OptimizerRow",
    "OptimizerSettings",
    "TrainingSettings",
    "TransferSettings",
]


@final
@dataclass(frozen=True)
class OptimizerRow:
    """The defaults of an optimizer, and what only some optimizers take: setting -> default."""

    lr: float
    weight_decay: float
    takes: Mapping[str, Any]
    arguments: Callable[..., dict[str, Any]]  # those settings -> arguments of its class

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Every setting that it takes, with its default."""
        return {"lr": self.lr, "weight_decay": self.weight_decay, **self.takes}


def _sgd(momentum: float, nesterov: bool | None) -> dict[str, Any]:
    return {"momentum": momentum, "nesterov": momentum > 0 if nesterov is None else nesterov, "fused": True}


def _adam(beta1: float, beta2: float) -> dict[str, Any]:
    return {"betas": (beta1, beta2), "fused": True}


def _rmsprop(momentum: float, alpha: float) -> dict[str, Any]:
    return {"momentum": momentum, "alpha": alpha}


def _betas(beta1: float, beta2: float) -> dict[str, Any]:
    return {"betas": (beta1, beta2)}


def _muon(momentum: float, beta1: float, beta2: float) -> dict[str, Any]:
    return {"momentum": momentum, "betas": (beta1, beta2)}


OPTIMIZERS: Final[Mapping[str, OptimizerRow]] = MappingProxyType(
    {
        # those of arXiv:1512.03385 on CIFAR: 0.1 for 128 images a step, here for the default of 64 (arXiv:1706.02677)
        "sgd": OptimizerRow(0.05, 1e-4, {"momentum": 0.9, "nesterov": None}, _sgd),
        # arXiv:1412.6980
        "adam": OptimizerRow(1e-3, 0.0, {"beta1": 0.9, "beta2": 0.999}, _adam),
        # PyTorch's
        "adamw": OptimizerRow(1e-3, 0.01, {"beta1": 0.9, "beta2": 0.999}, _adam),
        # Keras' learning rate
        "rmsprop": OptimizerRow(1e-3, 0.0, {"momentum": 0.9, "alpha": 0.99}, _rmsprop),
        # PyTorch's
        "adagrad": OptimizerRow(0.01, 0.0, {}, dict),
        # those of arXiv:2110.00476 (procedure A2): 5e-3 for 2,048 images a step, here for 64, by the square root (arXiv:1904.00962)
        "lamb": OptimizerRow(9e-4, 0.02, {"beta1": 0.9, "beta2": 0.999}, _betas),
        # a tenth of AdamW's rate and ten times its decay: arXiv:2302.06675, section 5
        "lion": OptimizerRow(1e-4, 0.1, {"beta1": 0.9, "beta2": 0.99}, _betas),
        # AdamW's, as arXiv:2502.16982 scales its steps
        "muon": OptimizerRow(1e-3, 0.01, {"momentum": 0.95, "beta1": 0.9, "beta2": 0.999}, _muon),
    }
)


@final
@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """None where the optimizer does not take the setting."""

    name: Annotated[str, Setting("optimizer", choices=tuple(OPTIMIZERS))] = "adamw"
    lr: Annotated[float, Setting("peak learning rate", 1e-8, 100)]
    weight_decay: Annotated[
        float,
        Setting(
            "weight decay (L2; decoupled in AdamW, Lion, LAMB and Muon), none on biases and norms",
            0,
            10,
            source="arXiv:1711.05101",
        ),
    ]
    momentum: Annotated[float | None, Setting("momentum of SGD, RMSprop and Muon", 0, 0.9999)] = None
    nesterov: Annotated[bool | None, Setting("Nesterov momentum of SGD, on with any momentum if left out")] = None
    beta1: Annotated[
        float | None,
        Setting(
            "decay of the first moment of Adam, LAMB, and AdamW beside Muon; share of the momentum in a step of Lion",
            0,
            0.9999,
            source="arXiv:1412.6980",
        ),
    ] = None
    beta2: Annotated[
        float | None,
        Setting(
            "decay of the second moment of Adam, LAMB, and AdamW beside Muon; decay of the momentum of Lion",
            0,
            0.99999,
            source="arXiv:1412.6980",
        ),
    ] = None
    alpha: Annotated[float | None, Setting("smoothing constant of RMSprop", 0, 0.99999)] = None

    def __post_init__(self) -> None:
        if self.nesterov and not self.momentum:
            raise SettingError("nesterov = true: needs a momentum above 0; leave nesterov out, or give momentum = 0.9")


@final
@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    epochs: Annotated[int, Setting("passes over the training images, 0 for none", 0, 100_000)] = 20
    batch_size: Annotated[int, Setting("images per batch", 1, 65_536)] = 64
    accumulate: Annotated[int, Setting("gradient accumulation, batches per optimizer step", 1, 4096)] = 1
    clip_grad_norm: Annotated[float, Setting("gradient-norm clipping, 0 for none", 0)] = 0.0
    l1: Annotated[
        float,
        Setting("L1 penalty, none on biases and norms; the losses that are shown are without it, 0 for none", 0, 10),
    ] = 0.0
    sam: Annotated[
        float,
        Setting(
            "neighborhood size (rho) of SAM around any optimizer, two passes a step, typically 0.05, 0 for none",
            0,
            10,
            source="arXiv:2010.01412",
        ),
    ] = 0.0
    ema: Annotated[float, Setting("decay of an exponential moving average of the weights, 0 for none", 0, 0.99999)] = (
        0.0
    )
    keep: Annotated[
        str,
        Setting(
            "epoch whose weights are kept; auto is the last one, or the head on frozen features where that is surely better",
            choices=("best", "last", "auto"),
        ),
    ] = "best"
    patience: Annotated[int, Setting("early stopping, epochs without improvement, 0 for none", 0, 100_000)] = 0
    checkpoint_every: Annotated[int, Setting("batches between checkpoints, 0 for one each epoch", 0)] = 0
    seed: Annotated[int, Setting("random seed", 0, 2**31 - 1)] = 0

    def __post_init__(self) -> None:
        if self.sam and self.accumulate > 1:
            raise SettingError(
                f"sam = {self.sam:g}: does not go with accumulate = {self.accumulate}, as both passes of SAM are of one batch; "
                "give accumulate = 1 and a larger batch_size, or sam = 0"
            )


@final
@dataclass(frozen=True, kw_only=True)
class TransferSettings:
    """Transfer learning: where the weights come from, and which of them are trained."""

    weights: Annotated[
        str,
        Setting("initial weights: none (random initialization), imagenet, a weights file, or a run"),
    ] = "none"
    head: Annotated[
        str,
        Setting(
            "head on the features; linear, the network's own layer, is fitted as logistic is; others are for one class an image",
            choices=tuple(HEADS),
            source="prototype: arXiv:1703.05175",
        ),
    ] = "linear"
    download: Annotated[bool, Setting("download published weights that are not on this machine")] = False
    freeze: Annotated[
        int | str,
        Setting(
            "frozen layers, by number of stages from the input or by name; auto: by the number of images",
            0,
            1000,
            choices=("all", "none", "auto"),
            source="arXiv:1411.1792",
        ),
    ] = "none"
    unfreeze_every: Annotated[
        int,
        Setting(
            "gradual unfreezing, epochs until one more stage is trained, 0 for never",
            0,
            100_000,
            source="arXiv:1801.06146",
        ),
    ] = 0
    layer_decay: Annotated[
        float,
        Setting(
            "layer-wise learning-rate decay, factor for each stage toward the input, 1 for none",
            0,
            1,
            source="arXiv:2106.08254",
        ),
    ] = 1.0
    freeze_batch_norm: Annotated[
        bool, Setting("batch norm keeps the statistics of the initial weights, instead of those of each batch")
    ] = False


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
