"""Schedules: the learning rate as a pure function of where the training stands, so that resuming needs no state."""

import math
from collections.abc import Sequence

from striate.training.recipe import Recipe


def learning_rate(recipe: Recipe, step: int, steps_an_epoch: int, val_losses: Sequence[float]) -> float:
    """The learning rate of one step.

    `step` counts from 0 over the whole training; `val_losses` are those of the epochs that are over (plateau reads them).
    `one_cycle` rises by a cosine to the peak and falls by a cosine to nothing (Smith and Topin 2018, arXiv:1708.07120);
    the others rise linearly during `warmup`.
    """
    done = step / (recipe.epochs * steps_an_epoch)
    epoch = step // steps_an_epoch
    rise = recipe.warmup or (0.25 if recipe.schedule == "one_cycle" else 0.0)
    if recipe.schedule == "one_cycle":
        if done < rise:
            return recipe.lr * _between(1 / 25, 1.0, done / rise)
        return recipe.lr * _between(1.0, 1e-4, (done - rise) / (1 - rise))
    if done < rise:
        return recipe.lr * (step + 1) / (rise * recipe.epochs * steps_an_epoch + 1)
    if recipe.schedule == "step":
        return recipe.lr * recipe.decay ** (epoch // recipe.decay_epochs)
    if recipe.schedule == "exponential":
        return recipe.lr * recipe.decay**epoch
    if recipe.schedule == "linear":
        return recipe.lr * (1 - (done - rise) / (1 - rise))
    if recipe.schedule == "cosine":
        return recipe.lr * _between(1.0, 0.0, (done - rise) / (1 - rise))
    if recipe.schedule == "plateau":
        return recipe.lr * recipe.decay ** plateaus(val_losses, recipe.decay_epochs)
    return recipe.lr


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
