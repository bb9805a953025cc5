"""Many pictures decoded once, in threads, straight into one array; what cannot be used is set aside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from striate.data.canvas import Canvas
from striate.data.limits import Limits
from striate.data.pictures import Pictures
from striate.data.set_aside import SetAside, Unreadable, count_reasons
from striate.data.storage import allocate
from striate.data.strict import STRICT_PILLOW
from striate.data.threads import Progress, in_threads
from striate.errors import DataError

if TYPE_CHECKING:
    from striate.data.source import Listing

__all__ = ["check_classes", "check_set_aside", "read_pictures"]


def read_pictures(
    listing: Listing,
    classes: tuple[str, ...],
    canvas: Canvas,
    *,
    threads: int,
    limits: Limits,
    cache: Path | None,
    progress: Progress | None,
) -> Pictures:
    """The pictures of a listing on the canvas. Decoders let go of the GIL while they work."""
    ready = listing.store.ready(canvas)
    if ready is not None:
        if progress is not None:
            progress(len(ready), len(ready))
        labels = torch.from_numpy(listing.labels)
        return Pictures(torch.from_numpy(ready), labels, listing.ids, classes, listing.set_aside)

    images, mapped_in = allocate((len(listing), *canvas.shape), cache)  # N H W C
    failures: list[Unreadable | None] = [None] * len(listing)

    def read(i: int) -> None:
        try:
            images[i] = listing.store.decode(i, canvas, limits)
        except Unreadable as failure:
            failures[i] = failure

    with STRICT_PILLOW:
        in_threads(read, len(listing), threads, progress)

    kept = [i for i, failure in enumerate(failures) if failure is None]
    for row, i in enumerate(kept):  # rows move up over those that hold nothing; kept is ascending, so none is lost
        if row != i:
            images[row] = images[i]
    set_aside = [
        SetAside(name, failure.reason, failure.detail)
        for name, failure in zip(listing.ids, failures, strict=True)
        if failure is not None
    ]
    return Pictures(
        torch.from_numpy(images[: len(kept)]),
        torch.from_numpy(listing.labels[kept]),
        tuple(listing.ids[i] for i in kept),
        classes,
        (*listing.set_aside, *set_aside),
        mapped_in,
    )


def check_set_aside(set_aside: Sequence[SetAside], files: int, limits: Limits) -> None:
    """DataError when more than `limits.max_bad` of the `files` were set aside; it names reasons and the first three."""
    if len(set_aside) > limits.max_bad * files:
        raise DataError(
            f"{len(set_aside)} of {files} files cannot be used ({count_reasons(set_aside)}), more than the share of "
            f"{limits.max_bad:g} that may: {_first_three(set_aside)}; mend or remove them, or allow more with --max-bad"
        )


def check_classes(pictures: Pictures, listing: Listing) -> None:
    """DataError when no file of a class that the listing has could be used."""
    lost = sorted(set(listing.labels.tolist()) - set(pictures.labels.tolist()))
    if not lost:
        return
    of_class = {name for name, label in zip(listing.ids, listing.labels, strict=True) if label == lost[0]}
    failures = [one for one in pictures.set_aside if one.id in of_class]
    others = f" (and {len(lost) - 1} more classes)" if len(lost) > 1 else ""
    raise DataError(
        f"the class {pictures.classes[lost[0]]}{others} has no readable picture ({count_reasons(failures)}): "
        f"{_first_three(failures)}; mend its files, or remove its folder"
    )


def _first_three(set_aside: Sequence[SetAside]) -> str:
    return ", ".join(f"{one.id} ({one.detail})" for one in set_aside[:3]) + (" ..." if len(set_aside) > 3 else "")
