"""striate augment"""

from typing import Annotated

from cyclopts import Parameter

from striate.cli.overrides import AugmentationOverrides, given
from striate.cli.whole_numbers import WholeNumber


def augment(
    data: str,
    *,
    recipe: str | None = None,
    out: str | None = None,
    rows: WholeNumber = 6,
    columns: WholeNumber = 8,
    settings: Annotated[AugmentationOverrides | None, Parameter(name="*")] = None,
) -> None:
    """Show on a sheet what augmentation makes of a few images, with classes, masks, boxes and keypoints moved along.

    Each row is an image: as it is, then as it is seen in the first epochs. The rows take turns through the classes.

    Parameters
    ----------
    data
        data as for `striate train`, or `mnist-scenes` (boxes) or `mnist-scenes-segment` (masks), with :N for N scenes
    recipe
        settings by name or a TOML file; what the data suggest if left out
    out
        the PNG, DATA-augment.png in the current folder if left out; an earlier sheet is replaced, no other file is
    rows
        images
    columns
        the image as it is, and one epoch less than this
    """
    from striate.cli.closing import print_augmented
    from striate.jobs import augment as augment_job

    print_augmented(augment_job(data, recipe=recipe, out=out, rows=rows, columns=columns, **given(settings)))
