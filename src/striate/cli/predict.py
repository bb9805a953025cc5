"""striate predict"""

from typing import Annotated

from cyclopts import Parameter

from striate.cli.flags import Flag
from striate.cli.whole_numbers import WholeNumber
from striate.data.decoding.limits import DEFAULT_LIMITS
from striate.data.settings import TestTimeAugmentation

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
    masks: str | None = None,
    draw: str | None = None,
    follow_links: Flag = False,
    max_pixels: Annotated[WholeNumber | None, Parameter(help=MAX_PIXELS_HELP)] = None,
    device: str = "auto",
    tta: TestTimeAugmentation | None = None,
) -> None:
    """Predict what the network was trained for, of image files, or of all images in folders.

    Parameters
    ----------
    run
        the folder of the run, or of its bundle, which is enough
    images
        files and folders
    json
        print JSON, with the probability of each class, the interval of each number, or the area of each class
    csv
        print CSV with a row for each image
    masks
        a new folder for predicted masks, a PNG of the size of each image
    draw
        a new folder for the images with their predictions drawn into them
    follow_links
        follow links to folders, and to files outside of the given folder
    device
        auto, cpu, cuda, cuda:1, mps ...; auto is the first GPU, or else the CPU
    tta
        test-time augmentation: the image alone (none), or together with its mirror image (flip); if left out, that of the run,
        for which its thresholds and prediction intervals were chosen
    """
    from striate.cli.prediction_screen import choose_format, print_predictions
    from striate.jobs import predict_files

    form = choose_format(json=json, csv=csv)
    predictions = predict_files(
        run, images, masks=masks, draw=draw, max_pixels=max_pixels, follow_links=follow_links, device=device, tta=tta
    )
    print_predictions(predictions, form)
