"""A few images that stand for all: classes in round robin, each image on the canvas with its target."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from typing import Final

import numpy as np

from striate.data.decoding.canvas import Canvas
from striate.data.skipped_files import Unreadable
from striate.data.source import Listing, Sample, Source
from striate.data.target_transform import canvas_view, transform_target
from striate.data.targets import IGNORE, Instances, LoadedTargets, Target
from striate.errors import DataError

__all__ = ["examples", "round_robin"]

NO_CLASS: Final = -1  # of an image that shows none
INSPECTED: Final = 200  # targets that are read to find each class, where each may be a file of its own


def examples(source: Source, canvas: Canvas, count: int) -> list[tuple[int, Sample]]:
    """Up to `count` training samples and their positions; unreadable images are skipped.

    Raises DataError where no image can be read.
    """
    listing = next(iter(source.splits.values()))
    positions = _inspected(listing, count)
    found: list[tuple[int, Sample]] = []
    for index in round_robin(_classes_at(listing, i) for i in positions):
        try:
            found.append((positions[index], _on_canvas(source, listing, positions[index], canvas)))
        except Unreadable:
            continue
        if len(found) == count:
            break
    if not found:
        raise DataError(
            f"{source.location}: none of {len(listing)} images can be read; `striate check` lists the reasons"
        )
    return found


def round_robin(shown: Iterable[Collection[int]]) -> Iterator[int]:
    """All positions, such that classes alternate in ascending order; `shown` holds the classes in each image."""
    waiting: dict[int, deque[int]] = defaultdict(deque)
    for position, classes in enumerate(shown):
        for label in classes or (NO_CLASS,):
            waiting[label].append(position)
    order = sorted(waiting, key=lambda label: (label == NO_CLASS, label))
    done: set[int] = set()
    while any(waiting.values()):
        for label in order:
            queue = waiting[label]
            while queue and queue[0] in done:
                queue.popleft()
            if queue:
                done.add(queue[0])
                yield queue.popleft()


def _inspected(listing: Listing, count: int) -> list[int]:
    """Positions at equal distances; all of them where classes are in memory."""
    targets, count_all = listing.targets, len(listing)
    in_memory = count_all if targets.has_classes else count
    wanted = in_memory if isinstance(targets, LoadedTargets) else INSPECTED
    wanted = min(wanted, count_all)
    return [count_all * i // wanted for i in range(wanted)]


def _classes_at(listing: Listing, i: int) -> Collection[int]:
    try:
        return _classes_in(listing.targets.target(i))
    except Unreadable:
        return ()


def _classes_in(target: Target) -> Collection[int]:
    if isinstance(target, Instances):
        return set(target.labels.tolist())
    if target.ndim == 0:
        return (int(target),)
    if target.dtype == np.bool_:
        return np.flatnonzero(target).tolist()
    return set(np.unique(target).tolist()) - {IGNORE} if target.ndim == 2 else ()


def _on_canvas(source: Source, listing: Listing, i: int, canvas: Canvas) -> Sample:
    image, target = listing.store.decode(i, canvas), listing.targets.target(i)
    if isinstance(target, Instances) or target.ndim == 2:
        header = listing.store.header(i)
        view = canvas_view((header.height, header.width), (canvas.height, canvas.width), canvas.fit)
        target = transform_target(target, view, source.skeleton)
    return Sample(listing.ids[i], image, target)
