"""Labels that are probably others, by confident learning: Northcutt, Jiang, Chuang, JAIR 70 (2021), arXiv:1911.00068.

A class's threshold is how sure the network is on average of the images that are labeled so. An image is confidently of
the class that it is surest of, among those whose threshold it reaches. Counting label against confident class gives the
confident joint; the images off its diagonal are suspects. The predictions must be out of sample: a network that has
memorized a wrong label is sure of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from striate.audit.audit_finding import AuditFinding, audit_finding
from striate.number_format import percent

__all__ = ["HeldOutPrediction", "confident_classes", "confident_joint", "label_suspects", "suspects", "thresholds"]

FEW: Final = 0.01  # share of suspects; below it the finding is a note

Classes = npt.NDArray[np.int64]  # N, positions of classes
Shares = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class HeldOutPrediction:
    """A network's prediction for an image that it was not trained on."""

    id: str
    label: str
    prediction: str
    probability: float  # of the prediction
    label_probability: float


def thresholds(labels: Classes, label_probability: Shares, classes: int) -> Shares:
    """Mean probability of the label over the images of each class; infinite for a class without images."""
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, label_probability, minlength=classes)
    return np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0)


def confident_classes(probabilities: Shares, reach: Shares) -> Classes:
    """N K -> the most probable of the classes whose threshold is reached, -1 where none is."""
    reached = np.where(probabilities >= reach - 1e-6, probabilities, -1.0)
    best = reached.argmax(1)
    return np.where(reached.max(1) >= 0, best, -1)


def confident_joint(labels: Classes, confident: Classes, classes: int) -> npt.NDArray[np.int64]:
    """Counts, K K: rows are labels, columns confident classes; each diagonal element is at least 1."""
    sure = confident >= 0
    joint = np.bincount(labels[sure] * classes + confident[sure], minlength=classes * classes).reshape(classes, classes)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    return joint


def suspects(labels: Classes, predicted: Classes, confident: Classes, margin: Shares) -> npt.NDArray[np.int64]:
    """Positions of images off the joint's diagonal whose prediction differs from the label, the lowest margin first.

    margin: probability of the label minus that of the most probable other class.
    """
    at = np.flatnonzero((confident >= 0) & (confident != labels) & (predicted != labels))
    return at[np.argsort(margin[at], kind="stable")]


def label_suspects(held_out: Sequence[HeldOutPrediction], run: str) -> list[AuditFinding]:
    """The finding for a run's held-out predictions.

    A run stores the probabilities of the predicted class and of the label, so only the predicted class is compared with its
    threshold; full confident learning also counts a less probable class that reaches a lower threshold.
    """
    names = sorted({name for one in held_out for name in (one.label, one.prediction)})
    place = {name: n for n, name in enumerate(names)}
    labels = np.array([place[one.label] for one in held_out], np.int64)
    predicted = np.array([place[one.prediction] for one in held_out], np.int64)
    label_probability = np.array([one.label_probability for one in held_out])
    probability = np.array([one.probability for one in held_out])
    reach = thresholds(labels, label_probability, len(names))
    confident = np.where(probability >= reach[predicted] - 1e-6, predicted, -1)
    at = suspects(labels, predicted, confident, label_probability - probability)
    if len(at) == 0:
        return []
    share = len(at) / len(held_out)
    worst = [held_out[i] for i in at[:10]]
    return [
        audit_finding(
            "data-label-suspects",
            "note" if share < FEW else "warning",
            f"{'1 label is' if len(at) == 1 else f'{len(at)} labels are'} probably wrong, of {len(held_out):,} images "
            f"that {run} was not trained on.",
            [(held_out[i].id,) for i in at],
            {
                "share": round(share, 5),
                "suspects": [
                    f"{o.id}: labeled {o.label}, predicted {o.prediction} ({percent(o.probability)})" for o in worst
                ],
            },
            "check them, the most probable first, and correct the labels that are wrong",
        )
    ]
