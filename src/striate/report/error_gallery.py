"""The worst errors of a network as images."""

import io
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from striate.analysis import Predictions
from striate.data import LabeledImages, as_rgb
from striate.report.contents import ErrorImage

__all__ = ["error_images"]

MOST: Final = 48


def error_images(predictions: Predictions, samples: LabeledImages) -> list[ErrorImage]:
    """The wrong predictions with the largest losses as PNG images."""
    classes = samples.classes
    worst, position = predictions.worst(MOST).tolist(), {id_: at for at, id_ in enumerate(samples.ids)}
    predicted, confidence, losses = predictions.predicted, predictions.probabilities.max(1), predictions.losses
    return [
        ErrorImage(
            png=_png(samples.pixels.gather(torch.tensor([position[predictions.ids[n]]]))[0].numpy()),
            id=predictions.ids[n],
            label=classes[predictions.labels[n]],
            prediction=classes[predicted[n]],
            confidence=float(confidence[n]),
            loss=float(losses[n]),
        )
        for n in worst
    ]


def _png(image: np.ndarray[Any, Any]) -> bytes:  # H W C
    is_gray = image.shape[-1] == 1 and image.dtype == np.uint8
    data = io.BytesIO()
    Image.fromarray(image[..., 0] if is_gray else as_rgb(image)).save(data, "PNG")
    return data.getvalue()
