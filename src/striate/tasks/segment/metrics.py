"""Metrics of predicted masks from the confusion counts of each image, each with its 95 % interval by resampling images.

IoU and Dice of a class are of its pixels in all images together, so that an image in which a class neither occurs nor is
predicted needs no score of its own. A class of which that holds in all images has none (NaN, null in files), and no mean counts it.
Pixels of one image are alike: intervals are of images, and as wide as if each image were one sample, however many pixels it has.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from striate.tasks.figure import Figure
from striate.tasks.resampling import figure_of_resamples, mean_over_known, resample_weights

__all__ = ["BACKGROUND", "dice_of_counts", "iou_of_counts", "segmentation_metrics"]

Array = npt.NDArray[Any]
BACKGROUND: Final = "background"  # if the first class is called so, the mean IoU without it is given as well


def segmentation_metrics(
    counts: Array, classes: Sequence[str], boundary_f: Array | None = None, not_shown: Array | None = None
) -> dict[str, Any]:
    """The metrics of one split, as in metrics.json.

    counts: N K K integers, of each image the pixels by label (rows) and prediction (columns). boundary_f: N K, NaN where an
    image has no boundary of a class to compare; its mean is over images, then over classes. not_shown: N K, of each image the
    pixels by label that have no prediction, since the network was not shown them: they are missed.
    All classes count in the means, "background" as well.
    """
    images = len(counts)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    missed = np.zeros(hits.shape) if not_shown is None else not_shown
    labels, predicted = counts.sum(2) + missed, counts.sum(1)  # N K
    weights = resample_weights(images, len(classes))
    tp, of_label, of_prediction = (weights @ one.astype(np.float64) for one in (hits, labels, predicted))  # 1+R K
    iou, dice = iou_of_counts(tp, of_label, of_prediction), dice_of_counts(tp, of_label, of_prediction)
    pixels = of_label.sum(1)

    def figure(name: str, values: Array) -> Figure:
        return figure_of_resamples(name, values, images)

    figures = [
        figure("mean IoU", mean_over_known(iou)),
        figure("mean Dice", mean_over_known(dice)),
        figure("pixel accuracy", _divide(tp.sum(1), pixels)),
        figure("frequency weighted IoU", _divide((np.nan_to_num(iou) * of_label).sum(1), pixels)),
    ]
    if len(classes) > 1 and classes[0] == BACKGROUND:
        figures.insert(1, figure("mean IoU without background", mean_over_known(iou[:, 1:])))
    boundary = None if boundary_f is None else _mean_over_images(weights, boundary_f)
    if boundary is not None:
        figures.append(figure("mean boundary F", mean_over_known(boundary)))
    if missed.any():
        share = _divide(weights @ missed.sum(1), pixels)
        figures.append(figure_of_resamples("pixels not shown", share, images, higher_is_better=False))
    return {
        "images": images,
        **{one.key: one.as_json() for one in figures},
        "baseline": _baseline(of_label[0], classes),
        "classes": list(classes),
        "confusion_matrix": counts.sum(0).tolist(),
        "per_class": [
            {
                "class": name,
                "images": int((labels[:, k] > 0).sum()),
                "pixels": _number(_divide(of_label[0, k], pixels[0])),
                "iou": figure("IoU", iou[:, k]).as_json(),
                "dice": figure("Dice", dice[:, k]).as_json(),
                **({} if boundary is None else {"boundary_f": figure("boundary F", boundary[:, k]).as_json()}),
            }
            for k, name in enumerate(classes)
        ],
    }


def iou_of_counts(hits: Array, labels: Array, predicted: Array) -> Array:
    """Intersection over union, TP / (TP + FP + FN); NaN of a class without labels and predictions.

    Pixels by class: that are right, of the label, of the prediction.
    """
    return _divide(hits, labels + predicted - hits)


def dice_of_counts(hits: Array, labels: Array, predicted: Array) -> Array:
    """Dice coefficient or F1, 2 TP / (2 TP + FP + FN); NaN of a class without labels and predictions."""
    return _divide(2 * hits, labels + predicted)


def _mean_over_images(weights: Array, scores: Array) -> Array:
    """1+R N, N K -> 1+R K"""
    known = ~np.isnan(scores)
    return _divide(weights @ np.where(known, scores, 0.0), weights @ known.astype(np.float64))


def _baseline(of_label: Array, classes: Sequence[str]) -> dict[str, Any]:
    """The mean IoU of the most frequent class everywhere: its own is its share of the pixels, that of others that occur 0."""
    largest = int(of_label.argmax())
    everywhere = np.where(np.arange(len(of_label)) == largest, of_label.sum(), 0.0)
    iou = iou_of_counts(np.minimum(of_label, everywhere), of_label, everywhere)
    return {"value": _number(mean_over_known(iou)), "prediction": f"always {classes[largest]!r}"}


def _divide(numerator: Array, denominator: Array) -> Array:
    return np.divide(
        numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=np.asarray(denominator) > 0
    )


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
