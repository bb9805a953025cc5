"""Prediction: what is in these pictures, by the network of a run and through just the preprocessing that it was trained with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch

from striate.data import Limits, SetAside, Unreadable, as_colours, decode_picture, printable
from striate.data.sources.tree import walk
from striate.errors import DataError
from striate.runs import Bundle, RunFolder
from striate.views import evaluation_view

BATCH = 64


@final
@dataclass(frozen=True)
class Prediction:
    """What the network says of one picture: the class, how surely (0..1), and the probability of every class."""

    path: str
    said: str
    probability: float
    probabilities: dict[str, float]


@final
@dataclass(frozen=True)
class Answers:
    """The predictions, and the files that gave no picture."""

    predictions: list[Prediction]
    set_aside: list[SetAside]


def predict(folder: RunFolder, pictures: Sequence[str | Path], max_pixels: int | None = None) -> Answers:
    """Predict files, and all images below folders; a path that does not exist, or nothing readable at all, is a DataError.

    `max_pixels`: the largest image file that is decoded, that of the run's training if left out.
    """
    bundle = folder.bundle()
    limits = bundle.preprocessing.limits if max_pixels is None else Limits(max_pixels=max_pixels)
    files = [file for given in pictures for file in _files(Path(given))]
    answers = Answers([], [])
    for start in range(0, len(files), BATCH):
        _predict_batch(bundle, files[start : start + BATCH], limits, answers)
    if not answers.predictions:
        first = answers.set_aside[0]
        raise DataError(
            f"{first.id}: {first.reason} ({first.detail}); none of {len(files)} files is a picture that can be read"
        )
    return answers


def _files(given: Path) -> Iterator[Path]:
    if not given.exists():
        raise DataError(f"{printable(str(given))}: no such file or folder")
    if not given.is_dir():
        yield given
        return
    tree = walk(str(given), ".")
    if not tree.files:
        raise DataError(f"{printable(str(given))}: there is no file in this folder")
    yield from (given / file for file in tree.files)


@torch.inference_mode()
def _predict_batch(bundle: Bundle, files: Sequence[Path], limits: Limits, answers: Answers) -> None:
    """Add what is said of a few files to the answers."""
    preprocessing = bundle.preprocessing
    readable, images = [], []
    for file in files:
        try:
            images.append(decode_picture(file, preprocessing.canvas, limits))
            readable.append(file)
        except Unreadable as error:
            answers.set_aside.append(SetAside(printable(str(file)), error.reason, error.detail))
    if not images:
        return
    pictures = as_colours(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2))  # B C H W
    view = evaluation_view(
        len(pictures),
        picture=(preprocessing.canvas.height, preprocessing.canvas.width),
        size=preprocessing.size,
        normalization=preprocessing.normalization,
    )
    probabilities = bundle.model(view.image(pictures)).softmax(1)
    for file, row in zip(readable, probabilities.tolist(), strict=True):
        best = max(range(len(row)), key=row.__getitem__)
        answers.predictions.append(
            Prediction(
                printable(str(file)), bundle.classes[best], row[best], dict(zip(bundle.classes, row, strict=True))
            )
        )
