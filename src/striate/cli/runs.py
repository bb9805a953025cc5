"""striate runs"""

import json as json_format
from typing import Annotated, Literal

from cyclopts import Parameter

from striate.cli.flags import Flag

DEFAULT = "runs"


def runs(
    folder: str | None = None,
    *,
    sort: Annotated[Literal["date", "figure"], Parameter(show_default=False)] = "date",
    json: Flag = False,
) -> None:
    """List the runs in a folder.

    Parameters
    ----------
    folder
        the folder with the runs, or a run; if left out, runs
    sort
        date (the newest first, if left out), or figure (the best first)
    json
        print JSON, with times in seconds
    """
    from pathlib import Path

    from striate.cli.run_table import print_runs
    from striate.runs import RunListing, find_runs, newest_first, sorted_by_figure

    # Nothing was trained here yet, which is no error unless the user names the folder.
    is_new = folder is None and not Path(DEFAULT).exists()
    listing = RunListing((), (), ()) if is_new else find_runs(Path(folder or DEFAULT))
    ordered = (newest_first if sort == "date" else sorted_by_figure)(listing.runs)
    if json:
        print(json_format.dumps({**listing.as_json(), "runs": [run.as_json() for run in ordered]}, indent=1))
    else:
        print_runs(ordered, listing, folder or DEFAULT)
