"""A source: what is on disk, listed and checked, before any picture is decoded."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from striate.data.canvas import Canvas
from striate.data.limits import Limits
from striate.data.pictures import Pictures
from striate.data.set_aside import SetAside

__all__ = ["Listing", "Progress", "Source"]

Progress = Callable[[int, int], None]  # called in the caller's thread with files done and files in all


@final
@dataclass(frozen=True, eq=False)
class Listing:
    """The samples of one split. `set_aside` are files that the listing itself ruled out: links, FIFOs, devices."""

    ids: tuple[str, ...]  # printable: relative path with "/", or "train-images-idx3-ubyte[17]"
    labels: npt.NDArray[np.int64]  # N, positions in the source's classes
    set_aside: tuple[SetAside, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


class Source(ABC):
    """Samples and labels on disk. Opening a source reads names, labels and a few headers; nothing on disk is changed.

    `location` opens the same source again with `open_source`. `splits` has the one key "all" where the data is not
    split, else "train" and any of "val" and "test". `ignored` counts what was passed over by name, by kind.
    """

    name: str
    location: str
    kind: str  # "idx" or "class folders"
    classes: tuple[str, ...]
    splits: Mapping[str, Listing]
    ignored: Mapping[str, int]

    @abstractmethod
    def native(self) -> Canvas:
        """The typical size: medians of height and width when upright, 1 channel if all is grey, else 3."""

    @abstractmethod
    def decode(
        self,
        split: str,
        canvas: Canvas,
        *,
        threads: int,
        limits: Limits,
        cache: Path | None = None,
        progress: Progress | None = None,
    ) -> Pictures:
        """All pictures of a split on the canvas; the pixels do not depend on the number of threads.

        `cache` is a folder for a memory-mapped file, used when the pictures take over half of the available memory.
        DataError when more than `limits.max_bad` of the files cannot be used, or all of a class that is to be learned.
        """

    @abstractmethod
    def digest(self) -> str:
        """SHA-256 over ids, labels and contents of all splits."""
