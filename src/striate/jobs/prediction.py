"""Prediction: what is in these images, by the network of a run and through just the preprocessing that it was trained with."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import final

import numpy as np
import numpy.typing as npt
import torch

from striate.analysis import shift_findings
from striate.data import (
    Given,
    ImagesInput,
    ImageStore,
    Limits,
    Unreadable,
    as_colours,
    given_images,
    image_statistics,
    is_list,
)
from striate.data.audit.pixels import first_frames
from striate.errors import DataError
from striate.runs import Bundle, RunFolder
from striate.views import evaluation_view

BATCH = 64
LOGGER = logging.getLogger("striate")  # which prints warnings to stderr where a program has not said otherwise


@final
@dataclass(frozen=True)
class Prediction:
    """What the network says of one image: the class, how surely (0..1), and the probability of every class.

    `path` is the file, or "input[3]" for an image that came from no file. Of what is no image that can be read, `error`
    says why, in one line; it then has no class and no probabilities.
    """

    path: str
    said: str | None
    probability: float | None
    probabilities: dict[str, float]
    error: str | None = None


def predict(
    folder: RunFolder, images: ImagesInput, *, max_pixels: int | None = None, follow_links: bool = False
) -> list[Prediction]:
    """One prediction for each image, in order; a folder stands for all files below it, by name.

    What cannot be read is marked in its place. DataError where something was given by itself, and nothing of it can be read.
    `max_pixels`: the largest image file that is decoded, that of the run's training if left out. Images that do not look
    like those of the training, and files of which only the first frame is used, are warnings of the logger "striate".
    """
    several = is_list(images)
    bundle = folder.bundle()
    preprocessing = bundle.preprocessing
    limits = preprocessing.limits if max_pixels is None else Limits(max_pixels=max_pixels)
    limits = replace(limits, follow_links=follow_links)
    given = given_images(images, preprocessing.canvas, limits)
    predictions: list[Prediction] = []
    measured: dict[str, npt.NDArray[np.float64]] = {}
    many_frames: list[str] = []
    while batch := list(islice(given, BATCH)):
        predictions += _predict_batch(bundle, batch, limits, measured, many_frames)
    if not several:
        require_some(predictions)
    for one in first_frames(many_frames):
        LOGGER.warning(one.finding.line())
    if bundle.statistics and measured:
        for finding in shift_findings(bundle.statistics, np.stack(list(measured.values())), list(measured)):
            LOGGER.warning(finding.line())
    return predictions


def require_some(predictions: Sequence[Prediction]) -> None:
    """DataError where there are inputs and none of them could be predicted."""
    if predictions and all(one.error is not None for one in predictions):
        others = f"; none of {len(predictions)} inputs is an image that can be read" if len(predictions) > 1 else ""
        raise DataError(f"{predictions[0].path}: {predictions[0].error}{others}")


@torch.inference_mode()
def _predict_batch(
    bundle: Bundle,
    given: Sequence[Given],
    limits: Limits,
    measured: dict[str, npt.NDArray[np.float64]],
    many_frames: list[str],
) -> list[Prediction]:
    """`measured` takes what each image is like, by its name; `many_frames` the names of animations and files of many pages."""
    preprocessing = bundle.preprocessing
    store = ImageStore(tuple(one.image for one in given))
    images, errors = {}, {}
    for i in range(len(given)):
        try:
            images[i] = store.decode(i, preprocessing.canvas, limits)
            if store.header(i, limits).frames > 1:
                many_frames.append(given[i].name)
        except Unreadable as error:
            errors[i] = error.detail if error.reason == "vanished" else f"{error.reason}: {error.detail}"
    rows: dict[int, list[float]] = {}
    if images:
        decoded = torch.from_numpy(np.stack(list(images.values())))  # B H W C
        measured |= zip((given[i].name for i in images), image_statistics(decoded), strict=True)
        pictures = as_colours(decoded.permute(0, 3, 1, 2))  # B C H W
        view = evaluation_view(
            len(pictures),
            picture=(preprocessing.canvas.height, preprocessing.canvas.width),
            size=preprocessing.size,
            normalization=preprocessing.normalization,
        )
        rows = dict(zip(images, bundle.model(view.image(pictures)).softmax(1).tolist(), strict=True))
    return [
        _prediction(one.name, bundle.classes, rows[i]) if i in rows else Prediction(one.name, None, None, {}, errors[i])
        for i, one in enumerate(given)
    ]


def _prediction(name: str, classes: Sequence[str], probabilities: list[float]) -> Prediction:
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    return Prediction(name, classes[best], probabilities[best], dict(zip(classes, probabilities, strict=True)))
