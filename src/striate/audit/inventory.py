"""What is there: images of each class in each split, sizes, formats, colors and brightness."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.audit.fingerprints import Fingerprints
from striate.data.instance_targets import InstanceTargets
from striate.data.targets import ClassTargets, MultiLabelTargets, RegressionTargets

__all__ = ["class_counts", "inventory", "quartiles"]

_COMMON = 5  # sizes that are listed


def class_counts(prints: Fingerprints) -> dict[str, list[int]]:
    """Usable images of each class (of several classes an image: each time; of boxes: objects) in each split; {} without."""
    classes = len(prints.source.classes)
    counts = {}
    for position, name in enumerate(prints.splits):
        rows = prints.row[prints.split == position]
        match prints.source.splits[name].targets:
            case ClassTargets(values=labels):
                counts[name] = np.bincount(labels[rows], minlength=classes).tolist()
            case MultiLabelTargets(values=sets):
                counts[name] = sets[rows].sum(0).tolist()
            case InstanceTargets(objects=objects):
                labels = np.concatenate([objects[row].labels for row in rows] or [np.empty(0, np.int64)])
                counts[name] = np.bincount(labels, minlength=classes).tolist()
            case _:
                return {}
    return counts


def inventory(prints: Fingerprints) -> dict[str, Any]:
    """Figures for a person and for JSON."""
    source = prints.source
    sizes = Counter(zip(prints.heights.tolist(), prints.widths.tolist(), strict=True))
    numbers = {
        name: {
            label: quartiles(targets.values[prints.row[prints.split == position], n])
            for n, label in enumerate(source.classes)
        }
        for position, name in enumerate(prints.splits)
        if isinstance(targets := source.splits[name].targets, RegressionTargets)
    }
    return {
        "images": {name: int((prints.split == position).sum()) for position, name in enumerate(prints.splits)},
        "classes": list(source.classes),
        "counts": class_counts(prints),
        **({"numbers": numbers} if numbers else {}),
        "formats": dict(Counter(prints.formats).most_common()),
        "color": {"color": int(prints.color.sum()), "gray": int((~prints.color).sum())},
        "sizes": {
            "height": quartiles(prints.heights),
            "width": quartiles(prints.widths),
            "different": len(sizes),
            "common": [[height, width, count] for (height, width), count in sizes.most_common(_COMMON)],
        },
        "survey": _survey(prints),
        "brightness": quartiles(prints.brightness),
        "contrast": quartiles(prints.contrast),
    }


def _survey(prints: Fingerprints) -> dict[str, Any]:
    """What training makes of the stored pixels with default settings; `messages` where they are not taken as they are."""
    survey = prints.source.survey
    return {
        "messages": survey.summary(prints.source.native()),
        "fit": survey.fit,
        "background": survey.background,
        "bits_in_use": survey.bits_in_use,
        "levels": {"integers": survey.rendering().integers, "floats": survey.rendering().floats},
    }


def quartiles(values: npt.NDArray[Any]) -> list[float]:
    """Least, the three quartiles, and greatest; [] of nothing."""
    if len(values) == 0:
        return []
    return [round(float(value), 4) for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1])]
