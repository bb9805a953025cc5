"""The settings of a recipe as options of a command; None means that the user said nothing."""

from collections.abc import Mapping
from dataclasses import asdict, field, make_dataclass
from typing import Annotated, Any, get_args

from cyclopts import Group, Parameter

from striate.cli.whole_numbers import whole_number
from striate.training import READING, settings_taken

# The help shows the settings in these groups; each begins with the setting named here.
GROUPS = {
    "model": "Network and image",
    "epochs": "Steps",
    "weight_decay": "Regularization and stopping",
    "augment": "Augmentation",
    "source": "Data and machine",
}


def _grouped() -> Mapping[str, str]:
    """Setting -> its group, in the order of the recipe."""
    group, grouped = "", {}
    for name in settings_taken():
        group = GROUPS.get(name, group)
        grouped[name] = group
    return grouped


def _record(of: str, settings: Mapping[str, str]) -> type:
    rows = []
    for name, group in settings.items():
        kind, meaning = settings_taken()[name]
        says = f"{meaning.says}: {', '.join(meaning.choices)}" if meaning.choices else meaning.says
        shown = Parameter(
            help=says,
            group=Group(group, sort_key=list(GROUPS.values()).index(group) if group in GROUPS.values() else 0),
            show_default=False,
            converter=whole_number if int in (kind, *get_args(kind)) else None,
        )
        rows.append((name, Annotated[kind | None, shown], field(default=None)))
    record = make_dataclass(of, rows, kw_only=True)
    record.__module__ = __name__  # cyclopts looks a class up where it says it lives
    return record


Overrides: Any = _record("Overrides", _grouped())
ReadingOverrides: Any = _record("ReadingOverrides", dict.fromkeys(READING, "How the data are read"))
AugmentationOverrides: Any = _record(
    "AugmentationOverrides",
    {
        name: group
        for name, group in _grouped().items()
        if group == "Augmentation" or name in (*READING, "size", "seed")
    },
)


def said(overrides: Any) -> dict[str, Any]:
    """What the user said; `overrides` is one of the records, or None where nothing was."""
    return {} if overrides is None else {name: value for name, value in asdict(overrides).items() if value is not None}
