"""Prediction: what is in these pictures, by the network of a run and through just the preprocessing that it was trained with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch

from striate.data import Limits, SetAside, Unreadable, as_colours, decode_picture, printable
from striate.data.sources.image_files import image_files
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


def predict(folder: RunFolder, pictures: Sequence[str | Path], *, follow_links: bool = False) -> Answers:
    """Predict files, and all pictures below folders; a path that does not exist, or nothing readable at all, is a DataError."""
    bundle = folder.bundle()
    answers = Answers([], [])
    files = [file for given in pictures for file in _files(Path(given), answers, follow_links)]
    for start in range(0, len(files), BATCH):
        _predict_batch(bundle, files[start : start + BATCH], answers)
    if not answers.predictions:
        first = answers.set_aside[0]
        raise DataError(
            f"{first.id}: {first.reason}: {first.detail}; none of {len(answers.set_aside)} files is an image that can be read"
        )
    return answers


def _files(given: Path, answers: Answers, follow_links: bool) -> Iterator[Path]:
    """The files that a path stands for; of a folder its images, and what is set aside among them is added to the answers."""
    if not given.exists():
        raise DataError(f"{printable(str(given))}: no such file or folder")
    if not given.is_dir():
        yield given
        return
    name = printable(str(given))
    images = image_files(str(given), walk(str(given), ".", follow=follow_links))
    if not images.files and not images.set_aside:
        others = ", ".join(f"{count:,} {kind}" for kind, count in images.ignored.items())
        raise DataError(f"{name}: there is no image in this folder{f', only {others}' if others else ''}")
    answers.set_aside.extend(
        SetAside(f"{name}/{one.id.removeprefix('./')}", one.reason, one.detail) for one in images.set_aside
    )
    yield from (given / file for file in images.files)


@torch.inference_mode()
def _predict_batch(bundle: Bundle, files: Sequence[Path], answers: Answers) -> None:
    """Add what is said of a few files to the answers."""
    preprocessing = bundle.preprocessing
    readable, images = [], []
    for file in files:
        try:
            images.append(decode_picture(file, preprocessing.canvas, Limits()))
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
