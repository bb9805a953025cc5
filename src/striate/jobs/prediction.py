"""Prediction: what is in these images, by the network of a run and through just the preprocessing that it was trained with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import final

import numpy as np
import torch

from striate.data import Given, ImagesInput, ImageStore, Limits, Unreadable, as_colours, given_images, is_list
from striate.errors import DataError
from striate.runs import Bundle, RunFolder
from striate.views import evaluation_view

BATCH = 64


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
    `max_pixels`: the largest image file that is decoded, that of the run's training if left out.
    """
    several = is_list(images)
    bundle = folder.bundle()
    preprocessing = bundle.preprocessing
    limits = preprocessing.limits if max_pixels is None else Limits(max_pixels=max_pixels)
    limits = replace(limits, follow_links=follow_links)
    given = given_images(images, preprocessing.canvas, limits)
    predictions: list[Prediction] = []
    while batch := list(islice(given, BATCH)):
        predictions += _predict_batch(bundle, batch, limits)
    if not several:
        require_some(predictions)
    return predictions


def require_some(predictions: Sequence[Prediction]) -> None:
    """DataError where there are inputs and none of them could be predicted."""
    if predictions and all(one.error is not None for one in predictions):
        others = f"; none of {len(predictions)} inputs is an image that can be read" if len(predictions) > 1 else ""
        raise DataError(f"{predictions[0].path}: {predictions[0].error}{others}")


@torch.inference_mode()
def _predict_batch(bundle: Bundle, given: Sequence[Given], limits: Limits) -> list[Prediction]:
    preprocessing = bundle.preprocessing
    store = ImageStore(tuple(one.image for one in given))
    images, errors = {}, {}
    for i in range(len(given)):
        try:
            images[i] = store.decode(i, preprocessing.canvas, limits)
        except Unreadable as error:
            errors[i] = error.detail if error.reason == "vanished" else f"{error.reason}: {error.detail}"
    rows: dict[int, list[float]] = {}
    if images:
        pictures = as_colours(torch.from_numpy(np.stack(list(images.values()))).permute(0, 3, 1, 2))  # B C H W
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
