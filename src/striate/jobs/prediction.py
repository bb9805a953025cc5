"""Prediction: what is in these images, by the network of a run and through just the preprocessing that it was trained with."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import final

import numpy as np
import numpy.typing as npt
import torch

from striate.audit.pixels import first_frames
from striate.data import Canvas, ImageStore, Limits, Unreadable, as_colors, image_statistics
from striate.data.survey import SAMPLE, survey
from striate.data.value_ranges import on_one_scale, waits_for_scale
from striate.errors import DataError
from striate.findings import Finding
from striate.jobs.new_images import findings_on_new
from striate.runs import Bundle, RunFolder
from striate.sources import ImagesInput, NamedInput, is_list, named_inputs
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
    prediction: str | None
    confidence: float | None
    probabilities: dict[str, float]
    error: str | None = None


@final
@dataclass
class _Seen:
    """What is noted on the way: what each image is like, by its name, files of many pages, and the first images."""

    measured: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    many_frames: list[str] = field(default_factory=list)
    first: list[NamedInput] = field(default_factory=list)


@final
@dataclass(frozen=True)
class _Sample:
    """Images as a survey takes them."""

    ids: tuple[str, ...]
    store: ImageStore


def predict(
    folder: RunFolder, images: ImagesInput, *, max_pixels: int | None = None, follow_links: bool = False
) -> list[Prediction]:
    """One prediction for each image, in order; a folder stands for all files below it, by name.

    What cannot be read is marked in its place. DataError where something was given by itself, and nothing of it can be read.
    `max_pixels`: the largest image file that is decoded, that of the run's training if left out. Images that do not look
    like those of the training, and what is not seen of them, are warnings of the logger "striate". Images of more than 8 bits
    that a network of 8-bit images is given are on one scale, that of all of them together.
    """
    several = is_list(images)
    bundle = folder.bundle()
    canvas = bundle.preprocessing.canvas
    limits = bundle.preprocessing.limits if max_pixels is None else Limits(max_pixels=max_pixels)
    limits = replace(limits, follow_links=follow_links)
    given = enumerate(named_inputs(images, canvas, limits))
    seen = _Seen()
    waiting: list[tuple[int, NamedInput]] = []
    predictions: dict[int, Prediction] = {}
    while batch := list(islice(given, BATCH)):
        wait = [waits_for_scale(one.image, canvas.rendering, limits) for _, one in batch]
        waiting += [one for one, waits in zip(batch, wait, strict=True) if waits]
        now = [one for one, waits in zip(batch, wait, strict=True) if not waits]
        predictions |= _predict_batch(bundle, canvas, now, limits, seen)
    rendering, scaled = on_one_scale([one.image for _, one in waiting], canvas.rendering, limits)
    for first in range(0, len(waiting), BATCH):
        last = first + BATCH
        batch = [
            (i, replace(one, image=image))
            for (i, one), image in zip(waiting[first:last], scaled[first:last], strict=True)
        ]
        predictions |= _predict_batch(bundle, replace(canvas, rendering=rendering), batch, limits, seen)
    in_order = [predictions[i] for i in range(len(predictions))]
    if not several:
        require_some(in_order)
    for finding in _found(bundle, seen, limits):
        LOGGER.warning(finding.line())
    return in_order


def _found(bundle: Bundle, seen: _Seen, limits: Limits) -> list[Finding]:
    if not seen.measured:
        return []
    names, store = tuple(one.name for one in seen.first), ImageStore(tuple(one.image for one in seen.first), limits)
    measured = np.stack(list(seen.measured.values()))
    return [
        *(one.finding for one in first_frames(seen.many_frames)),
        *findings_on_new(bundle, survey({"all": _Sample(names, store)}), measured, list(seen.measured)),
    ]


def require_some(predictions: Sequence[Prediction]) -> None:
    """DataError where there are inputs and none of them could be predicted."""
    if predictions and all(one.error is not None for one in predictions):
        others = f"; none of {len(predictions)} inputs is an image that can be read" if len(predictions) > 1 else ""
        raise DataError(f"{predictions[0].path}: {predictions[0].error}{others}")


@torch.inference_mode()
def _predict_batch(
    bundle: Bundle, canvas: Canvas, given: Sequence[tuple[int, NamedInput]], limits: Limits, seen: _Seen
) -> dict[int, Prediction]:
    """By the numbers of the images."""
    preprocessing, store = bundle.preprocessing, ImageStore(tuple(one.image for _, one in given), limits)
    images, errors = {}, {}
    for i, (_, one) in enumerate(given):
        try:
            images[i] = store.decode(i, canvas)
            if store.header(i).frames > 1:
                seen.many_frames.append(one.name)
            if len(seen.first) < SAMPLE:
                seen.first.append(one)
        except Unreadable as error:
            errors[i] = error.detail if error.reason == "vanished" else f"{error.reason}: {error.detail}"
    rows: dict[int, list[float]] = {}
    if images:
        decoded = torch.from_numpy(np.stack(list(images.values())))  # B H W C
        seen.measured |= zip((given[i][1].name for i in images), image_statistics(decoded), strict=True)
        originals = as_colors(decoded.permute(0, 3, 1, 2))  # B C H W
        view = evaluation_view(
            len(originals),
            image_size=(canvas.height, canvas.width),
            size=preprocessing.size,
            normalization=preprocessing.normalization,
        )
        rows = dict(zip(images, bundle.model(view.image(originals)).softmax(1).tolist(), strict=True))
    return {
        n: _prediction(one.name, bundle.classes, rows[i])
        if i in rows
        else Prediction(one.name, None, None, {}, errors[i])
        for i, (n, one) in enumerate(given)
    }


def _prediction(name: str, classes: Sequence[str], probabilities: list[float]) -> Prediction:
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    return Prediction(name, classes[best], probabilities[best], dict(zip(classes, probabilities, strict=True)))
