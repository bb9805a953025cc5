"""striate augment"""

from typing import Annotated

from cyclopts import Parameter

from striate.cli.overrides import AugmentationOverrides, given
from striate.cli.whole_numbers import WholeNumber
from striate.data.settings import COLUMNS, ROWS


def augment(
    data: str,
    *,
    recipe: str | None = None,
    out: str | None = None,
    rows: WholeNumber = ROWS,
    columns: WholeNumber = COLUMNS,
    settings: Annotated[AugmentationOverrides | None, Parameter(name="*")] = None,
) -> None:
    """Write a PNG of images before and after augmentation.

    Parameters
    ----------
    data
        data as for `striate train`, or `mnist-scenes` (boxes) or `mnist-scenes-segment` (masks), with :N for N scenes to train on
    recipe
        settings by name or a TOML file; if left out, the defaults for the data
    out
        the PNG to write; if left out, DATA-augment.png in the current folder. Only a PNG that this command wrote is replaced
    rows
        number of images
    columns
        the original, and one augmented view less than this
    """
    from striate.cli.closing import print_augmented
    from striate.jobs import augment as augment_job

    print_augmented(augment_job(data, recipe=recipe, out=out, rows=rows, columns=columns, **given(settings)))
