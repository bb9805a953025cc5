"""striate train"""

from typing import Annotated

from cyclopts import Parameter

from striate.cli.overrides import Overrides, said


def train(
    data: str,
    *,
    recipe: str | None = None,
    out: str | None = None,
    quiet: bool = False,
    settings: Annotated[Overrides | None, Parameter(name="*")] = None,
) -> None:
    """Train a network and leave a run folder: weights, figures, predictions and a report.

    A setting that is given here wins over the recipe; the report says where each value came from.

    Parameters
    ----------
    data
        `mnist`, or a folder with one sub-folder of images for each class (also below train, val and test), or of idx files
    recipe
        settings by name (mnist-fast, mnist, mnist-best, photos, cifar10) or a TOML file, as a run leaves one
    out
        the run folder, which must not exist yet; runs/DATA-MODEL if left out
    quiet
        show no progress
    """
    from striate.cli.closing import print_closing, print_folds
    from striate.jobs import train as train_job
    from striate.jobs import train_folds

    given = said(settings)
    if given.get("folds") and not given.get("fold"):
        print_folds(train_folds(data, recipe=recipe, out=out, progress=not quiet, **given))
    else:
        print_closing(train_job(data, recipe=recipe, out=out, progress=not quiet, **given))
