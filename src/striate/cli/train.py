"""striate train"""

from typing import Annotated

from cyclopts import Parameter

from striate.cli.flags import Flag
from striate.cli.overrides import Overrides, given
from striate.training import RECIPES

RECIPE_HELP = f"settings by name ({', '.join(RECIPES)}), or a TOML file such as the recipe.toml of a run"


def train(
    data: str,
    *,
    recipe: Annotated[str | None, Parameter(help=RECIPE_HELP)] = None,
    from_scratch: Flag = False,
    out: str | None = None,
    quiet: Flag = False,
    settings: Annotated[Overrides | None, Parameter(name="*")] = None,
) -> None:
    """Train a network on images.

    Parameters
    ----------
    data
        `mnist`, a folder with one sub-folder of images for each class (also within train, val and test), a table, an archive ...
    from_scratch
        start from random weights, whatever the images are
    out
        the new run folder; if left out, runs/DATA-MODEL
    quiet
        show no progress
    """
    from striate.cli.closing import print_closing
    from striate.jobs import train_run_or_folds

    print_closing(
        train_run_or_folds(
            data, recipe=recipe, from_scratch=from_scratch, out=out, progress=not quiet, **given(settings)
        )
    )
