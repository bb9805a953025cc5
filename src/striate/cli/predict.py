"""striate predict"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from striate.cli.flags import Flag
from striate.cli.whole_numbers import WholeNumber
from striate.data.decoding.limits import DEFAULT_LIMITS
from striate.errors import SettingError

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
    from striate.cli.prediction_screen import print_predictions
    from striate.jobs import predict_files
    from striate.runs import RunFolder

    if json and csv:
        raise SettingError("--json and --csv: both are printed to the screen; give one of them")
    predictions = predict_files(
        RunFolder.open(Path(run)), images, max_pixels=max_pixels, follow_links=follow_links, device=device
    )
    print_predictions(predictions, "json" if json else "csv" if csv else "table")
