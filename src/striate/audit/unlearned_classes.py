"""Classes that none or all of the training images have: a task that needs examples of both learns nothing of them."""

from typing import Final

from striate.data import LabeledImages, Splits
from striate.errors import DataError
from striate.findings import Finding

__all__ = ["unlearned_classes"]

_EXAMPLES: Final = 10


def unlearned_classes(splits: Splits, location: str, *, is_fold: bool) -> list[Finding]:
    """A finding in a fold of a cross-validation, whose split alone may be the reason; the others have images to learn from.

    Raises DataError for a class of which no fold could learn, and in any other training.
    """
    training, whole = _constant([splits.train]), _constant(list(splits.by_name().values()))
    refused = next(((name, is_all) for name, is_all in training.items() if not is_fold or name in whole), None)
    if refused is not None:
        name, is_all = refused
        images = f"{'all' if is_all else 'none'} of the {len(splits.train):,} training images"
        raise DataError(
            f"{location}: the class {name} is in {images}, so nothing can be learned of it; remove its column, or add images"
        )
    if not training:
        return []
    names = list(training)
    shown = f"the class {names[0]}" if len(names) == 1 else f"{len(names)} classes ({', '.join(names[:3])} ...)"
    return [
        Finding(
            "data-unlearned-classes",
            "warning",
            f"In this fold none or all of the training images have {shown}: it is not predicted, and its metrics are unknown.",
            {"classes": names[:_EXAMPLES], "count": len(names)},
            "add images of these classes",
        )
    ]


def _constant(samples: list[LabeledImages]) -> dict[str, bool]:
    """Those that none (False) or all (True) of the images have."""
    images = sum(map(len, samples))
    counts = [sum(each) for each in zip(*(one.counts() for one in samples), strict=True)]
    return {name: count > 0 for name, count in zip(samples[0].classes, counts, strict=True) if count in (0, images)}
