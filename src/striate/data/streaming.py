"""Images that are never held: decoded anew whenever they are wanted, in threads, a few batches ahead of the training step.

They are scanned once before, which finds the files that cannot be used and what must be known of all pixels.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, cast, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data.content_hash import content_hashes, moments
from striate.data.decoding.canvas import Canvas
from striate.data.decoding.resize import Pixels
from striate.data.decoding.strict_pillow import STRICT_PILLOW
from striate.data.images import Images
from striate.data.signatures import SIDE, Signatures, looks
from striate.data.skipped_files import SkippedFile, Unreadable
from striate.data.statistics import MEASURES, Measured, image_statistics
from striate.data.storage import pixel_type
from striate.data.store import Store
from striate.data.threads import Progress, in_threads
from striate.errors import DataError

__all__ = ["Reader", "StreamedImages", "stream"]

AHEAD: Final = 3  # batches that are decoded while one is worked on
CHUNK: Final = 4  # images that a thread takes at a time


@final
@dataclass(frozen=True, eq=False)
class Reader:
    """What decodes the images of a listing, and which of its files went bad since they were scanned."""

    store: Store
    ids: tuple[str, ...]
    canvas: Canvas
    threads: int
    lost: dict[int, SkippedFile] = field(default_factory=dict)

    def read(self, i: int) -> Pixels | None:
        """An image that was good when it was scanned; None, and an entry in `lost`, if it is not any more."""
        if i in self.lost:
            return None
        try:
            return self.store.decode(i, self.canvas)
        except Unreadable as failure:
            self.lost[i] = SkippedFile(self.ids[i], failure.reason, failure.detail)
            return None


@final
@dataclass(frozen=True, eq=False)
class Scanned:
    """What was measured of each image while it was decoded once."""

    content_hashes: npt.NDArray[np.uint64]  # N
    moments: npt.NDArray[np.int64]  # N C 2, sums and sums of squares
    statistics: Measured  # N 3
    looks: Signatures  # N 64

    def at(self, positions: npt.NDArray[np.int64]) -> "Scanned":
        return Scanned(
            self.content_hashes[positions], self.moments[positions], self.statistics[positions], self.looks[positions]
        )


@final
class StreamedImages(Images):
    """Images by their positions in a store, and what was measured of each when it was scanned."""

    def __init__(
        self,
        reader: Reader,
        rows: npt.NDArray[np.int64],  # N, positions in the store
        scanned: "Scanned",
    ) -> None:
        self._reader, self._rows, self._scanned = reader, rows, scanned
        self._type = pixel_type(reader.canvas)
        self.shape = (len(rows), *reader.canvas.shape)
        self.dtype = torch.from_numpy(np.empty(0, self._type)).dtype

    @property
    def lost(self) -> list[SkippedFile]:
        mine = set(self._rows.tolist())
        return [one for i, one in sorted(self._reader.lost.items()) if i in mine]

    def each(self, parts: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        waiting: deque[_Part] = deque()
        with STRICT_PILLOW, ThreadPoolExecutor(self._reader.threads, "striate-stream") as pool:
            try:
                for ids in parts:
                    waiting.append(self._begin(pool, ids))
                    if len(waiting) > AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def subset(self, indices: Tensor) -> "StreamedImages":
        at = indices.numpy()
        return StreamedImages(self._reader, self._rows[at], self._scanned.at(at))

    def near(self, device: torch.device) -> "StreamedImages":  # noqa: ARG002 - nothing is held that could be moved; batches are, when they are decoded
        return self

    def content_hashes(self) -> npt.NDArray[np.uint64]:
        return self._scanned.content_hashes

    def moments(self) -> list[tuple[int, int]]:
        channels = self._scanned.moments.transpose(1, 2, 0).tolist()  # as Python's numbers, which do not overflow
        return [(sum(sums), sum(squares)) for sums, squares in channels]

    def looks(self) -> Signatures:
        return self._scanned.looks

    def statistics(self) -> Measured:
        return self._scanned.statistics

    def _begin(self, pool: ThreadPoolExecutor, ids: Tensor) -> "_Part":
        images = cast(Pixels, np.empty((len(ids), *self.shape[1:]), self._type))
        used = ids.numpy().copy()

        def read(first: int) -> None:
            for place in range(first, min(first + CHUNK, len(used))):
                used[place], images[place] = self._read(int(used[place]))

        return _Part(used, images, [pool.submit(read, first) for first in range(0, len(ids), CHUNK)])

    def _read(self, wanted: int) -> tuple[int, Pixels]:
        """An image and its position: the next one that can be read takes the place of one that went bad."""
        for step in range(len(self)):
            position = (wanted + step) % len(self)
            image = self._reader.read(int(self._rows[position]))
            if image is not None:
                return position, image
        first = next(iter(self._reader.lost.values()))
        raise DataError(
            f"none of {len(self)} images can be read any more ({first.id}: {first.reason}); bring the data back, then go on"
        )


@final
@dataclass(frozen=True, eq=False)
class _Part:
    """A batch on its way."""

    used: npt.NDArray[np.int64]
    images: Pixels
    work: list[Future[None]]

    def result(self) -> tuple[Tensor, Tensor]:
        for one in self.work:
            one.result()
        return torch.from_numpy(self.used), torch.from_numpy(self.images)


def stream(reader: Reader, progress: Progress | None) -> tuple[StreamedImages, list[int], list[SkippedFile]]:
    """Decode every image of a store once and keep none: the images, the positions that are good, and the files that are not."""
    count = len(reader.store)
    scanned = Scanned(
        np.zeros(count, np.uint64),
        np.zeros((count, reader.canvas.channels, 2), np.int64),
        np.zeros((count, len(MEASURES))),
        np.zeros((count, SIDE * SIDE), np.uint8),
    )
    scan = Reader(reader.store, reader.ids, reader.canvas, reader.threads)

    def look(i: int) -> None:
        image = scan.read(i)
        if image is not None:
            one = torch.from_numpy(np.array(image))[None]
            scanned.content_hashes[i], scanned.moments[i] = content_hashes(one)[0], moments(one)
            scanned.statistics[i], scanned.looks[i] = image_statistics(one)[0], looks(one)[0]

    with STRICT_PILLOW:
        in_threads(look, count, reader.threads, progress)
    kept = [i for i in range(count) if i not in scan.lost]
    rows = np.array(kept, np.int64)
    images = StreamedImages(reader, rows, scanned.at(rows))
    return images, kept, [scan.lost[i] for i in sorted(scan.lost)]
