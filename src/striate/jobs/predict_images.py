"""Predict with a run's network what its task asks of images, through the preprocessing that it was trained with."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from striate.analysis.image_predictor import ImagePredictor
from striate.data import Limits
from striate.errors import DataError, SettingError
from striate.models import NETWORKS
from striate.runs import Bundle, trained_network
from striate.runs.predicted_files import NewFolder, check_new_folders, drawing
from striate.sources import ImagesInput, NamedInput, is_list, named_inputs
from striate.tasks import Prediction, Task
from striate.training import choose_device

__all__ = ["predict", "predict_files"]

LOGGER = logging.getLogger("striate")  # prints warnings to stderr unless a program configures it


def predict(
    run: str | Path,
    images: ImagesInput,
    *,
    max_pixels: int | None = None,
    follow_links: bool = False,
    device: str = "auto",
    tta: str | None = None,
    own_task: type[Task] | None = None,
) -> list[Prediction]:
    """One prediction for each image, in order; a folder stands for all files below it, by name.

    run: the folder of a run, or of a bundle, which needs nothing else of its run. An unreadable image has a prediction with
    its error. Raises DataError where a single input was given, and nothing of it can be read. `max_pixels`: the largest
    image file that is decoded, that of the run's training if left out. `device`: "auto" is the first GPU, or else the CPU.
    `tta`: test-time augmentation ("none", "flip"), that of the run if left out.
    Images that do not look like those of the training, and content that is not used, are warnings of the logger "striate".
    """
    chosen, several = choose_device(device), is_list(images)
    bundle = trained_network(Path(run), own_task).with_tta(tta)
    limits = _limits(bundle, max_pixels, follow_links)
    inputs = named_inputs(images, bundle.preprocessing.canvas, limits)
    return list(_predictions(ImagePredictor(bundle, limits, chosen), inputs, none_is_error=not several))


def predict_files(
    run: str | Path,
    paths: Sequence[str],
    *,
    masks: str | None = None,
    draw: str | None = None,
    max_pixels: int | None = None,
    follow_links: bool = False,
    device: str = "auto",
    tta: str | None = None,
) -> Iterator[Prediction]:
    """The same for files and folders, one by one: what was taken from it is held no more.

    masks: a new folder for the predicted masks, a PNG of the size of each image. draw: a new folder for the images with their
    predictions drawn into them. Both are written as predictions come. What is wrong with the settings is raised at once;
    DataError at the end where none of the files can be read, and then nothing is written.
    """
    check_new_folders(masks, draw)
    if not paths:
        raise SettingError("no images given; name files or folders after the run")
    chosen, bundle = choose_device(device), trained_network(Path(run)).with_tta(tta)
    if masks is not None and not NETWORKS[bundle.architecture].dense:
        raise SettingError(f"masks = {masks}: this network predicts no masks; leave it out, or give draw")
    limits = _limits(bundle, max_pixels, follow_links)
    inputs = list(named_inputs(paths, bundle.preprocessing.canvas, limits))  # before a folder among them gets new files
    predictor = ImagePredictor(bundle, limits, chosen)
    return _written(_predictions(predictor, iter(inputs), none_is_error=True), predictor, masks, draw)


def _limits(bundle: Bundle, max_pixels: int | None, follow_links: bool) -> Limits:
    limits = bundle.preprocessing.limits if max_pixels is None else Limits(max_pixels=max_pixels)
    return replace(limits, follow_links=follow_links)


def _predictions(
    predictor: ImagePredictor, inputs: Iterator[NamedInput], *, none_is_error: bool
) -> Iterator[Prediction]:
    """Each prediction, and at the end what is found. none_is_error: DataError where none of the inputs can be read."""
    count, first_error = 0, None
    is_predicted = False
    for one in predictor.predict(inputs):
        if one.error is None:
            is_predicted = True
        else:
            first_error = first_error or f"{one.path}: {one.error}"
        count += 1
        yield one
    if none_is_error and not is_predicted and first_error:
        others = f"; none of {count} inputs is an image that can be read" if count > 1 else ""
        raise DataError(f"{first_error}{others}")
    for finding in predictor.findings():
        LOGGER.warning(finding.line())


def _written(
    predictions: Iterator[Prediction], predictor: ImagePredictor, masks: str | None, draw: str | None
) -> Iterator[Prediction]:
    """Each prediction, once its files are written."""
    of_masks = None if masks is None else NewFolder(Path(masks))
    of_drawings = None if draw is None else NewFolder(Path(draw))
    for one in predictions:
        if of_masks is not None and (png := one.mask_png()) is not None:
            of_masks.write(one.path, png)
        if of_drawings is not None and (drawn := drawing(one, predictor.bundle.classes, predictor.limits)) is not None:
            of_drawings.write(one.path, drawn)
        yield one
