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
from striate.tasks.intervals import of_resamples

__all__ = ["BACKGROUND", "dice_of_counts", "iou_of_counts", "mean_over_known", "segmentation_metrics"]

Array = npt.NDArray[Any]
BACKGROUND: Final = "background"  # if the first class is called so, the mean IoU without it is given as well
RESAMPLES: Final = 400
RESAMPLED_ENTRIES: Final = 20_000_000  # of all resamples together


def segmentation_metrics(counts: Array, classes: Sequence[str], boundary_f: Array | None = None) -> dict[str, Any]:
    """The metrics of one split, as in metrics.json.

    counts: N K K integers, of each image the pixels by label (rows) and prediction (columns). boundary_f: N K, NaN where an
    image has no boundary of a class to compare; its mean is over images, then over classes.
    All classes count in the means, "background" as well.
    """
    images = len(counts)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    labels, predicted = counts.sum(2), counts.sum(1)  # N K
    weights = _resamples(images, len(classes))
    tp, of_label, of_prediction = (weights @ one.astype(np.float64) for one in (hits, labels, predicted))  # 1+R K
    iou, dice = iou_of_counts(tp, of_label, of_prediction), dice_of_counts(tp, of_label, of_prediction)
    pixels = of_label.sum(1)
    figures = [
        _figure("mean IoU", mean_over_known(iou)),
        _figure("mean Dice", mean_over_known(dice)),
        _figure("pixel accuracy", _divide(tp.sum(1), pixels)),
        _figure("frequency weighted IoU", _divide((np.nan_to_num(iou) * of_label).sum(1), pixels)),
    ]
    if len(classes) > 1 and classes[0] == BACKGROUND:
        figures.insert(1, _figure("mean IoU without background", mean_over_known(iou[:, 1:])))
    boundary = None if boundary_f is None else _mean_over_images(weights, boundary_f)
    if boundary is not None:
        figures.append(_figure("mean boundary F", mean_over_known(boundary)))
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
                "iou": _figure("IoU", iou[:, k]).as_json(),
                "dice": _figure("Dice", dice[:, k]).as_json(),
                **({} if boundary is None else {"boundary_f": _figure("boundary F", boundary[:, k]).as_json()}),
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


def mean_over_known(values: Array) -> Array:
    """Mean over the last axis without the NaN; NaN where nothing else is."""
    known = ~np.isnan(values)
    return _divide(np.where(known, values, 0.0).sum(-1), known.sum(-1))


def _resamples(images: int, classes: int) -> npt.NDArray[np.float64]:
    """How often each image counts: 1+R N, each of them once, then as drawn with replacement."""
    count = max(20, min(RESAMPLES, RESAMPLED_ENTRIES // max(1, images, classes)))
    drawn = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), count)
    return np.concatenate([np.ones((1, images)), drawn])


def _mean_over_images(weights: Array, scores: Array) -> Array:
    """1+R N, N K -> 1+R K"""
    known = ~np.isnan(scores)
    return _divide(weights @ np.where(known, scores, 0.0), weights @ known.astype(np.float64))


def _figure(name: str, values: Array) -> Figure:
    """values: 1+R, that of the images themselves first; a resample in which a class is not found is NaN, and does not count."""
    if np.isnan(values[0]):
        return Figure(name, float("nan"))
    return Figure.of(name, of_resamples(float(values[0]), values[1:]))


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
