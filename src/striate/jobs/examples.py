"""A few images that stand for all: one of each class in turn, brought to the canvas with what is known of them."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from typing import Final

import numpy as np

from striate.data import Canvas, Instances, Listing, Sample, Source, Unreadable, canvas_view, transform_target
from striate.data.targets import IGNORE, Target
from striate.errors import DataError

__all__ = ["examples", "in_turn"]

NOTHING: Final = -1  # the class of an image that shows none
LOOKED_AT: Final = 200  # targets that are read to find each class, where each may lie in a file of its own


def examples(source: Source, canvas: Canvas, count: int) -> list[tuple[int, Sample]]:
    """Up to `count` samples of what is learned from, and their positions; what cannot be read is passed over.

    DataError where nothing can be read.
    """
    listing = next(iter(source.splits.values()))
    positions = _looked_at(listing, count)
    found: list[tuple[int, Sample]] = []
    for turn in in_turn(_classes_at(listing, i) for i in positions):
        try:
            found.append((positions[turn], _on_canvas(source, listing, positions[turn], canvas)))
        except Unreadable:
            continue
        if len(found) == count:
            break
    if not found:
        raise DataError(f"{source.location}: no image of {len(listing)} can be read; `striate check` says why")
    return found


def in_turn(shown: Iterable[Collection[int]]) -> Iterator[int]:
    """All positions, such that the classes take turns in ascending order; `shown` are the classes in each image."""
    waiting: dict[int, deque[int]] = defaultdict(deque)
    for position, classes in enumerate(shown):
        for label in classes or (NOTHING,):
            waiting[label].append(position)
    order = sorted(waiting, key=lambda label: (label == NOTHING, label))
    done: set[int] = set()
    while any(waiting.values()):
        for label in order:
            queue = waiting[label]
            while queue and queue[0] in done:
                queue.popleft()
            if queue:
                done.add(queue[0])
                yield queue.popleft()


def _looked_at(listing: Listing, count: int) -> list[int]:
    """Positions spread evenly; all of them where classes lie in memory."""
    task, all_of_it = listing.targets.task, len(listing)
    wanted = {"classify": all_of_it, "multilabel": all_of_it, "regress": count}.get(task, LOOKED_AT)
    wanted = min(wanted, all_of_it)
    return [all_of_it * i // wanted for i in range(wanted)]


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
