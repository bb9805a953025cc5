"""striate check"""

import json as json_format
from typing import Annotated

from cyclopts import Parameter

from striate.cli.overrides import ReadingOverrides, given


def check(
    data: str,
    *,
    out: str | None = None,
    group: str | None = None,
    run: str | None = None,
    learning_curve: bool = False,
    device: str = "auto",
    json: bool = False,
    quiet: bool = False,
    settings: Annotated[ReadingOverrides | None, Parameter(name="*")] = None,
) -> None:
    """Look at data before training: what is there, and what is wrong with it. Nothing in the data is changed.

    Writes one page, check-NAME.html in this folder. The exit code is 1 where a finding says stop, else 0.

    Parameters
    ----------
    data
        `mnist`, or a folder as `striate train` takes it
    out
        the page to write; not inside the data
    group
        a column of the table, or a regular expression whose first group finds the group in a file name,
        such as 'patient(\\d+)': the same group in two splits is leakage
    run
        the folder of a run on these data, in whose held-out predictions labels that are probably wrong are searched
    learning_curve
        train a small network on an eighth, a quarter, half and all of the data, and estimate the gain of twice as many
    device
        where the learning curve is computed: auto, cpu, cuda, cuda:1, mps ...
    json
        print everything as JSON, with all files that each finding concerns
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
