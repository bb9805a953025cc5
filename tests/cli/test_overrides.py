"""Settings as options: every setting once, the most used first, the rest below the heading of its group."""

from dataclasses import fields

import pytest

from striate.cli import main
from striate.cli.overrides import FIRST, HEADINGS, Overrides
from striate.training import recipe_settings


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_help_shows_the_most_used_settings_first_and_the_rest_by_group(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(SystemExit) as done:
        main(["train", "--help"])
    assert not done.value.code
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(columns)
    headings = [line.strip("╭╮─ ") for line in lines if line.startswith("╭")]
    assert headings == ["Parameters", *HEADINGS.values()]
    most_used = lines[lines.index(next(line for line in lines if "Most used" in line)) :]
    shown = [line.split()[1] for line in most_used if line.startswith("│ --")]
    assert shown[: len(FIRST)] == [f"--{name.replace('_', '-')}" for name in FIRST]
    assert sorted(shown) == sorted(f"--{name.replace('_', '-')}" for name in recipe_settings())


def test_every_setting_is_an_option():
    assert {field.name for field in fields(Overrides)} == {*recipe_settings()}
