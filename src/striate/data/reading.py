"""Many images read once, in threads: into memory, into a mapped file, or only looked at; what cannot be used is skipped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from striate.data.cache import Cache, Entry, cache_key, finish_entry, new_entry, open_entry
from striate.data.decoding.canvas import Canvas
from striate.data.decoding.limits import Limits
from striate.data.decoding.resize import Pixels
from striate.data.decoding.strict_pillow import STRICT_PILLOW
from striate.data.images import Images, TensorImages
from striate.data.labeled_images import LabeledImages
from striate.data.names import printable
from striate.data.skipped_files import SkippedFile, count_reasons
from striate.data.storage import allocate, pixel_type
from striate.data.streaming import Reader, stream
from striate.data.threads import Progress, in_threads
from striate.errors import DataError

if TYPE_CHECKING:
    from striate.data.source import Listing, Source

__all__ = ["check_classes", "check_skipped", "read_images"]


def read_images(
    source: Source,
    split: str,
    canvas: Canvas,
    *,
    threads: int,
    limits: Limits,
    cache: Cache,
    progress: Progress | None,
) -> LabeledImages:
    """The images of a split on the canvas. Decoders let go of the GIL while they work."""
    listing = source.splits[split]
    ready = listing.store.ready(canvas)
    if ready is not None:
        if progress is not None:
            progress(len(ready), len(ready))
        return _images(listing, source, TensorImages(torch.from_numpy(ready)), list(range(len(listing))), [])
    reader = Reader(listing.store, listing.ids, canvas, limits, threads)
    if cache.place == "none":
        return _images(listing, source, *stream(reader, progress))
    if cache.place == "memory" or cache.folder is None:
        pixels = allocate((len(listing), *canvas.shape), pixel_type(canvas))
        kept, skipped = _fill(pixels, reader, progress)
        return _images(listing, source, TensorImages(torch.from_numpy(pixels[: len(kept)])), kept, skipped)
    path = cache.folder / cache_key(cache.digest or source.digest(), split, canvas, limits.max_pixels)
    entry = open_entry(path, canvas) or _written(path, reader, progress)
    if progress is not None:
        progress(len(listing), len(listing))
    return _images(listing, source, entry.images, entry.kept, entry.skipped)


def _written(path: Path, reader: Reader, progress: Progress | None) -> Entry:
    """A new entry, opened as the next process will open it, so that both see the same."""
    with new_entry(path, len(reader.store), reader.canvas) as (pixels, folder):
        kept, skipped = _fill(pixels, reader, progress)
        finish_entry(folder, path, pixels, kept, skipped)
    entry = open_entry(path, reader.canvas)
    if entry is None:
        raise DataError(f"{printable(path)}: what was written is not what is read; check the disk, or try --cache none")
    return entry


def _fill(pixels: Pixels, reader: Reader, progress: Progress | None) -> tuple[list[int], list[SkippedFile]]:
    """Decode into the first rows of N H W C, in the order of the listing; which positions they hold, and what they do not."""

    def read(i: int) -> None:
        image = reader.read(i)
        if image is not None:
            pixels[i] = image

    with STRICT_PILLOW:
        in_threads(read, len(reader.store), reader.threads, progress)
    kept = [i for i in range(len(reader.store)) if i not in reader.lost]
    for row, i in enumerate(kept):  # rows move up over those that hold nothing; kept is ascending, so none is lost
        if row != i:
            pixels[row] = pixels[i]
    return kept, [reader.lost[i] for i in sorted(reader.lost)]


def _images(
    listing: Listing, source: Source, images: Images, kept: Sequence[int], skipped: Sequence[SkippedFile]
) -> LabeledImages:
    return LabeledImages(
        images,
        torch.from_numpy(listing.labels[kept]),
        tuple(listing.ids[i] for i in kept),
        source.classes,
        (*listing.skipped, *skipped),
    )


def check_skipped(skipped: Sequence[SkippedFile], files: int, limits: Limits) -> None:
    """DataError when more than `limits.max_bad` of the `files` were skipped; it names reasons and the first three."""
    if len(skipped) > limits.max_bad * files:
        raise DataError(
            f"{len(skipped)} of {files} files cannot be used ({count_reasons(skipped)}), more than the share of "
            f"{limits.max_bad:g} that may: {_first_three(skipped)}; mend or remove them, or allow more with --max-bad"
        )


def check_classes(samples: LabeledImages, listing: Listing) -> None:
    """DataError when no file of a class that the listing has could be used."""
    lost = sorted(set(listing.labels.tolist()) - set(samples.labels.tolist()))
    if not lost:
        return
    of_class = {name for name, label in zip(listing.ids, listing.labels, strict=True) if label == lost[0]}
    failures = [one for one in samples.skipped if one.id in of_class]
    others = f" (and {len(lost) - 1} more classes)" if len(lost) > 1 else ""
    raise DataError(
        f"the class {samples.classes[lost[0]]}{others} has no readable image ({count_reasons(failures)}): "
        f"{_first_three(failures)}; mend its files, or remove its folder"
    )


def _first_three(skipped: Sequence[SkippedFile]) -> str:
    details = {one.detail for one in skipped[:3]}
    if len(details) == 1 and len(skipped) > 1:
        more = " ..." if len(skipped) > 3 else ""
        return ", ".join(one.id for one in skipped[:3]) + f"{more} ({details.pop()})"
    return ", ".join(f"{one.id} ({one.detail})" for one in skipped[:3]) + (" ..." if len(skipped) > 3 else "")
