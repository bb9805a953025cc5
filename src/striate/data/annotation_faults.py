"""A fault: one row of an annotation that is wrong while the rest of it is good; it is counted and never used unseen.

Every object in an annotation ends in one place: it is used as it is, used after a correction, or left out; the last two are
faults. What cannot be read at all (bytes that are no text, a missing field, NaN) is no fault but a DataError.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, final

from striate.data.decoding.limits import Limits
from striate.errors import DataError

__all__ = ["CORRECTED", "AnnotationFault", "AnnotationFaultKind", "check_faults"]

AnnotationFaultKind = Literal[
    "box clipped",  # it passes the border of the image by more than a pixel; the part inside is used
    "point outside",  # a keypoint lies outside the image; it counts as absent
    "no outline",  # an object without one where others have one, its mask is empty; or a crowd of no region, which is no label
    "box outside",  # nothing of it is in the image
    "box without area",  # its width or height is zero or negative, or nothing is left of it
    "unknown class",
    "unknown image",  # an annotation of an image that the file does not list, or a split names and nothing describes
    "duplicate",  # the same row or number a second time; the first is used
]
CORRECTED: Final = frozenset(
    {"box clipped", "point outside", "no outline"}
)  # of all other kinds the object is left out


@final
@dataclass(frozen=True)
class AnnotationFault:
    """`id` is the image's, `where` names file and line or number, `message` is one printable line with the value."""

    id: str
    where: str
    message: str
    kind: AnnotationFaultKind


def check_faults(faults: Sequence[AnnotationFault], rows: int, where: str, limits: Limits) -> None:
    """DataError when more than `limits.max_bad` of the `rows` had to be left out; it names kinds and the first three."""
    lost = [fault for fault in faults if fault.kind not in CORRECTED]
    if len(lost) > limits.max_bad * rows:
        kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(fault.kind for fault in lost).most_common())
        first = "; ".join(f"{fault.where}: {fault.message}" for fault in lost[:3]) + (" ..." if len(lost) > 3 else "")
        raise DataError(
            f"{where}: {len(lost)} of {rows} annotations cannot be used ({kinds}), more than --max-bad {limits.max_bad:g} "
            f"allows: {first}; fix or remove them, or raise --max-bad"
        )
