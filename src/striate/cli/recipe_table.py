"""The table of recipes. It needs no torch, so that it comes at once."""

from collections.abc import Sequence

from striate.cli.print_table import Column, print_table
from striate.training import NamedRecipe, resolve

__all__ = ["print_recipes"]


def print_recipes(recipes: Sequence[NamedRecipe]) -> None:
    columns = [
        Column("name", whole=True),
        Column("for"),
        Column("network", whole=True, least_width=100),
        Column("epochs", right=True, least_width=100),
        Column("reaches"),
    ]
    rows = []
    for named in recipes:
        recipe = resolve({}, named).recipe
        rows.append((named.name, named.purpose, recipe.model.name, str(recipe.training.epochs), named.reaches))
    print_table(columns, rows)
    print(
        "reaches: test accuracy, unless it names another figure\n"
        "`striate recipes NAME` shows the settings, `striate train DATA --recipe NAME` trains with them"
    )
