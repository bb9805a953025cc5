"""A recipe: every setting of a training run, in groups that are declared where they are used.

A value that the user typed wins over the named recipe, which wins over what the data suggest, which wins over the default.
`resolve` does that and remembers where each value came from. A setting has one name everywhere, on the command line, in
Python and in messages: that of its field, and of its group where the field is `name` (`--optimizer` is `optimizer.name`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final, final, get_type_hints

from striate.data.settings import DataSettings
from striate.errors import SettingError, close_names, nearest
from striate.models.settings import ModelSettings
from striate.settings import DeclaredSetting, declared_settings
from striate.sources.settings import ReadingSettings
from striate.tasks.settings import LOSS_TAKES, LossSettings
from striate.training.schedules import SCHEDULES, ScheduleSettings, refuse_unfinished
from striate.training.settings import OPTIMIZERS, MachineSettings, OptimizerSettings, TrainingSettings, TransferSettings
from striate.training.transfer_conflicts import by_head, overruled, refuse_conflicts, refuse_without_effect
from striate.views.settings import POLICY_TAKES, Policy

__all__ = [
    "READING",
    "NamedRecipe",
    "Recipe",
    "ResolvedRecipe",
    "group_of",
    "recipe_settings",
    "resolve",
    "used_by_epochs",
]

# Group -> choice -> the settings that it takes, with its own defaults.
TAKES: Final[Mapping[str, Mapping[Any, Mapping[str, Any]]]] = MappingProxyType(
    {
        "augment": POLICY_TAKES,
        "loss": LOSS_TAKES,
        "optimizer": {name: row.defaults for name, row in OPTIMIZERS.items()},
        "schedule": {name: row.takes for name, row in SCHEDULES.items()},
    }
)
MOST_NAMED: Final = 12  # settings in a message


@final
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a run; `Recipe.of(epochs=3)` makes one. None is written "auto": data, machine or network decide."""

    model: ModelSettings
    transfer: TransferSettings
    reading: ReadingSettings
    data: DataSettings
    augment: Policy
    loss: LossSettings
    optimizer: OptimizerSettings
    schedule: ScheduleSettings
    training: TrainingSettings
    machine: MachineSettings

    def __post_init__(self) -> None:
        refuse_conflicts(self.transfer, self.training.epochs, self.augment, self.loss)
        refuse_unfinished(self.schedule, self.training.epochs)

    @classmethod
    def of(cls, **values: Any) -> "Recipe":
        """A recipe of these values and the defaults.

        Raises SettingError for an unknown name, a wrong type, an unknown choice, a value out of range, and a setting that
        the optimizer, schedule or policy does not take.
        """
        declared = recipe_settings()
        for name in values:
            require_known(name)
        by_choice = {name for group in TAKES for name in set_by_choice(group)}
        given = {name: value for name, value in values.items() if not (name in by_choice and _is_left_out(value))}
        defaults = {name: one.default for name, one in declared.items()} | by_head(values)
        for group in TAKES:
            choice = declared[group].check(_choice(values, group), group)
            defaults |= taken_by(group, choice)
            for name in set_by_choice(group):
                if name in given and name not in taken_by(group, choice):
                    declared[name].check(given[name], name)
                    raise SettingError(_not_taken(group, choice, name))
        checked = {name: one.check(given.get(name, defaults[name]), name) for name, one in declared.items()}
        records: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
        for name, value in checked.items():
            records[group_of(name)][declared[name].field] = value
        return cls(**{group: GROUPS[group](**record) for group, record in records.items()})

    def values(self) -> dict[str, Any]:
        """Name -> value of every setting that is taken, in the order of the groups."""
        return {
            name: getattr(getattr(self, group_of(name)), one.field)
            for name, one in recipe_settings().items()
            if self.takes(name)
        }

    def takes(self, name: str) -> bool:
        """Whether the optimizer, schedule or policy takes the setting; settings of other groups always count."""
        group = group_of(name)
        return name not in set_by_choice(group) or name in taken_by(group, getattr(self, group).name)

    def with_values(self, **values: Any) -> "Recipe":
        """The recipe with some values replaced; another optimizer, schedule or policy begins with its own defaults."""
        changed = [name for group in TAKES if group in values for name in set_by_choice(group)]
        return Recipe.of(**{**{name: value for name, value in self.values().items() if name not in changed}, **values})


