"""A source: what is on disk, listed and checked, before any image is decoded."""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Final, final

import numpy as np
import numpy.typing as npt

from striate.data.annotation_faults import AnnotationFault
from striate.data.decoding.canvas import Canvas
from striate.data.decoding.limits import DEFAULT_LIMITS, Limits
from striate.data.decoding.resize import Pixels
from striate.data.skipped_files import SkippedFile, Unreadable
from striate.data.store import Store
from striate.data.survey import Survey, survey
from striate.data.targets import ASKS, ClassTargets, LoadedTargets, Skeleton, Target, Targets, TaskKind
from striate.data.threads import Progress, in_threads
from striate.errors import DataError
from striate.views import View

__all__ = ["ImageFrame", "Listing", "Sample", "Source", "require_classes"]

SHA256_DIGITS: Final = 64


@final
@dataclass(frozen=True, eq=False)
class Listing:
    """The samples of one split. `skipped` are files that the listing itself ruled out: links, FIFOs, devices.

    `faults` are what was wrong in annotations: objects that are left out, or used after a correction.
    `columns` hold the other columns of a table, by name: a patient, a camera, a date.
    """

    ids: tuple[str, ...]  # printable: relative path with "/", or "train-images-idx3-ubyte[17]"
    targets: Targets
    store: Store
    skipped: tuple[SkippedFile, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    faults: tuple[AnnotationFault, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.targets) == len(self.store):
            raise ValueError(f"{len(self.ids)} ids, {len(self.targets)} targets and {len(self.store)} images")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """Those of the store, computed once: every file that was not decoded before is read for them."""
        return tuple(self.store.digests())

    @property
    def digest(self) -> str:
        """SHA-256 over ids and contents, without targets."""
        return hashlib.sha256("\n".join((*self.ids, *self.digests)).encode()).hexdigest()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The one class of each sample, N. Only classification has it."""
        assert isinstance(self.targets, ClassTargets)
        return self.targets.values


@final
@dataclass(frozen=True, eq=False)
class Sample:
    """One image at its own size (or reduced), and what is known of it, in the pixels of this image."""

    id: str
    image: Pixels  # H W C
    target: Target


@final
@dataclass(frozen=True, eq=False)
class ImageFrame:
    """An image that was predicted: its name, its height and width when upright, and the view from there to the network's input."""

    name: str
    size: tuple[int, int]
    view: View  # of this one image


@final
@dataclass(frozen=True, eq=False)
class Source:
    """Samples and what is known of them. Opening a source reads names, labels and a few headers; nothing is changed.

    `location` is printable; `unescaped` it opens the same source again with `open_source`. `splits` has the one key "all"
    where the data is not split, else "train" and any of "val" and "test". `ignored` counts what was passed over by name,
    by kind. `classes` are names: of the classes, or of the numbers of a regression. `limits` are those that `native`
    holds headers against. `split_origin` is where the splits come from ("folders Training and Testing", "column
    is_valid"), empty where the data are not split. `label_files` are the names of the files with labels where they are
    several. `has_class_columns` is whether each class has a column of its own, so that without it nothing is known of the class.
    `notes` are sentences on how the data were read, for a person.
    """

    name: str
    location: str
    kind: str  # for a person: "class folders", "idx", "COCO" ...
    classes: tuple[str, ...]
    splits: Mapping[str, Listing]
    ignored: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    limits: Limits = DEFAULT_LIMITS
    skeleton: Skeleton | None = None
    split_origin: str = ""
    label_files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    has_class_columns: bool = False

    @property
    def needs_all_classes(self) -> bool:
        """Whether a class or a number that is not among `classes` may be in the images all the same, and is not labeled."""
        return not self.has_classes or (self.has_class_columns and not self.has_single_classes)

    @property
    def task(self) -> TaskKind:
        """What the data ask for."""
        return next(iter(self.splits.values())).targets.task

    @property
    def has_classes(self) -> bool:
        """Whether `classes` are names of classes, and not of numbers."""
        return next(iter(self.splits.values())).targets.has_classes

    @property
    def has_maps(self) -> bool:
        """Whether each pixel has a class."""
        return next(iter(self.splits.values())).targets.form == "masks"

    @property
    def has_outlines(self) -> bool:
        """Whether there are objects with outlines, which can be drawn into masks."""
        classes = range(len(self.classes))
        return all(listing.targets.as_masks(classes) is not None for listing in self.splits.values())

    @property
    def has_targets_in_memory(self) -> bool:
        """Whether targets are values, and no boxes or masks."""
        return all(isinstance(listing.targets, LoadedTargets) for listing in self.splits.values())

    @property
    def has_single_classes(self) -> bool:
        """Whether each image has exactly one class."""
        targets = [listing.targets for listing in self.splits.values()]
        return all(isinstance(one, LoadedTargets) and one.single_classes() is not None for one in targets)

    @cached_property
    def survey(self) -> Survey:
        """What the data ask for: size, channels, levels, background, fit. Computed once."""
        return survey(self.splits)

    def as_stored(self) -> "Source":
        """The same with the values that are stored, also those of arrays, for a canvas that knows their levels."""
        return replace(
            self, splits={name: replace(one, store=one.store.as_stored()) for name, one in self.splits.items()}
        )

    def take_survey(self, progress: Progress) -> Survey:
        """The same; `progress` counts the images where all of them are read for their levels."""
        if "survey" not in vars(self):
            vars(self)["survey"] = survey(self.splits, progress)
        return self.survey

    def native(self) -> Canvas:
        """The typical size: medians of height and width when upright; 1 channel if all is gray, else 3; arrays keep theirs.

        16 bits where images hold more than 8, with the levels, background and fit that the data ask for.
        """
        return self.survey.canvas()

    @cached_property
    def largest_size(self) -> tuple[int, int]:
        """Height and width that each image fits in, by all headers that can be read."""
        sizes = [(1, 1)]
        for listing in self.splits.values():

            def read(i: int, store: Store = listing.store) -> None:
                with suppress(Unreadable):
                    header = store.header(i)
                    sizes.append((header.height, header.width))

            in_threads(read, len(listing), os.cpu_count() or 1)
        return max(height for height, _ in sizes), max(width for _, width in sizes)

    def with_limits(self, limits: Limits) -> "Source":
        """The same samples, read within other limits; digests that are known stay known."""
        splits = {name: replace(one, store=one.store.with_limits(limits)) for name, one in self.splits.items()}
        return replace(self, splits=splits, limits=limits)

    def sample(self, split: str, i: int) -> Sample:
        """One sample with all that is known of it. Raises Unreadable."""
        listing = self.splits[split]
        return Sample(listing.ids[i], listing.store.pixels_of(i), listing.targets.target(i))

    def digest(self) -> str:
        """SHA-256 over classes, ids, targets and contents of all splits."""
        total = hashlib.sha256("\n".join(self.classes).encode())
        for split, listing in sorted(self.splits.items()):
            skipped = [f"{one.id}\t{one.reason}" for one in listing.skipped]
            for lines in ((split,), listing.ids, listing.digests, skipped):
                total.update("\n".join((str(len(lines)), *lines, "")).encode())
            total.update(listing.targets.content())
        return total.hexdigest()

    def contents(self, *splits: str) -> dict[str, str]:
        """SHA-256 of each image's file by id, as far as images have files of their own that can be read."""
        return {
            id_: content
            for listing in (self.splits[name] for name in splits or self.splits)
            if len(listing.digests) == len(listing)
            for id_, line in zip(listing.ids, listing.digests, strict=True)
            if len(content := line.partition("\t")[2]) == SHA256_DIGITS
        }


def require_classes(
    source: Source, purpose: str = "this", way_out: str = "give each image one class, as a folder, a number or text"
) -> None:
    """DataError where an image has anything but one class, for what is done with classes alone."""
    if not source.has_single_classes:
        raise DataError(
            f"{source.location} has {ASKS[source.task]}, and {purpose} is for data with one class per image; {way_out}"
        )
