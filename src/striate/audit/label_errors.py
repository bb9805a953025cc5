"""Labels that are probably others, by confident learning: Northcutt, Jiang, Chuang, JAIR 70 (2021), arXiv:1911.00068.

A class's threshold is how sure the network is on average of the images that are labeled so. An image is confidently of
the class that it is surest of, among those whose threshold it reaches. Counting label against confident class gives the
confident joint; what lies off its diagonal are the suspects. The answers must be out of sample: a network that has
learned a wrong label by heart is sure of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from striate.audit.audit_finding import AuditFinding, found

__all__ = ["Answer", "confident_classes", "confident_joint", "label_suspects", "suspects", "thresholds"]

FEW: Final = 0.01  # share of suspects below which they are a note

Classes = npt.NDArray[np.int64]  # N, positions of classes
Shares = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class Answer:
    """What a network said of an image that it was not trained on."""

    id: str
    label: str
    said: str
    probability: float  # of what was said
    of_label: float  # probability of the label


def thresholds(labels: Classes, of_label: Shares, classes: int) -> Shares:
    """Mean probability of the label over the images of each class; 1 for a class without any, which no one reaches."""
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, of_label, minlength=classes)
    return np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0)


def confident_classes(probabilities: Shares, reach: Shares) -> Classes:
    """N K -> the surest of the classes whose threshold is reached, -1 where none is."""
    reached = np.where(probabilities >= reach - 1e-6, probabilities, -1.0)
    best = reached.argmax(1)
    return np.where(reached.max(1) >= 0, best, -1)


def confident_joint(labels: Classes, confident: Classes, classes: int) -> npt.NDArray[np.int64]:
    """Counts, K K: rows are the labels, columns the confident classes; a row that is empty counts 1 on its diagonal."""
    sure = confident >= 0
    joint = np.bincount(labels[sure] * classes + confident[sure], minlength=classes * classes).reshape(classes, classes)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    return joint


def suspects(labels: Classes, said: Classes, confident: Classes, margin: Shares) -> npt.NDArray[np.int64]:
    """Positions of images off the joint's diagonal that are also answered otherwise, the lowest margin first.

    margin: probability of the label less that of the surest other class.
    """
    at = np.flatnonzero((confident >= 0) & (confident != labels) & (said != labels))
    return at[np.argsort(margin[at], kind="stable")]


def label_suspects(answers: Sequence[Answer], run: str) -> list[AuditFinding]:
    """The finding for the answers of a run.

    A run writes down the probability of what it said and of the label, so only the first class is held against its
    threshold; confident learning proper also counts a later one that reaches a lower threshold of its own.
    """
    names = sorted({name for one in answers for name in (one.label, one.said)})
    place = {name: n for n, name in enumerate(names)}
    labels = np.array([place[one.label] for one in answers], np.int64)
    said = np.array([place[one.said] for one in answers], np.int64)
    of_label, of_said = (np.array(part) for part in zip(*((o.of_label, o.probability) for o in answers), strict=True))
    reach = thresholds(labels, of_label, len(names))
    confident = np.where(of_said >= reach[said] - 1e-6, said, -1)
    at = suspects(labels, said, confident, of_label - of_said)
    if len(at) == 0:
        return []
    share = len(at) / len(answers)
    worst = [answers[i] for i in at[:10]]
    return [
        found(
            "data-label-suspects",
            "note" if share < FEW else "warning",
            f"{'1 label is' if len(at) == 1 else f'{len(at)} labels are'} probably wrong, of {len(answers):,} images "
            f"that {run} was not trained on.",
            [(answers[i].id,) for i in at],
            {
                "share": round(share, 5),
                "suspects": [f"{o.id}: labeled {o.label}, said {o.said} ({o.probability:.1%})" for o in worst],
            },
            "look at them, the surest first, and move those that are wrong into the class that they show",
        )
    ]
