"""striate predict"""

import csv as csv_format
import json as json_format
import sys
from dataclasses import asdict
from pathlib import Path


def predict(run: str, /, *pictures: str, json: bool = False, csv: bool = False, follow_links: bool = False) -> None:
    """Say what is in picture files, or in all pictures of folders.

    Parameters
    ----------
    run
        the folder of the run
    pictures
        files and folders
    json
        print every class's probability, as JSON
    csv
        print path, class and probability, as CSV
    follow_links
        follow links to folders, and to files outside the folder that was given
    """
    from striate.cli.tables import print_predictions
    from striate.errors import SettingError
    from striate.jobs import predict as predict_job
    from striate.runs import RunFolder

    if not pictures:
        raise SettingError("no picture was given; name files or folders after the run")
    answers = predict_job(RunFolder.open(Path(run)), pictures, follow_links=follow_links)
    for file in answers.set_aside:
        print(f"{file.id}: {file.reason} ({file.detail})", file=sys.stderr)
    if json:
        print(json_format.dumps([asdict(prediction) for prediction in answers.predictions], indent=1))
    elif csv:
        writer = csv_format.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["path", "class", "probability"])
        writer.writerows([p.path, p.said, f"{p.probability:.6g}"] for p in answers.predictions)
    else:
        print_predictions(answers)
