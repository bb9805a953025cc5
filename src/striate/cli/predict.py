"""striate predict"""

import csv as csv_format
import json as json_format
import sys
from dataclasses import asdict
from pathlib import Path

from striate.cli.whole_numbers import WholeNumber


def predict(
    run: str,
    /,
    *images: str,
    json: bool = False,
    csv: bool = False,
    follow_links: bool = False,
    max_pixels: WholeNumber | None = None,
    device: str = "auto",
) -> None:
    """Predict the class of image files, or of all images in folders: one row for each, in order.

    What cannot be read has a row too, with the error in place of a class. The exit code is 2 where nothing could be read.

    Parameters
    ----------
    run
        the folder of the run
    images
        files and folders
    json
        print every class's probability, as JSON
    csv
        print path, class, probability and error, as CSV
    follow_links
        follow links to folders, and to files outside the folder that was given
    max_pixels
        largest height x width of an image file; that of the run's training if left out, and no less than 50000000
    device
        where predictions are computed: auto, cpu, cuda, cuda:1, mps ...; auto is the first GPU, or else the CPU
    """
    from striate.cli.tables import print_predictions
    from striate.errors import SettingError
    from striate.jobs import predict as predict_job
    from striate.jobs import require_some
    from striate.runs import RunFolder

    if not images:
        raise SettingError("no image was given; name files or folders after the run")
    predictions = predict_job(
        RunFolder.open(Path(run)), images, max_pixels=max_pixels, follow_links=follow_links, device=device
    )
    require_some(predictions)
    for one in predictions:
        if one.error is not None:
            print(f"{one.path}: {one.error}", file=sys.stderr)
    if json:
        print(json_format.dumps([asdict(one) for one in predictions], indent=1))
    elif csv:
        writer = csv_format.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["path", "class", "probability", "error"])
        for one in predictions:
            probability = "" if one.probability is None else f"{one.probability:.6g}"
            writer.writerow([one.path, one.said or "", probability, one.error or ""])
    else:
        print_predictions(predictions)
