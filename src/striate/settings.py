"""What a setting is: a field of a frozen record, annotated with its meaning, its range and its choices.

Each room declares the settings that it uses in a record of its own; `striate.training.Recipe` puts the records together.

    lr: Annotated[float, Setting("peak learning rate", 1e-8, 100)] = 1e-3
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from numbers import Real
from types import MappingProxyType, NoneType
from typing import Any, TypeVar, final, get_args, get_origin, get_type_hints

from striate.errors import SettingError, close_names

__all__ = ["DeclaredSetting", "Setting", "annotations", "declared_settings"]

Kind = TypeVar("Kind")

KINDS = MappingProxyType(
    {int: "a whole number", float: "a number", str: "text", bool: "true or false", NoneType: "auto"}
)


@final
@dataclass(frozen=True)
class Setting:
    """The meaning of a setting in one line, the values that it takes, and the paper that it comes from.

    `renamed` are choices of earlier versions, each with its name today.
    """

    meaning: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    source: str = ""
    renamed: tuple[tuple[str, str], ...] = ()


@final
@dataclass(frozen=True)
class DeclaredSetting:
    """A setting of a record: `kind` is its type, a union with None where "auto" leaves the choice open."""

    field: str
    kind: Any
    default: Any  # dataclasses.MISSING where the choice of another setting decides it
    setting: Setting

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types that a value may have."""
        return get_args(self.kind) if get_origin(self.kind) else (self.kind,)

    @property
    def meaning(self) -> str:
        """The meaning and its source, for the files and the pages that a run leaves."""
        return f"{self.setting.meaning} ({self.setting.source})" if self.setting.source else self.setting.meaning

    def check(self, value: Any, name: str | None = None) -> Any:
        """The value as the record keeps it. A wrong type, an unknown choice or a value out of range is a SettingError.

        `name` is what the message calls the setting, the field's name if left out.
        """
        name, setting = name or self.field, self.setting
        what = "" if setting.meaning == name else f" ({setting.meaning.replace(' (', ', ').replace(')', '')})"
        if NoneType in self.kinds and value in (None, "auto"):
            return None
        value = _as_number(value, self.kinds)
        if type(value) not in self.kinds:
            expected = " or ".join(KINDS[kind] for kind in self.kinds)
            raise SettingError(f"{name} = {_shown(value)}: takes {expected}{what}")
        if (today := dict(setting.renamed).get(str(value))) is not None:
            raise SettingError(f"{name} = {value!r}: is called {today} now; use {today}")
        if setting.choices and value not in setting.choices:
            close = close_names(value, setting.choices)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise SettingError(f"{name} = {value!r}: takes one of {', '.join(setting.choices)}{what}{meant}")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and not (setting.low <= value <= setting.high and math.isfinite(value)):
            low, high = _shown(setting.low), _shown(setting.high)
            limits = f"at least {low}" if setting.high == math.inf else f"{low} to {high}"
            raise SettingError(f"{name} = {_shown(value)}: out of range, takes {limits}{what}")
        return value


def _shown(value: Any) -> str:
    """A value as a recipe's file has it."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case _:
            return repr(value)


@cache
def declared_settings(record: type) -> Mapping[str, DeclaredSetting]:
    """Field -> its declaration, of all fields of a record of settings, in their order."""
    settings = annotations(record, Setting)
    return MappingProxyType(
        {
            f.name: DeclaredSetting(f.name, _annotated(record)[f.name][0], f.default, settings[f.name])
            for f in fields(record)
        }
    )


def annotations(record: type, kind: type[Kind]) -> Mapping[str, Kind]:
    """Field -> its annotation of this kind, of the fields of a record that have one, in their order."""
    return MappingProxyType(
        {name: one for name, found in _annotated(record).items() for one in found if isinstance(one, kind)}
    )


@cache
def _annotated(record: type) -> Mapping[str, tuple[Any, ...]]:
    """Field -> its type and all of its annotations."""
    hints = get_type_hints(record, include_extras=True)
    return {f.name: get_args(hints[f.name]) for f in fields(record)}


def _as_number(value: Any, kinds: tuple[Any, ...]) -> Any:
    """Numbers of any library as Python's own, and 2 or 2.0 as the kind that is asked for; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    try:
        number = float(value)
    except OverflowError:  # of a whole number with hundreds of digits, which is out of any range
        return value
    if float in kinds:
        return number
    return int(number) if int in kinds and number.is_integer() else value
