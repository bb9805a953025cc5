"""The loss of a run: that of the task of its data, or the one that is typed, where it is for that task."""

from dataclasses import replace

from striate.errors import SettingError
from striate.tasks.settings import LOSS_TAKES, LOSSES, losses_for
from striate.training.recipe import ResolvedRecipe, set_by_choice

__all__ = ["resolve_loss"]


def resolve_loss(settings: ResolvedRecipe, task: str) -> ResolvedRecipe:
    """The settings with the loss of the task. Raises SettingError for one of another task, and for a setting that it does not take.

    Settings of a recipe that the loss does not take are left out: the recipe was written for another task.
    """
    recipe, chosen = settings.recipe, settings.recipe.loss.name
    if not losses_for(task):  # of a task that data are drawn for, and not trained
        return settings
    name = chosen or losses_for(task)[0]
    if task not in LOSSES[name].tasks:
        raise SettingError(
            f"loss = {name}: is for {' and '.join(LOSSES[name].tasks)}, and the data are for {task}, "
            f"which takes {', '.join(losses_for(task))}"
        )
    takes, values = LOSSES[name].takes, recipe.values()
    usual = LOSS_TAKES[None]
    typed = [one for one in set_by_choice("loss") if settings.origins[one] == "user" and one not in takes]
    if wrong := [one for one in typed if values.get(one) != usual.get(one)]:
        raise SettingError(
            f"{wrong[0]} = {values[wrong[0]]}: the loss {name} of the task {task} does not take it"
            + (f"; it takes {', '.join(takes)}" if takes else "; leave it out")
        )
    kept = {one: values[one] for one in takes if one in values}
    origins = {**settings.origins, **({} if chosen else {"loss": "data"})}
    return replace(settings, recipe=recipe.with_values(loss=name, **kept), origins=origins)
