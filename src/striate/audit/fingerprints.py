"""One pass over all images: each is either skipped with a reason, or has a line of figures and a thumbnail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from striate.audit.thumbnails import SIDE, eight_bits, gray, hashes, mean_and_std, shrink, thumbnails
from striate.data.decoding.canvas import Canvas
from striate.data.decoding.decode import Header
from striate.data.decoding.rendering import Rendering
from striate.data.decoding.resize import Pixels
from striate.data.decoding.strict_pillow import STRICT_PILLOW
from striate.data.skipped_files import SkippedFile, Unreadable
from striate.data.source import Listing, Source
from striate.data.targets import LoadedTargets
from striate.data.threads import Progress, in_threads

__all__ = ["Fingerprints", "take_fingerprints"]


@final
@dataclass(frozen=True, eq=False)
class Fingerprints:
    """The M usable images of all splits, one after the other; every other file is in `skipped`.

    `split` M and `row` M say where an image is: source.splits[splits[split]] at row. Figures are taken from the image
    as it was decoded, a large JPEG at an eighth of its size or above.
    """

    source: Source
    splits: tuple[str, ...]
    split: npt.NDArray[np.int64]  # M, positions in `splits`
    row: npt.NDArray[np.int64]  # M
    formats: tuple[str, ...]  # M: "JPEG"
    heights: npt.NDArray[np.int64]  # M, upright, in the file
    widths: npt.NDArray[np.int64]
    color: npt.NDArray[np.bool_]
    brightness: npt.NDArray[np.float32]  # M, mean of luma, 0 to 255
    contrast: npt.NDArray[np.float32]  # M, standard deviation of luma
    many_frames: tuple[str, ...]  # ids of animations and of files with many pages
    bits_lost: tuple[str, ...]  # ids
    small: npt.NDArray[np.uint8]  # M SIDE SIDE, luma
    hashes: npt.NDArray[np.uint64]  # M
    skipped: tuple[SkippedFile, ...]

    def __len__(self) -> int:
        return len(self.row)

    def listing(self, i: int) -> Listing:
        return self.source.splits[self.splits[self.split[i]]]

    def id(self, i: int) -> str:
        return self.listing(i).ids[self.row[i]]

    def ids(self, positions: Sequence[int] | npt.NDArray[np.int64]) -> tuple[str, ...]:
        return tuple(self.id(int(i)) for i in positions)

    def header(self, i: int) -> Header:
        """Raises Unreadable if its file was changed meanwhile."""
        return self.listing(i).store.header(int(self.row[i]))

    def pixels_of(self, i: int, at_least: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
        """The image again, H W C. Raises Unreadable if its file was changed meanwhile."""
        return eight_bits(self.pixels(i, at_least))

    def pixels(self, i: int, at_least: tuple[int, int] | None = None) -> Pixels:
        """The same with all of its bits."""
        return self.listing(i).store.pixels_of(int(self.row[i]), at_least, self.rendering)

    @property
    def rendering(self) -> Rendering:
        """How values of more than 8 bits and transparency are rendered."""
        return self.source.survey.window()

    def labels(self) -> npt.NDArray[np.int64] | None:
        """The class of each image, M; None where images have anything but one class."""
        labels = []
        for position, name in enumerate(self.splits):
            targets = self.source.splits[name].targets
            classes = targets.single_classes() if isinstance(targets, LoadedTargets) else None
            if classes is None:
                return None
            labels.append(classes[self.row[self.split == position]])
        return np.concatenate(labels)

    def label(self, i: int) -> str | None:
        """The class, the classes or the numbers of an image as text; None for masks and boxes."""
        targets = self.listing(i).targets
        if not isinstance(targets, LoadedTargets):
            return None
        return targets.caption(int(self.row[i]), self.source.classes)


@final
class _Taken:
    """The figures of the images of one split while they come in, in any order and from any thread."""

    def __init__(self, count: int) -> None:
        self.headers: list[Header | None] = [None] * count
        self.failures: list[Unreadable | None] = [None] * count
        self.brightness = np.zeros(count, np.float32)
        self.contrast = np.zeros(count, np.float32)
        self.small = np.zeros((count, SIDE, SIDE), np.uint8)


def take_fingerprints(source: Source, *, threads: int, progress: Progress | None = None) -> Fingerprints:
    """Read every image of the source once. Nothing is written."""
    total, done, taken = sum(map(len, source.splits.values())), 0, []
    for listing in source.splits.values():

        def report(so_far: int, _: int, before: int = done) -> None:
            if progress is not None:
                progress(before + so_far, total)

        taken.append(_take(listing, threads, source.survey.window(), report))
        done += len(listing)
    kept = [np.flatnonzero([header is not None for header in figures.headers]) for figures in taken]
    all_ids = [one.ids[i] for one, rows in zip(source.splits.values(), kept, strict=True) for i in rows]
    headers = [figures.headers[i] for figures, rows in zip(taken, kept, strict=True) for i in rows]
    known = [header for header in headers if header is not None]
    small = np.concatenate([figures.small[rows] for figures, rows in zip(taken, kept, strict=True)])
    return Fingerprints(
        source,
        tuple(source.splits),
        np.repeat(np.arange(len(taken)), [len(rows) for rows in kept]),
        np.concatenate(kept),
        tuple(header.format for header in known),
        np.array([header.height for header in known], np.int64),
        np.array([header.width for header in known], np.int64),
        np.array([header.color for header in known], np.bool_),
        np.concatenate([figures.brightness[rows] for figures, rows in zip(taken, kept, strict=True)]),
        np.concatenate([figures.contrast[rows] for figures, rows in zip(taken, kept, strict=True)]),
        tuple(name for name, header in zip(all_ids, known, strict=True) if header.frames > 1),
        tuple(name for name, header in zip(all_ids, known, strict=True) if header.bits_lost),
        small,
        hashes(small),
        tuple(
            one
            for figures, listing in zip(taken, source.splits.values(), strict=True)
            for one in (*listing.skipped, *_skipped(figures, listing))
        ),
    )


def _take(listing: Listing, threads: int, rendering: Rendering, report: Progress) -> _Taken:
    taken = _Taken(len(listing))
    together = _together(listing)
    if together is not None:
        taken.headers = [listing.store.header(0)] * len(listing)
        for first in range(0, len(together), 4096):
            block = together[first : first + 4096].reshape(-1, int(np.prod(together.shape[1:]))).astype(np.float32)
            taken.brightness[first : first + 4096] = block.mean(1)
            taken.contrast[first : first + 4096] = block.std(1)
        taken.small = thumbnails(together)
        report(len(listing), len(listing))
        return taken

    def take(i: int) -> None:
        try:
            header = listing.store.header(i)
            luma = gray(eight_bits(listing.store.pixels_of(i, (SIDE, SIDE), rendering)))
        except Unreadable as failure:
            taken.failures[i] = failure
            return
        taken.brightness[i], taken.contrast[i] = mean_and_std(luma)
        taken.small[i] = shrink(luma, SIDE)
        taken.headers[i] = header

    with STRICT_PILLOW:
        in_threads(take, len(listing), threads, report)
    return taken


def _together(listing: Listing) -> npt.NDArray[np.uint8] | None:
    """All images at once, N H W C, where the store has them so in memory."""
    try:
        header = listing.store.header(0)
    except Unreadable:
        return None
    pixels: Pixels | None = listing.store.preloaded(Canvas(header.height, header.width, 3 if header.color else 1))
    return eight_bits(pixels) if pixels is not None and pixels.dtype == np.uint8 else None


def _skipped(figures: _Taken, listing: Listing) -> list[SkippedFile]:
    return [
        SkippedFile(name, failure.reason, failure.detail)
        for name, failure in zip(listing.ids, figures.failures, strict=True)
        if failure is not None
    ]
