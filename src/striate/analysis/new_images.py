"""New images for a trained network: whether they look like its training images, and what its canvas cuts or hides."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from striate.analysis.shift import shift_findings
from striate.audit.unused_content import survey_findings
from striate.data import LabeledImages
from striate.data.decoding.rendering import bits_in_use
from striate.data.survey import CUT_CONTENT, Survey
from striate.findings import Finding
from striate.runs import Bundle

__all__ = ["findings_on_new", "findings_on_splits"]


def findings_on_new(
    bundle: Bundle, survey: Survey, measured: npt.NDArray[np.float64], ids: Sequence[str]
) -> list[Finding]:
    """data-shift, and content that the network's canvas cuts off or hides. measured: N 3, see `image_statistics`.

    A square that cuts off no more than it does of 16:9 photographs gives no finding: any data set may have a few of these.
    """
    canvas, new = bundle.preprocessing.canvas, survey.bits_in_use
    trained = None if canvas.rendering.integers is None else bits_in_use(canvas.rendering.integers)
    bits = (trained, new) if trained and new and trained != new else None
    shifts = shift_findings(bundle.statistics, measured, ids, bits) if bundle.statistics else []
    unused = [one.finding for one in survey_findings(survey, canvas)]
    return [*shifts, *(one for one in unused if one.id != "data-cropped" or survey.cut_most >= CUT_CONTENT)]


def findings_on_splits(bundle: Bundle, splits: Mapping[str, LabeledImages]) -> list[Finding]:
    """data-shift of splits that the data came with against the training images; a random split is like them."""
    if bundle.statistics is None:
        return []
    return [
        replace(one, message=f"In the {name} split {one.message}")
        for name, samples in splits.items()
        for one in shift_findings(bundle.statistics, samples.pixels.measurements.statistics, samples.ids)
    ]
