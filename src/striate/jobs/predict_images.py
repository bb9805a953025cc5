"""Predict with a run's network what its task asks of images, through the preprocessing that it was trained with."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from striate.analysis.image_predictor import ImagePredictor
from striate.data import Limits
from striate.errors import DataError, SettingError
from striate.models import NETWORKS
from striate.runs import trained_network
from striate.runs.predicted_files import check_new_folders, write_drawings, write_masks
from striate.sources import ImagesInput, is_list, named_inputs
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
    limits = bundle.preprocessing.limits if max_pixels is None else Limits(max_pixels=max_pixels)
    limits = replace(limits, follow_links=follow_links)
    predictor = ImagePredictor(bundle, limits, chosen)
    predictions = predictor.predict(named_inputs(images, bundle.preprocessing.canvas, limits))
    if not several:
        _require_some(predictions)
    for finding in predictor.findings():
        LOGGER.warning(finding.line())
    return predictions


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
) -> list[Prediction]:
    """The same for files and folders. Raises DataError where none of the files can be read.

    masks: a new folder for the predicted masks, a PNG of the size of each image. draw: a new folder for the images with their
    predictions drawn into them.
    """
    check_new_folders(masks, draw)
    if not paths:
        raise SettingError("no images given; name files or folders after the run")
    if masks is not None and not NETWORKS[trained_network(Path(run)).architecture].dense:
        raise SettingError(f"masks = {masks}: this network predicts no masks; leave it out, or give draw")
    predictions = predict(run, paths, max_pixels=max_pixels, follow_links=follow_links, device=device, tta=tta)
    _require_some(predictions)
    if masks is not None:
        write_masks(Path(masks), predictions)
    if draw is not None:
        bundle = trained_network(Path(run))
        limits = bundle.preprocessing.limits if max_pixels is None else Limits(max_pixels=max_pixels)
        write_drawings(Path(draw), predictions, bundle.classes, replace(limits, follow_links=follow_links))
    return predictions


def _require_some(predictions: Sequence[Prediction]) -> None:
    """Raise DataError where there are inputs and none of them could be predicted."""
    if predictions and all(one.error is not None for one in predictions):
        others = f"; none of {len(predictions)} inputs is an image that can be read" if len(predictions) > 1 else ""
        raise DataError(f"{predictions[0].path}: {predictions[0].error}{others}")
