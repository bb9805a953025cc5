"""All splits of a source decoded, with the limit of unusable files held against all of them together."""

from dataclasses import replace

from striate.data.cache import ANYWHERE, Cache
from striate.data.decoding.canvas import Canvas
from striate.data.decoding.limits import Limits
from striate.data.labeled_images import LabeledImages
from striate.data.reading import check_skipped
from striate.data.source import Source
from striate.data.storage import image_bytes
from striate.data.threads import Progress

__all__ = ["decoded_size", "load_images"]


def load_images(
    source: Source,
    canvas: Canvas,
    *,
    threads: int,
    limits: Limits,
    cache: Cache = ANYWHERE,
    progress: Progress | None = None,
    only: str | None = None,
) -> dict[str, LabeledImages]:
    """Every split of the source on the canvas, or `only` one, see `Source.decode`. `progress` counts through all of them.

    One bad file of ten in a small test part does not stop a run that has a thousand good ones to learn from.
    """
    files = sum(len(listing) for listing in source.splits.values())
    cache = cache.settled(decoded_size(source, canvas))
    lenient = replace(limits, max_bad=1.0)
    before, images = 0, {}
    for split, listing in source.splits.items():
        if only not in (None, split):
            continue

        def report(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, files)

        images[split] = source.decode(split, canvas, threads=threads, limits=lenient, cache=cache, progress=report)
        before += len(listing)
    skipped = [one for split in images.values() for one in split.skipped]
    check_skipped(skipped, files + sum(len(listing.skipped) for listing in source.splits.values()), limits)
    return images


def decoded_size(source: Source, canvas: Canvas) -> int:
    """Bytes that all images of a source take on the canvas."""
    return sum(map(len, source.splits.values())) * image_bytes(canvas)
