"""Schedules: the learning rate as a pure function of where the training stands, so that resuming needs no state."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, final

from striate.errors import SettingError
from striate.number_format import count
from striate.settings import Setting

__all__ = ["SCHEDULES", "ScheduleRow", "ScheduleSettings", "learning_rate", "refuse_unfinished"]

ROUNDING: Final = 1e-6  # of a share of the training: far below a step, or an epoch


@final
@dataclass(frozen=True)
class Position:
    """Where the training stands."""

    share: float  # done of what follows the warmup, 0..1
    epoch: int
    after_warmup: int  # steps, whole, so that periods begin exactly where they are to
    steps_an_epoch: int
    val_losses: Sequence[float]  # of the epochs that are over


@final
@dataclass(frozen=True)
class ScheduleRow:
    """A schedule: its factor on the peak learning rate after the warmup, and the settings that it takes with their defaults.

    `factor` is called with the position and those settings, the warmup excepted.
    """

    factor: Callable[..., float]
    takes: Mapping[str, Any]


def _constant(_: Position) -> float:
    return 1.0


def _step(at: Position, decay: float, decay_epochs: int) -> float:
    return decay ** (at.epoch // decay_epochs)


def _exponential(at: Position, decay: float) -> float:
    return decay**at.epoch


def _linear(at: Position) -> float:
    return 1 - at.share


def _cosine(at: Position) -> float:
    return _between(1.0, 0.0, at.share)


def _one_cycle(at: Position) -> float:
    return _between(1.0, 1e-4, at.share)


def _cosine_restarts(at: Position, restart_epochs: int, restart_factor: int) -> float:
    """Loshchilov and Hutter 2016, arXiv:1608.03983, equation 5, to zero."""
    period, steps = restart_epochs * at.steps_an_epoch, at.after_warmup
    while restart_factor > 1 and steps >= period:
        steps, period = steps - period, period * restart_factor
    return _between(1.0, 0.0, steps % period / period)


def _cyclic(at: Position, half_cycle_epochs: int, min_lr_share: float) -> float:
    """Smith 2015, arXiv:1506.01186, section 3.1: the triangular policy."""
    return 1 - (1 - min_lr_share) * abs(at.after_warmup / (half_cycle_epochs * at.steps_an_epoch) % 2 - 1)


def _plateau(at: Position, decay: float, decay_epochs: int) -> float:
    return decay ** plateaus(at.val_losses, decay_epochs)


SCHEDULES: Final[Mapping[str, ScheduleRow]] = MappingProxyType(
    {
        "constant": ScheduleRow(_constant, {"warmup": 0.0}),
        "step": ScheduleRow(_step, {"warmup": 0.0, "decay": 0.1, "decay_epochs": 5}),
        # a factor each epoch: 4 % of the peak is left after 30
        "exponential": ScheduleRow(_exponential, {"warmup": 0.0, "decay": 0.9}),
        "linear": ScheduleRow(_linear, {"warmup": 0.0}),
        "cosine": ScheduleRow(_cosine, {"warmup": 0.0}),
        # the shortest first period of the paper's longer runs; 20 epochs, the default, end with the second one
        "cosine_restarts": ScheduleRow(_cosine_restarts, {"warmup": 0.0, "restart_epochs": 10, "restart_factor": 1}),
        # the paper: half a cycle of 2 to 10 epochs, from a third or a fourth of the peak
        "cyclic": ScheduleRow(_cyclic, {"warmup": 0.0, "half_cycle_epochs": 2, "min_lr_share": 0.25}),
        "one_cycle": ScheduleRow(_one_cycle, {"warmup": 0.25}),
        "plateau": ScheduleRow(_plateau, {"warmup": 0.0, "decay": 0.1, "decay_epochs": 5}),
    }
)


@final
@dataclass(frozen=True, kw_only=True)
class ScheduleSettings:
    """None where the schedule does not take the setting."""

    name: Annotated[str, Setting("learning-rate schedule", choices=tuple(SCHEDULES))] = "one_cycle"
    warmup: Annotated[float | None, Setting("learning-rate warmup, share of the training steps", 0, 0.9)] = None
    decay: Annotated[
        float | None, Setting("learning-rate factor (gamma) of step, exponential and plateau", 0.001, 1)
    ] = None
    decay_epochs: Annotated[
        int | None, Setting("epochs between steps (step), or without improvement (plateau)", 1, 100_000)
    ] = None
    restart_epochs: Annotated[
        int | None,
        Setting("epochs of the first period (T_0) of cosine_restarts", 1, 100_000, source="arXiv:1608.03983"),
    ] = None
    restart_factor: Annotated[
        int | None,
        Setting("factor of each next period (T_mult) of cosine_restarts", 1, 100, source="arXiv:1608.03983"),
    ] = None
    half_cycle_epochs: Annotated[
        int | None,
        Setting("epochs of half a cycle (step size) of cyclic", 1, 100_000, source="arXiv:1506.01186"),
    ] = None
    min_lr_share: Annotated[
        float | None, Setting("lowest learning rate of cyclic, share of the peak", 0, 1, source="arXiv:1506.01186")
    ] = None


def learning_rate(
    settings: ScheduleSettings,
    peak: float,
    *,
    step: int,
    steps_an_epoch: int,
    epochs: int,
    val_losses: Sequence[float],
) -> float:
    """The learning rate of one step.

    `step` counts from 0 over the whole training; `val_losses` are those of the epochs that are over (plateau reads them).
    `one_cycle` rises by a cosine to the peak and falls by a cosine to nothing (Smith and Topin 2018, arXiv:1708.07120);
    the others rise linearly during `warmup` to the rate that they begin with, and periods and cycles begin after it.
    """
    row = SCHEDULES[settings.name]
    taken = {name: getattr(settings, name) for name in row.takes}
    warmup = taken.pop("warmup")
    done = step / (epochs * steps_an_epoch)
    first_after_warmup = math.ceil(warmup * epochs * steps_an_epoch - ROUNDING)
    if step < first_after_warmup:
        if settings.name == "one_cycle":
            return peak * _between(1 / 25, 1.0, done / warmup)
        first = row.factor(Position(0.0, 0, 0, steps_an_epoch, ()), **taken)
        return peak * first * (step + 1) / (warmup * epochs * steps_an_epoch + 1)
    share, after = max(0.0, (done - warmup) / (1 - warmup)), step - first_after_warmup
    return peak * row.factor(Position(share, step // steps_an_epoch, after, steps_an_epoch, val_losses), **taken)


def refuse_unfinished(settings: ScheduleSettings, epochs: int) -> None:
    """Raise SettingError for a first period, or half a cycle, that is longer than the training after the warmup."""
    left = epochs * (1 - (settings.warmup or 0.0)) + ROUNDING
    for name in ("restart_epochs", "half_cycle_epochs"):
        length = getattr(settings, name)
        if length is not None and epochs and left < length:
            training = (
                f"the training after its warmup, {math.floor(left * 100) / 100:g} of {count(epochs, 'epoch')}"
                if settings.warmup
                else f"the training, {count(epochs, 'epoch')}"
            )
            ways = [
                *([f"{int(left)} or less"] if left >= 1 else []),
                "more epochs",
                *(["a shorter warmup"] if settings.warmup else []),
            ]
            raise SettingError(f"{name} = {length}: is longer than {training}; give {', or '.join(ways)}")


def plateaus(losses: Sequence[float], patience: int) -> int:
    """How many times the loss went `patience` epochs without a new best."""
    best, waited, count = math.inf, 0, 0
    for loss in losses:
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
        if waited == patience:
            waited, count = 0, count + 1
    return count


def _between(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
