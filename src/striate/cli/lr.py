"""striate lr"""

import json as json_format
from typing import Annotated

from cyclopts import Parameter

from striate.cli.flags import Flag
from striate.cli.overrides import Overrides, given
from striate.cli.train import RECIPE_HELP


def lr(
    data: str,
    *,
    recipe: Annotated[str | None, Parameter(help=RECIPE_HELP)] = None,
    from_scratch: Flag = False,
    out: str | None = None,
    json: Flag = False,
    quiet: Flag = False,
    settings: Annotated[Overrides | None, Parameter(name="*")] = None,
) -> None:
    """Find a learning rate.

    Parameters
    ----------
    data
        data as for `striate train`
    from_scratch
        start from random weights, whatever the images are
    out
        the chart, an SVG; if left out, lr-DATA.svg in the current folder. Only a chart that this command wrote is replaced
    json
        print rates, losses and the proposal as JSON, and nothing else
    quiet
        show no progress
    """
    from striate.cli.closing import print_learning_rate
    from striate.jobs import find_learning_rate

    found = find_learning_rate(
        data, recipe=recipe, from_scratch=from_scratch, out=out, progress=not (quiet or json), **given(settings)
    )
    if json:
        print(json_format.dumps(found.as_json(), indent=1))
    else:
        print_learning_rate(found)
