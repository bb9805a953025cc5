"""Many picture files decoded once, in threads, straight into one array; what cannot be used is set aside."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event

import torch

from striate.data.canvas import Canvas
from striate.data.decode import decode_picture
from striate.data.limits import Limits
from striate.data.pictures import Pictures
from striate.data.set_aside import SetAside, Unreadable, count_reasons
from striate.data.source import Listing, Progress
from striate.data.storage import allocate
from striate.data.strict import STRICT_PILLOW
from striate.errors import DataError

__all__ = ["check_classes", "check_set_aside", "in_threads", "read_pictures"]

CHUNK = 16  # files a thread takes at a time


def read_pictures(
    paths: Sequence[str],
    listing: Listing,
    classes: tuple[str, ...],
    canvas: Canvas,
    *,
    threads: int,
    limits: Limits,
    cache: Path | None,
    progress: Progress | None,
) -> Pictures:
    """The files of a listing, whose paths are `paths`, on the canvas. Pillow lets go of the GIL while it decodes."""
    images, mapped_in = allocate((len(paths), *canvas.shape), cache)  # N H W C
    failures: list[Unreadable | None] = [None] * len(paths)

    def read(i: int) -> None:
        try:
            images[i] = decode_picture(paths[i], canvas, limits)
        except Unreadable as failure:
            failures[i] = failure

    with STRICT_PILLOW:
        in_threads(read, len(paths), threads, progress)

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


def in_threads(work: Callable[[int], None], count: int, threads: int, progress: Progress | None = None) -> None:
    """`work(i)` for each i below `count`, in `threads` threads; an error or Ctrl-C stops what has not begun."""
    stopped = Event()

    def work_chunk(first: int) -> int:
        if stopped.is_set():
            return 0
        last = min(first + CHUNK, count)
        for i in range(first, last):
            work(i)
        return last - first

    done = 0
    with ThreadPoolExecutor(threads, "striate-read") as pool:
        futures = [pool.submit(work_chunk, first) for first in range(0, count, CHUNK)]
        try:
            for future in as_completed(futures):
                done += future.result()
                if progress is not None:
                    progress(done, count)
        except BaseException:
            stopped.set()
            raise


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
