"""New images for a network that is trained: do they look like those of the training, and what of them is not seen."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from striate.analysis import shift_findings
from striate.audit.pixels import survey_findings
from striate.data.decoding.rendering import bits_in_use
from striate.data.survey import CUT_CONTENT, Survey
from striate.findings import Finding
from striate.runs import Bundle

__all__ = ["findings_on_new"]


def findings_on_new(
    bundle: Bundle, survey: Survey, measured: npt.NDArray[np.float64], ids: Sequence[str]
) -> list[Finding]:
    """data-shift, and what the canvas of the network does not show. measured: N 3, see `image_statistics`.

    A square that cuts off no more than of photographs of 16 x 9 is no news, for any data set may have a few of these.
    """
    canvas, new = bundle.preprocessing.canvas, survey.bits_in_use
    trained = None if canvas.rendering.integers is None else bits_in_use(canvas.rendering.integers)
    bits = (trained, new) if trained and new and trained != new else None
    shifts = shift_findings(bundle.statistics, measured, ids, bits) if bundle.statistics else []
    unseen = [one.finding for one in survey_findings(survey, canvas)]
    return [*shifts, *(one for one in unseen if one.id != "data-cropped" or survey.cut_most >= CUT_CONTENT)]
