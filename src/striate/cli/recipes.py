"""striate recipes"""


def recipes(name: str | None = None) -> None:
    """List the recipes, or show the settings of one.

    Parameters
    ----------
    name
        a recipe, or a TOML file of settings; its settings are shown as a file that --recipe takes
    """
    from striate.cli.recipe_table import print_recipes
    from striate.training import RECIPES, find_recipe, named_as_toml

    if name is None:
        print_recipes(list(RECIPES.values()))
    else:
        print(named_as_toml(find_recipe(name)), end="")
