"""The TOML file of a recipe: a table for each group of settings, and the table [origin] with where each value came from."""

import json
import tomllib
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from striate.errors import SettingError, nearest
from striate.training.recipe import (
    GROUPS,
    NamedRecipe,
    ResolvedRecipe,
    group_of,
    recipe_settings,
    require_known,
    resolve,
)

__all__ = ["SettingRow", "named_as_toml", "read_toml", "setting_rows", "to_toml", "toml_value"]


class SettingRow(NamedTuple):
    """A setting for a person; `origin` is that of a ResolvedRecipe."""

    group: str
    name: str
    value: str | int | float | bool | None  # None is "auto"
    origin: str
    meaning: str


def to_toml(resolved: ResolvedRecipe, chosen: Mapping[str, str] = MappingProxyType({})) -> str:
    """The settings as a TOML file that `--recipe` reads again.

    `chosen` is what the run chose where a setting is "auto": a comment, since other data or machines choose anew.
    """
    lines = ["# the settings of a run; `striate train DATA --recipe FILE` uses them again"]
    rows = setting_rows(resolved)
    for group, of_group in groupby(rows, lambda row: row.group):
        lines += ["", f"[{group}]"]
        for row in of_group:
            field = recipe_settings()[row.name].field
            here = f"; in this run: {chosen[row.name]}" if row.name in chosen and row.value in (None, "auto") else ""
            lines.append(f"{field} = {toml_value(row.value)}".ljust(34) + f"# {row.meaning}{here}")
    lines += ["", "[origin]"] + [f"{row.name} = {toml_value(row.origin)}" for row in rows]
    return "\n".join(lines) + "\n"


def named_as_toml(named: NamedRecipe) -> str:
    """A named recipe as a TOML file that `--recipe` reads again, to the same settings; a default is a comment.

    For data decide defaults anew, and would leave alone what a file sets.
    """
    about = [f"recipe {named.name}: {named.purpose}".removesuffix(": ")]
    about += [f"reaches: {named.reaches}"] if named.reaches else []
    about += ["`striate train DATA --recipe FILE` trains with these settings; remove a # to set a default too"]
    lines = [f"# {line}" for line in about]
    for group, of_group in groupby(setting_rows(resolve({}, named)), lambda row: row.group):
        lines += ["", f"[{group}]"]
        for row in of_group:
            mark = "# " if row.origin == "default" else ""
            line = f"{mark}{recipe_settings()[row.name].field} = {toml_value(row.value)}"
            lines.append(line.ljust(34) + f"# {row.origin}: {row.meaning}")
    return "\n".join(lines) + "\n"


def setting_rows(resolved: ResolvedRecipe) -> list[SettingRow]:
    """Every setting that is taken, in the order of the groups."""
    return [
        SettingRow(group_of(name), name, value, resolved.origins[name], recipe_settings()[name].meaning)
        for name, value in resolved.recipe.values().items()
    ]


def toml_value(value: object) -> str:
    """A setting's value as TOML writes it; None is "auto"."""
    if value is None:
        return '"auto"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML's strings are JSON's but for DEL
    return repr(value)


def read_toml(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings of a recipe file, and where each value came from: by its [origin] table, else "user".

    A setting may also stand in no table, for its name tells its group. Settings that came later have their defaults.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingError(
            f"{path}: there is no such file; give a TOML file such as the recipe.toml of a run"
        ) from None
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"{path}: is not a valid TOML file: {error}") from None
    try:
        tables = {name: value for name, value in content.items() if isinstance(value, dict)}
        origins = tables.pop("origin", {})
        values = _of_tables(tables)
        flat = {name: value for name, value in content.items() if not isinstance(value, dict)}
        for name in flat:
            require_known(name)
        for name in flat.keys() & values.keys():
            raise SettingError(f"{name} is given twice: in [{group_of(name)}] and in no table")
        given = {**flat, **values}
        return given, {**dict.fromkeys(recipe_settings(), "default"), **dict.fromkeys(given, "user"), **origins}
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None


def _of_tables(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    values = {}
    for group, table in tables.items():
        if group not in GROUPS:
            raise SettingError(f"no table is called [{group}]{nearest(group, GROUPS)}")
        for field, value in table.items():
            _check_field(group, field, value)
            name = group if field == "name" else field
            require_known(name)
            if group_of(name) != group:
                raise SettingError(f"{name} is in the table [{group}]; move it to [{group_of(name)}]")
            values[name] = value
    return values


def _check_field(group: str, field: str, value: object) -> None:
    """SettingError for an inner table, for the name of a group that has none, and for a name that is called otherwise."""
    if isinstance(value, dict):
        raise SettingError(
            f"[{group}.{field}] is a table within [{group}], which has only settings; move them to [{group}]"
        )
    own = [one.field for name, one in recipe_settings().items() if group_of(name) == group]
    if field == "name" and "name" not in own:
        raise SettingError(f"[{group}] has no name; it has {', '.join(own)}")
    if "name" in own and field in (group, *(["policy"] if group == "augment" else [])):
        raise SettingError(f"[{group}] has no {field}; use name")
