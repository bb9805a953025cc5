"""The settings of a recipe as options of a command; None means that the user gave none."""

from collections.abc import Mapping
from dataclasses import asdict, field, make_dataclass
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter

from striate.cli.whole_numbers import whole_number
from striate.training import READING, group_of, recipe_settings

# What most people need; the help shows it first, and all other settings by their groups.
FIRST: Final = ("model", "epochs", "batch_size", "lr", "augment", "size", "val", "test", "seed", "device")
HEADINGS: Final = {
    "first": "Most used settings",
    "model": "Model",
    "optimizer": "Optimizer",
    "schedule": "Learning-rate schedule",
    "training": "Training",
    "loss": "Loss",
    "augment": "Augmentation",
    "data": "Images and splits",
    "reading": "Reading the data",
    "machine": "Machine",
}


def _record(class_name: str, headings: Mapping[str, str]) -> type:
    """A record of options: `headings` gives the group of HEADINGS that each setting stands in."""
    options = []
    for name, heading in headings.items():
        declared = recipe_settings()[name]
        choices = declared.setting.choices
        option = Parameter(
            help=f"{declared.setting.meaning}: {', '.join(choices)}" if choices else declared.setting.meaning,
            group=Group(HEADINGS[heading], sort_key=list(HEADINGS).index(heading)),
            show_default=False,
            converter=whole_number if int in declared.kinds else None,
        )
        options.append((name, Annotated[declared.kind | None, option], field(default=None)))
    record = make_dataclass(class_name, options, kw_only=True)
    record.__module__ = __name__  # where cyclopts looks for the class
    return record


_GROUPS: Final = {name: group_of(name) for name in recipe_settings()}

Overrides: Any = _record(
    "Overrides", {**dict.fromkeys(FIRST, "first"), **{n: g for n, g in _GROUPS.items() if n not in FIRST}}
)
ReadingOverrides: Any = _record("ReadingOverrides", dict.fromkeys(READING, "reading"))
AugmentationOverrides: Any = _record(
    "AugmentationOverrides",
    {
        **dict.fromkeys(("augment", "size", "seed"), "first"),
        **{n: g for n, g in _GROUPS.items() if g in ("augment", "reading") and n != "augment"},
        **dict.fromkeys(("background", "fit"), "data"),
    },
)


def given(overrides: Any) -> dict[str, Any]:
    """The settings that the user gave; `overrides` is one of the records, or None where there is none."""
    return {} if overrides is None else {name: value for name, value in asdict(overrides).items() if value is not None}
