"""striate predict"""

import csv as csv_format
import json as json_format
import sys
from dataclasses import asdict
from pathlib import Path


def predict(run: str, /, *pictures: str, json: bool = False, csv: bool = False, max_pixels: int | None = None) -> None:
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
    max_pixels
        largest height x width of an image file; that of the run's training if left out, and no less than 50000000
    """
    from striate.cli.tables import print_predictions
    from striate.errors import SettingError
    from striate.jobs import predict as predict_job
    from striate.runs import RunFolder

    if not pictures:
        raise SettingError("no picture was given; name files or folders after the run")
    answers = predict_job(RunFolder.open(Path(run)), pictures, max_pixels)
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
