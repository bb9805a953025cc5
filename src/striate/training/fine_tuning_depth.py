"""How far to fine-tune: a rule on the number of training images, where freeze is left to the data. No test image is asked.

With few images of a class the head on frozen features is as good as it gets, and without validation images nothing
would tell whether fine-tuning made it worse. The last epoch of the recipe `photos` against that head, in 5 folds: -2.1
points (standard error 1.3) and 0.0 (1.5) with 10 images a class, and +2.1 and +3.4 points with 26 and 31 in the median class: of
drawings and photographs in 8 classes, and of drawings in 12. Where between 10 and 26 the gain begins is a judgment,
and so is the same number for several labels, and for all images of data with numbers.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median_low
from typing import Final

from striate.errors import SettingError
from striate.number_format import count
from striate.training.recipe import ResolvedRecipe, used_by_epochs

__all__ = ["fine_tune_at_once", "resolve_fine_tuning"]

FEWEST_IMAGES: Final = 25  # for training, of the median class, or in all where there are no classes
FROZEN_STAGES: Final = 2  # from the input, with their stem


def resolve_fine_tuning(
    settings: ResolvedRecipe, class_counts: Sequence[int], images: int, validation_images: int, stages: int
) -> ResolvedRecipe:
    """Decide `freeze`, and whether there are any epochs where the user typed nothing that only they use, with the reason.

    A typed `freeze` stays. class_counts: training images of each class; of numbers, none. images: for training. stages: of the
    network, of which one is trained at least.
    """
    recipe = settings.recipe
    if recipe.transfer.freeze != "auto":
        return settings
    if recipe.transfer.weights == "none":
        return settings.with_defaults("data", freeze="none")
    typical = median_low(class_counts) if class_counts else images
    data = count(typical, "training image") + (" in the median class" if class_counts else "")
    if not recipe.training.epochs:
        return settings.with_defaults("data", freeze="all")
    values, unused = recipe.values(), used_by_epochs()
    typed = [name for name in values if settings.origins[name] == "user" and name != "freeze"]
    is_asked = any(name == "epochs" or values[name] != unused.get(name, values[name]) for name in typed)
    if not is_asked and (typical < FEWEST_IMAGES or not validation_images):
        reason = f"{data}, fewer than {FEWEST_IMAGES}" if typical < FEWEST_IMAGES else "no validation images judge more"
        alone = replace(
            settings,
            recipe=recipe.with_values(epochs=0, freeze="all", unfreeze_every=0),
            origins={**settings.origins, **dict.fromkeys(("epochs", "freeze", "unfreeze_every"), "data")},
        )
        return alone.with_reason(
            f"tuning:  none, the head alone: {reason}; epochs = {recipe.training.epochs} fine-tunes"
        )
    frozen = max(0, min(FROZEN_STAGES, stages - 1))
    reason = "since it is asked for" if is_asked else f"for {data}"
    layers = _layers(frozen, stages, recipe.transfer.unfreeze_every, recipe.training.epochs)
    return settings.with_defaults("data", freeze=frozen).with_reason(
        f"tuning:  {layers}, {count(recipe.training.epochs, 'epoch')}, {reason}; epochs = 0 gives the head alone"
    )


def fine_tune_at_once(settings: ResolvedRecipe, task: str, stages: int) -> ResolvedRecipe:
    """Decide `freeze` where no head is fitted on features first. Raises SettingError for settings that need such a head."""
    recipe = settings.recipe
    if recipe.transfer.head != "linear":
        raise SettingError(f"head = {recipe.transfer.head}: is not for {task}; give head = linear, or leave it out")
    if recipe.training.epochs == 0:
        raise SettingError(
            f"epochs = 0: would fit a head on features, and there is none for {task}; give epochs of 1 or more"
        )
    if recipe.transfer.freeze != "auto":
        return settings
    if recipe.transfer.weights == "none":
        return settings.with_defaults("data", freeze="none")
    frozen = max(0, min(FROZEN_STAGES, stages - 1))
    layers = _layers(frozen, stages, recipe.transfer.unfreeze_every, recipe.training.epochs)
    return settings.with_defaults("data", freeze=frozen).with_reason(
        f"tuning:  {layers}, {count(recipe.training.epochs, 'epoch')}, from weights with a new last layer"
    )


def _layers(frozen: int, stages: int, unfreeze_every: int, epochs: int) -> str:
    """What is frozen, and until when, see `first_epochs`."""
    if not frozen:
        return "all layers"
    at_first = f"stem and {frozen} of {count(stages, 'stage')} frozen"
    if not unfreeze_every:
        return at_first
    left = frozen - (epochs - 1) // unfreeze_every
    how = "each epoch" if unfreeze_every == 1 else f"every {unfreeze_every} epochs"
    end = f"stem and {left} to the end" if left > 0 else f"none from epoch {1 + frozen * unfreeze_every}"
    return f"{at_first} at first, one stage fewer {how}, {end}"