GROUPS: Final[Mapping[str, type]] = MappingProxyType(get_type_hints(Recipe))
READING: Final = tuple(declared_settings(ReadingSettings))  # the settings that say how data are read


@final
@dataclass(frozen=True)
class ResolvedRecipe:
    """A recipe and where each value came from: "user", "recipe NAME", "weights", "data", "machine" or "default".

    `reasons` are lines for a person on what the data decided.
    """

    recipe: Recipe
    origins: Mapping[str, str]
    reasons: tuple[str, ...] = ()

    def by_recipe(self, group: str) -> dict[str, Any]:
        """The settings of a group that come from a named recipe."""
        return {
            name: value
            for name, value in self.recipe.values().items()
            if group_of(name) == group and self.origins[name].startswith("recipe ")
        }

    def with_defaults(self, origin: str, **values: Any) -> "ResolvedRecipe":
        """The same with `values` where nothing was chosen."""
        now = self.recipe.values()
        missing = {n: value for n, value in values.items() if _is_left_out(now[n]) or self.origins[n] == "default"}
        return replace(
            self,
            recipe=self.recipe.with_values(**missing),
            origins={**self.origins, **dict.fromkeys(missing, origin)},
        )

    def with_origins(self, origin: str, names: Iterable[str]) -> "ResolvedRecipe":
        """The same, where these values came from elsewhere."""
        return replace(self, origins={**self.origins, **dict.fromkeys(names, origin)})

    def with_reason(self, reason: str) -> "ResolvedRecipe":
        """The same with one more line; none where it is empty."""
        return replace(self, reasons=(*self.reasons, reason)) if reason else self


@final
@dataclass(frozen=True)
class NamedRecipe:
    """Settings under a name, with the result that they reached, the time that it took, and the data that they are for."""

    name: str
    settings: Mapping[str, Any]
    reaches: str
    purpose: str = ""


@cache
def recipe_settings() -> Mapping[str, DeclaredSetting]:
    """Name -> declaration of every setting, in the order of the groups."""
    return MappingProxyType({name: one for name, (_, one) in _grouped().items()})


def _is_left_out(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value == "auto")


def group_of(name: str) -> str:
    """The group of a setting."""
    return _grouped()[name][0]


@cache
def _grouped() -> Mapping[str, tuple[str, DeclaredSetting]]:
    return MappingProxyType(
        {
            group if field == "name" else field: (group, one)
            for group, record in GROUPS.items()
            for field, one in declared_settings(record).items()
        }
    )


# What other libraries, and earlier versions, call a setting.
ALSO_CALLED: Final = MappingProxyType(
    {
        "learning_rate": "lr",
        "wd": "weight_decay",
        "bs": "batch_size",
        "grad_clip": "clip_grad_norm",
        "clip": "clip_grad_norm",
        "pretrained": "weights",
        "pictures": "image_root",
        "enough": "learning_curve",  # of `check`
        "workers": "threads",
        "image_size": "size",
        "imgsz": "size",
        "val_split": "val",
        "class_weights": "balance",
        "amp": "precision",
        "gpu": "device",
        "early_stopping": "patience",
        "num_workers": "threads",
    }
)


def also_called(name: str) -> str | None:
    """The setting that goes by this name elsewhere, or nearly by this long one; None where a setting's own name is as near."""
    names = [one for one in close_names(name, [*ALSO_CALLED, *recipe_settings()]) if len(one) > 6 or one == name]
    return ALSO_CALLED.get(names[0]) if names else None


def require_known(name: str) -> None:
    """SettingError with the setting that is meant, or the nearest names, where no setting has this one."""
    if name not in recipe_settings() and (meant := also_called(name)):
        raise SettingError(f"no setting is called {name!r}; use {meant}")
    if name not in recipe_settings():
        raise SettingError(f"no setting is called {name!r}{nearest(name, recipe_settings())}")


