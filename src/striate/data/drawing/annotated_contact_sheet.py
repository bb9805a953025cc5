"""A contact sheet of samples drawn with their targets, a row for each image and a column for each epoch."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image

from striate.data.drawing.annotated_images import annotated_image
from striate.data.drawing.contact_sheets import labeled_contact_sheet
from striate.data.source import Sample, Source
from striate.number_format import percent

__all__ = ["annotated_contact_sheet"]

LARGEST: Final = 512  # pixels of an image on the sheet; larger ones are shrunk by a whole factor


def annotated_contact_sheet(columns: Sequence[Sequence[Sample]], source: Source) -> bytes:
    """A PNG of columns of samples: the first without augmentation, then one for each epoch from 1, as `train` counts them."""
    drawn = [[_drawn(sample, source) for sample in column] for column in columns]
    headings = ["original", *(f"epoch {epoch}" for epoch in range(1, len(columns)))]
    return labeled_contact_sheet(list(zip(*drawn, strict=True)), headings)


def _drawn(sample: Sample, source: Source) -> Image.Image:
    """The sample drawn; of mixed classes those with a share above 0, the largest first."""
    target, classes = sample.target, source.classes
    if source.has_classes and isinstance(target, np.ndarray) and target.dtype == np.float32:  # K, of mixed images
        present = [i for i in np.argsort(-target.astype(np.float64), kind="stable").tolist() if target[i] > 0]
        classes = tuple(f"{classes[i]} {percent(target[i], 0)}" for i in present)
        sample = Sample(sample.id, sample.image, np.ones(len(present), np.bool_))
    drawn = annotated_image(sample, classes, source.skeleton)
    return drawn.reduce(-(-max(drawn.size) // LARGEST)) if max(drawn.size) > LARGEST else drawn
