"""striate predict"""

import csv as csv_format
import json as json_format
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from striate.cli.flags import Flag
from striate.cli.whole_numbers import WholeNumber
from striate.data.decoding.limits import DEFAULT_LIMITS

MAX_PIXELS_HELP = (
    "largest height x width of an image file; if left out, that of the training, "
    f"but at least {DEFAULT_LIMITS.max_pixels}"
)


def predict(
    run: str,
    /,
    *images: str,
    json: Flag = False,
    csv: Flag = False,
    follow_links: Flag = False,
    max_pixels: Annotated[WholeNumber | None, Parameter(help=MAX_PIXELS_HELP)] = None,
    device: str = "auto",
) -> None:
    """Predict the classes of image files, or of all images in folders.

    Parameters
    ----------
    run
        the folder of the run
    images
        files and folders
    json
        print JSON, with the probability of each class
    csv
        print CSV with path, prediction, confidence and error
    follow_links
        follow links to folders, and to files outside of the given folder
    device
        auto, cpu, cuda, cuda:1, mps ...; auto is the first GPU, or else the CPU
    """
    from striate.cli.console_tables import print_predictions
    from striate.errors import SettingError
    from striate.jobs import predict as predict_job
    from striate.jobs import require_some
    from striate.runs import RunFolder

    if not images:
        raise SettingError("no images given; name files or folders after the run")
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
        writer.writerow(["path", "prediction", "confidence", "error"])
        for one in predictions:
            confidence = "" if one.confidence is None else f"{one.confidence:.6g}"
            writer.writerow([one.path, one.prediction or "", confidence, one.error or ""])
    else:
        print_predictions(predictions)
