"""striate check"""

import json as json_format
from typing import Literal

from striate.cli.whole_numbers import WholeNumber


def check(
    data: str,
    *,
    out: str | None = None,
    group: str | None = None,
    run: str | None = None,
    enough: bool = False,
    source: str = "auto",
    class_level: WholeNumber | None = None,
    follow_links: bool = False,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    task: Literal["auto", "classify", "multilabel", "regress"] = "auto",
    pictures: str | None = None,
    max_pixels: WholeNumber | None = None,
    json: bool = False,
    quiet: bool = False,
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
        a column of the table, or a regular expression whose first brackets find the group in a file name,
        such as 'patient(\\d+)': the same group in two parts is leakage
    run
        the folder of a run on these data: its answers to pictures it was not trained on show labels that are probably wrong
    enough
        train a small network on an eighth, a quarter, half and all of the data, and say what twice as many would bring
    source
        how the data are read where several ways fit: folders, table, arrays, webdataset, coco, voc, yolo, masks, idx,
        cifar or rows
    class_level
        which folders are the classes: 1 those at the top (or in train, test), 2 those in them
    follow_links
        follow links to folders, and to files outside the data
    path_column
        column of a table that names the files
    label_column
        column of a table with the label, or several parted by commas
    split_column
        column of a table that says train, val or test, or several such as is_valid,is_test; none for no column
    task
        what labels mean where they leave it open: one class an image, several, or numbers
    pictures
        folder in which a table's paths begin, relative to the table
    max_pixels
        largest height x width of an image file, 50000000 if left out; larger ones are not decoded
    json
        print everything as JSON, with all files that each finding concerns
    quiet
        show no progress
    """
    import sys
    from dataclasses import replace

    from striate.cli.check_screen import print_check
    from striate.data import Columns, Limits, split_names
    from striate.jobs import check as check_job

    columns = Columns(
        path_column, split_names(label_column), split_column, None if task == "auto" else task, folder=pictures
    )
    checked = check_job(
        data,
        out=out,
        group=group,
        run=run,
        enough=enough,
        progress=not (quiet or json),
        limits=replace(Limits() if max_pixels is None else Limits(max_pixels=max_pixels), follow_links=follow_links),
        columns=columns,
        source=source,
        class_level=class_level,
    )
    if json:
        print(json_format.dumps(checked.as_json(), indent=1))
    else:
        print_check(checked, heading=quiet)
    if any(one.finding.severity == "stop" for one in checked.found):
        sys.exit(1)
