"""The splits of a source decoded in threads: into memory, into a mapped file, or only measured; bad files are skipped."""

from collections.abc import Sequence
from pathlib import Path

import torch

from striate.data.cache import ANYWHERE, Cache, Entry, entry_path, finish_entry, has_entry, new_entry, open_entry
from striate.data.decoding.canvas import Canvas
from striate.data.decoding.resize import Pixels
from striate.data.decoding.strict_pillow import STRICT_PILLOW
from striate.data.images import Images, LabeledImages, TensorImages
from striate.data.masks import load_masks
from striate.data.names import printable
from striate.data.skipped_files import SkippedFile, check_skipped, count_reasons, first_three
from striate.data.source import Listing, Source
from striate.data.storage import allocate, image_bytes, pixel_type
from striate.data.streaming import Reader, stream
from striate.data.targets import LoadedTargets
from striate.data.threads import Progress, in_threads
from striate.errors import DataError

__all__ = ["decoded_size", "load_images"]


def load_images(
    source: Source,
    canvas: Canvas,
    *,
    threads: int,
    cache: Cache = ANYWHERE,
    progress: Progress | None = None,
    only: str | None = None,
) -> dict[str, LabeledImages]:
    """Every split of the source on the canvas, or `only` one. `progress` counts through all of them.

    The pixels depend neither on the number of threads nor on the cache. DataError when more than `max_bad` of the files of
    all splits together cannot be used, or all of a class that is to be learned: one bad file of ten in a small test split
    does not stop a run that has a thousand good ones to learn from.
    """
    chosen = source.splits if only is None else {only: source.splits[only]}
    files = sum(map(len, chosen.values()))
    cache = cache.resolved(files * image_bytes(canvas))
    before, images = 0, {}
    for split, listing in chosen.items():

        def report(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, files)

        images[split] = _load(source, split, canvas, threads, cache, report)
        before += len(listing)
    skipped = [one for split in images.values() for one in split.skipped]
    check_skipped(skipped, sum(len(one) + len(one.skipped) for one in source.splits.values()), source.limits)
    return images


def decoded_size(source: Source, canvas: Canvas) -> int:
    """Bytes that all images of a source take on the canvas."""
    return sum(map(len, source.splits.values())) * image_bytes(canvas)


def _load(
    source: Source, split: str, canvas: Canvas, threads: int, cache: Cache, progress: Progress | None
) -> LabeledImages:
    """A split where the cache keeps it. Decoders release the GIL while they work."""
    listing = source.splits[split]
    images, kept, skipped = _read(source, split, canvas, threads, cache, progress)
    targets: LoadedTargets
    if isinstance(listing.targets, LoadedTargets):
        targets = listing.targets.subset(torch.tensor(kept, dtype=torch.int64))
    else:
        targets, usable, unusable = load_masks(listing.targets, listing.ids, kept, canvas, len(source.classes), threads)
        if unusable:
            images, kept = images.subset(torch.tensor(usable)), [kept[row] for row in usable]
            skipped = (*skipped, *unusable)
    samples = LabeledImages(
        images, targets, tuple(listing.ids[i] for i in kept), source.classes, (*listing.skipped, *skipped)
    )
    if split in ("all", "train"):
        _check_classes(samples, listing)
    return samples


def _read(
    source: Source, split: str, canvas: Canvas, threads: int, cache: Cache, progress: Progress | None
) -> tuple[Images, Sequence[int], Sequence[SkippedFile]]:
    """The images that can be used, their positions in the listing, and the files that cannot."""
    listing = source.splits[split]
    preloaded = listing.store.preloaded(canvas)
    if preloaded is not None:
        if progress is not None:
            progress(len(preloaded), len(preloaded))
        return TensorImages(torch.from_numpy(preloaded)), range(len(listing)), ()
    reader = Reader(listing.store, listing.ids, canvas, threads)
    if cache.place == "none":
        return stream(reader, progress)
    if cache.place == "memory" or cache.folder is None:
        pixels = allocate((len(listing), *canvas.shape), pixel_type(canvas))
        kept, skipped = _fill(pixels, reader, progress)
        images = TensorImages(torch.from_numpy(pixels[: len(kept)]))
        return images.measured_in(_measured_boxes(reader, kept)), kept, skipped
    entry = _entry(cache.folder, source, split, reader, progress)
    if progress is not None:
        progress(len(listing), len(listing))
    return entry.images.measured_in(_measured_boxes(reader, entry.kept)), entry.kept, entry.skipped


def _measured_boxes(reader: Reader, kept: Sequence[int]) -> torch.Tensor | None:
    """Where each image is measured, N 4; None where that is all of the canvas."""
    if reader.canvas.fit != "window":
        return None
    boxes = torch.empty(len(kept), 4, dtype=torch.int64)

    def read(row: int) -> None:
        boxes[row] = torch.tensor(reader.measured_box(kept[row]))

    in_threads(read, len(kept), reader.threads)
    return boxes


def _entry(folder: Path, source: Source, split: str, reader: Reader, progress: Progress | None) -> Entry:
    """The split on disk: as an earlier process left it, or decoded now.

    Contents name an entry. Where there is none yet, they become known by decoding, so that each file is read once; else
    they are read first, and again only if the entry turns out to be of other contents.
    """

    def path() -> Path:
        return entry_path(folder, split, source.splits[split].digest, reader.canvas, source.limits.max_pixels)

    if has_entry(folder, split):
        entry = open_entry(path(), reader.canvas)
        if entry is not None:
            return entry
    with new_entry(folder, len(reader.store), reader.canvas) as (pixels, unfinished):
        kept, skipped = _fill(pixels, reader, progress)
        named = path()
        finish_entry(unfinished, named, pixels, kept, skipped)
    entry = open_entry(named, reader.canvas)  # as the next process will open it, so that both see the same
    if entry is None:
        raise DataError(
            f"{printable(named)}: what was written is not what is read; check the disk, or try --cache none"
        )
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


def _check_classes(samples: LabeledImages, listing: Listing) -> None:
    """DataError when no file of a class that the listing has could be used."""
    listed = listing.targets
    if not isinstance(listed, LoadedTargets):  # masks tell their classes once they are read
        return
    before = listed.counts(len(samples.classes))
    lost = [k for k, (had, has) in enumerate(zip(before, samples.counts(), strict=True)) if had and not has]
    if not lost:
        return
    of_class = {listing.ids[i] for i in listed.contains(lost[0]).nonzero()[0]}
    failures = [one for one in samples.skipped if one.id in of_class]
    others = f" (and {len(lost) - 1} more classes)" if len(lost) > 1 else ""
    raise DataError(
        f"the class {samples.classes[lost[0]]}{others} has no readable image ({count_reasons(failures)}): "
        f"{first_three(failures)}; fix its files, or remove its folder"
    )
