"""The worst errors of a network as images."""

import io
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from striate.data import LabeledImages, as_rgb
from striate.report.contents import ErrorImage
from striate.tasks import Predictions

__all__ = ["error_images"]

MOST: Final = 48


def error_images(predictions: Predictions, samples: LabeledImages) -> list[ErrorImage]:
    """The worst predictions with their images as PNG."""
    errors = []
    for position, details in predictions.worst(MOST):
        image = samples.pixels.gather(torch.tensor([position]))[0].numpy()
        drawn = predictions.drawn(position, image, samples.targets.target(position))
        errors.append(ErrorImage(_png(drawn), samples.ids[position], details))
    return errors


def _png(image: np.ndarray[Any, Any]) -> bytes:  # H W C
    is_gray = image.shape[-1] == 1 and image.dtype == np.uint8
    data = io.BytesIO()
    Image.fromarray(image[..., 0] if is_gray else as_rgb(image)).save(data, "PNG")
    return data.getvalue()
