"""Settings of transfer learning that do not go together, or not with those of other groups."""

from collections.abc import Mapping
from typing import Any, Final

from striate.errors import SettingError
from striate.models.head_kinds import HEADS
from striate.number_format import count
from striate.settings import annotations
from striate.tasks.settings import LossSettings
from striate.training.settings import TransferSettings
from striate.views.settings import Mixing, Policy

__all__ = ["by_head", "overruled", "refuse_conflicts", "refuse_without_effect"]

WITHOUT_GRADIENT: Final = tuple(name for name, kind in HEADS.items() if not kind.trainable)
MIXING: Final = tuple(annotations(Policy, Mixing))
GIVE_WEIGHTS: Final = "give weights = imagenet, a weights file or a run"


def refuse_conflicts(transfer: TransferSettings, epochs: int, augment: Policy, loss: LossSettings) -> None:
    """Raise SettingError, with the way out, for settings that do not go together."""
    if transfer.unfreeze_every and transfer.freeze in ("none", 0):
        raise SettingError(
            f"unfreeze_every = {transfer.unfreeze_every}: no layer is frozen; "
            "give freeze = all or a number of stages, or leave unfreeze_every out"
        )
    if 0 < epochs <= transfer.unfreeze_every:
        raise SettingError(
            f"unfreeze_every = {transfer.unfreeze_every}: nothing is unfrozen in {count(epochs, 'epoch')}; "
            "give a smaller one or more epochs, or leave it out"
        )
    if transfer.weights == "none":
        _refuse_without_weights(transfer, epochs)
    if transfer.head in WITHOUT_GRADIENT:
        _refuse_without_gradient(transfer, epochs, augment, loss)


def refuse_without_effect(
    user: Mapping[str, Any], unused: Mapping[str, Any], transfer: TransferSettings, epochs: int
) -> None:
    """Raise SettingError for what the user typed and nothing uses.

    unused: the settings that only an epoch uses, each with the value that asks for nothing. transfer: with all of the recipe.
    """
    if user.get("download") and transfer.weights != "imagenet":
        raise SettingError(
            f"download = true: has no effect with weights = {transfer.weights}; leave it out, or give weights = imagenet"
        )
    if epochs and transfer.freeze == "all" and not transfer.unfreeze_every and user.get("layer_decay", 1) != 1:
        raise SettingError(
            f"layer_decay = {user['layer_decay']}: has no effect with freeze = all, which trains the classifier alone; "
            "leave it out, or give freeze = none, a number of stages, or unfreeze_every"
        )
    if epochs and transfer.freeze == "all" and not transfer.unfreeze_every and user.get("freeze_batch_norm"):
        raise SettingError(
            "freeze_batch_norm = true: has no effect with freeze = all, which keeps all statistics; leave it out"
        )
    typed = [name for name, neutral in unused.items() if name in user and user[name] not in (neutral, None, "auto")]
    if epochs == 0 and typed:
        named = ", ".join(f"{name} = {str(user[name]).lower()}" for name in typed)  # true, as a recipe has it
        are, it = ("have", "them") if len(typed) > 1 else ("has", "it")
        training = "head = linear" if transfer.head in WITHOUT_GRADIENT else "epochs of 1 or more"
        raise SettingError(
            f"{named}: {are} no effect with epochs = 0, which fits a head on the features of plain images; "
            f"leave {it} out, or give {training}"
        )


def _refuse_without_weights(transfer: TransferSettings, epochs: int) -> None:
    if epochs == 0:
        raise SettingError(
            f"epochs = 0: with weights = none nothing would be learned; {GIVE_WEIGHTS}, or epochs of 1 or more"
        )
    if transfer.freeze == "all":
        raise SettingError(
            f"freeze = all: with weights = none random features would stay; {GIVE_WEIGHTS}, or freeze = none"
        )
    if transfer.freeze_batch_norm:
        raise SettingError(
            f"freeze_batch_norm = true: with weights = none there are no statistics to keep; {GIVE_WEIGHTS}, or leave it out"
        )
    if transfer.head != "linear":
        raise SettingError(
            f"head = {transfer.head}: with weights = none it would be fitted on random features; "
            f"{GIVE_WEIGHTS}, or head = linear"
        )


def _refuse_without_gradient(transfer: TransferSettings, epochs: int, augment: Policy, loss: LossSettings) -> None:
    head = f"head = {transfer.head}"
    soft = {**{name: getattr(augment, name) for name in MIXING}, "label_smoothing": loss.label_smoothing}
    for name, value in soft.items():
        if value:
            raise SettingError(
                f"{name} = {value:g}: makes soft labels, and {head} takes one class an image; "
                f"give {name} = 0, or head = linear"
            )
    if loss.balance != "none":
        raise SettingError(
            f"balance = {loss.balance}: {head} takes no weights of classes; give balance = none, or head = linear, logistic or svm"
        )
    unused = [name for name, value in (("epochs", epochs), ("unfreeze_every", transfer.unfreeze_every)) if value]
    if unused:
        raise SettingError(
            f"{head}: is fitted on features and not trained further; leave {' and '.join(unused)} out, or give head = linear"
        )


def by_head(given: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults that the head decides: no epochs for one that is fitted on features and cannot be trained further."""
    is_fitted = given.get("head") in WITHOUT_GRADIENT and given.get("weights", "none") != "none"
    return {"epochs": 0} if is_fitted else {}


def overruled(user: Mapping[str, Any]) -> list[str]:
    """The settings of a named recipe that do not go with what the user typed, so that their defaults hold instead."""
    names: list[str] = []
    if user.get("head") in WITHOUT_GRADIENT:
        names += [*MIXING, "label_smoothing", "balance", "unfreeze_every", "epochs"]
    if user.get("weights") == "none":
        names += ["head", "freeze", "unfreeze_every", "layer_decay", "freeze_batch_norm"]
    if user.get("freeze") in ("none", 0):
        names += ["unfreeze_every"]
    return names
