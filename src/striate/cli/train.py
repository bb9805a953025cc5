"""striate train"""

from typing import Annotated

from cyclopts import Parameter

from striate.cli.overrides import Overrides, given


def train(
    data: str,
    *,
    recipe: str | None = None,
    out: str | None = None,
    quiet: bool = False,
    settings: Annotated[Overrides | None, Parameter(name="*")] = None,
) -> None:
    """Train a network and leave a run folder: weights, figures, predictions and a report.

    A setting given here wins over the recipe, and one that is left out is chosen by the recipe or the data.

    Parameters
    ----------
    data
        `mnist`, or a folder with one sub-folder of images for each class (also below train, val and test), a table, ...
    recipe
        settings by name: mnist-fast, mnist, mnist-best, photos, cifar10; or a TOML file such as recipe.toml of a run
    out
        the new run folder; runs/DATA-MODEL if left out
    quiet
        show no progress
    """
    from striate.cli.closing import print_closing, print_folds
    from striate.jobs import train as train_job
    from striate.jobs import train_folds

    typed = given(settings)
    if typed.get("folds") and not typed.get("fold"):
        print_folds(train_folds(data, recipe=recipe, out=out, progress=not quiet, **typed))
    else:
        print_closing(train_job(data, recipe=recipe, out=out, progress=not quiet, **typed))