def taken_by(group: str, choice: str) -> Mapping[str, Any]:
    """The settings that a choice of optimizer, schedule or policy takes, with its own defaults."""
    return TAKES[group][choice]


def set_by_choice(group: str) -> list[str]:
    """The settings of a group whose default is a matter of the choice, or that not all choices take."""
    return list(dict.fromkeys(name for takes in TAKES.get(group, {}).values() for name in takes))


def _not_taken(group: str, choice: str, name: str) -> str:
    takers = ["auto" if one is None else one for one, takes in TAKES[group].items() if name in takes]
    of_all = [one for one in recipe_settings() if group_of(one) == group and one not in set_by_choice(group)]
    takes = [one for one in (*of_all, *taken_by(group, choice)) if one != group]
    others = [one for one in set_by_choice(group) if one not in takes]
    listed = ", ".join(takes) if len(takes) <= MOST_NAMED else f"all settings of [{group}] but {', '.join(others)}"
    return f"{group} = {choice} does not take {name}; it takes {listed}; {name} is for {', '.join(takers)}"


def resolve(user: Mapping[str, Any], named: NamedRecipe) -> ResolvedRecipe:
    """Layer what the user typed over the named recipe, over the defaults.

    Another optimizer, schedule or policy than the recipe's begins with its own defaults: the recipe's learning rate was
    chosen for the recipe's optimizer.
    """
    for name in user:
        require_known(name)
    try:
        Recipe.of(**named.settings)
    except SettingError as error:
        raise SettingError(f"recipe {named.name}: {error}") from None
    left = {*_left_behind(named.settings, user), *overruled(user)}
    kept = {name: value for name, value in named.settings.items() if name not in left}
    if "tta" in kept and not Recipe.of(**{**kept, **user}).augment.flip:
        del kept["tta"]  # it is for a network that is trained with flips
    origins = {
        **dict.fromkeys(recipe_settings(), "default"),
        **dict.fromkeys(kept, f"recipe {named.name}"),
        **dict.fromkeys(user, "user"),
    }
    recipe = Recipe.of(**{**kept, **user})
    refuse_without_effect(user, used_by_epochs(), recipe.transfer, recipe.training.epochs)
    settings = ResolvedRecipe(recipe, origins)
    if recipe.training.epochs or origins["epochs"] != "default":
        return settings
    return settings.with_reason(
        f"tuning:  none, epochs = 0: a {recipe.transfer.head} head is fitted on features and not trained further"
    )


@cache
def used_by_epochs() -> Mapping[str, Any]:
    """The settings that only an epoch of training uses, each with the value that asks for none: mostly its default."""
    groups = ("augment", "optimizer", "schedule", "training", "transfer")
    others = ("epochs", "seed", "weights", "head", "download")
    names = [name for name in recipe_settings() if group_of(name) in groups and name not in others]
    defaults = {name: recipe_settings()[name].default for name in [*names, "label_smoothing", "dropout"]}
    return {**defaults, "freeze": "all"}


def without_own_defaults(values: Mapping[str, Any], origins: Mapping[str, str]) -> dict[str, Any]:
    """The settings of a run, without those that its optimizer, schedule or policy decided by itself.

    A new run decides them anew: with another choice, or for data whose classes a flip exchanges.
    """
    own = {name: value for group in TAKES for name, value in TAKES[group].get(str(_choice(values, group)), {}).items()}
    return {
        name: value
        for name, value in values.items()
        if not (name in own and own[name] in (None, value) and origins[name] in ("default", "data"))
    }


def _left_behind(settings: Mapping[str, Any], user: Mapping[str, Any]) -> list[str]:
    """The names in `settings` that belong to an optimizer, schedule or policy which the user replaces by another."""
    replaced = [group for group in TAKES if group in user and user[group] != _choice(settings, group)]
    return [name for group in replaced for name in set_by_choice(group) if name in settings]


def _choice(settings: Mapping[str, Any], group: str) -> Any:
    return settings.get(group, recipe_settings()[group].default)
