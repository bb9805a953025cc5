"""striate check"""

import json as json_format
from typing import Annotated

from cyclopts import Parameter

from striate.cli.flags import Flag
from striate.cli.overrides import ReadingOverrides, given


def check(
    data: str,
    *,
    out: str | None = None,
    group: str | None = None,
    run: str | None = None,
    learning_curve: Flag = False,
    device: str = "auto",
    json: Flag = False,
    quiet: Flag = False,
    settings: Annotated[ReadingOverrides | None, Parameter(name="*")] = None,
) -> None:
    """Check data before training, and write a page.

    Parameters
    ----------
    data
        `mnist`, or a folder, a table or an archive as `striate train` takes them
    out
        the page to write, outside of the data. Only a page that this command wrote is replaced
    group
        what must stay in one split, such as a patient: a table column, or a regular expression such as 'patient(\\d+)'
    run
        the folder of a run on the same data; its predictions on held-out images show which labels are probably wrong
    learning_curve
        train a small network 12 times (a minute or a few on a CPU), three times on 1/8, 1/4, 1/2 and all of the data, and
        estimate the accuracy with twice the data
    device
        where to train it: auto, cpu, cuda, cuda:1, mps ...; auto is the first GPU, or else the CPU
    json
        print JSON, with all files of each finding
    quiet
        show no progress
    """
    import sys

    from striate.cli.check_screen import print_check
    from striate.jobs import check as check_job

    checked = check_job(
        data,
        out=out,
        group=group,
        run=run,
        learning_curve=learning_curve,
        device=device,
        progress=not (quiet or json),
        **given(settings),
    )
    if json:
        print(json_format.dumps(checked.as_json(), indent=1))
    else:
        print_check(checked, heading=quiet)
    if any(one.finding.severity == "stop" for one in checked.findings):
        sys.exit(1)
