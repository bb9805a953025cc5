"""Images that are never held: decoded anew whenever they are wanted, in threads, a few batches ahead of the training step.

They are scanned once before, which finds the files that cannot be used and measures all pixels.
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

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.resize import Pixels
from striate.data.decoding.strict_pillow import STRICT_PILLOW
from striate.data.images import Images
from striate.data.measurements import Measurements, measure, no_measurements
from striate.data.skipped_files import SkippedFile, Unreadable
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

    def measured_box(self, i: int) -> tuple[int, int, int, int]:
        """Where an image that was read is measured on the canvas: left, top, right, bottom. Raises DataError if it went bad."""
        if self.canvas.fit != "window":  # no header is needed
            return 0, 0, self.canvas.width, self.canvas.height
        try:
            header = self.store.header(i)
        except Unreadable as failure:
            raise DataError(f"{self.ids[i]}: changed while it was read ({failure}); try again") from None
        return self.canvas.measured_box((header.height, header.width))


@final
class StreamedImages(Images):
    """Images by their positions in a store, and what was measured of each when it was scanned."""

    def __init__(
        self,
        reader: Reader,
        rows: npt.NDArray[np.int64],  # N, positions in the store
        measurements: Measurements,
    ) -> None:
        self._reader, self._rows, self._measurements = reader, rows, measurements
        self._type = pixel_type(reader.canvas)
        self.shape = (len(rows), *reader.canvas.shape)
        self.dtype = torch.from_numpy(np.empty(0, self._type)).dtype

    @property
    def lost(self) -> list[SkippedFile]:
        mine = set(self._rows.tolist())
        return [one for i, one in sorted(self._reader.lost.items()) if i in mine]

    def each(self, batches: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        waiting: deque[_Pending] = deque()
        with STRICT_PILLOW, ThreadPoolExecutor(self._reader.threads, "striate-stream") as pool:
            try:
                for ids in batches:
                    waiting.append(self._start(pool, ids))
                    if len(waiting) > AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def subset(self, indices: Tensor) -> "StreamedImages":
        at = indices.numpy()
        return StreamedImages(self._reader, self._rows[at], self._measurements.at(at))

    def near(self, device: torch.device) -> "StreamedImages":  # noqa: ARG002 - nothing is held that could be moved; batches are, when they are decoded
        return self

    @property
    def measurements(self) -> Measurements:
        return self._measurements

    def _start(self, pool: ThreadPoolExecutor, ids: Tensor) -> "_Pending":
        images = cast(Pixels, np.empty((len(ids), *self.shape[1:]), self._type))
        used = ids.numpy().copy()

        def read(first: int) -> None:
            for n in range(first, min(first + CHUNK, len(used))):
                used[n], images[n] = self._read(int(used[n]))

        return _Pending(used, images, [pool.submit(read, first) for first in range(0, len(ids), CHUNK)])

    def _read(self, wanted: int) -> tuple[int, Pixels]:
        """An image and its position: the next one that can be read takes the place of one that went bad."""
        for step in range(len(self)):
            position = (wanted + step) % len(self)
            image = self._reader.read(int(self._rows[position]))
            if image is not None:
                return position, image
        first = next(iter(self._reader.lost.values()))
        raise DataError(
            f"none of {len(self)} images can be read any more ({first.id}: {first.reason}); bring the data back, then resume"
        )


@final
@dataclass(frozen=True, eq=False)
class _Pending:
    """A batch that is being decoded."""

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
    measured = no_measurements(count, reader.canvas.channels)
    scan = Reader(reader.store, reader.ids, reader.canvas, reader.threads)

    def measure_one(i: int) -> None:
        image = scan.read(i)
        if image is not None:
            left, top, right, bottom = scan.measured_box(i)
            one = measure([torch.from_numpy(np.array(image[top:bottom, left:right]))[None]], reader.canvas.channels)
            measured.content_hashes[i], measured.pixels[i] = one.content_hashes[0], one.pixels[0]
            measured.sums[i] = one.sums[0]
            measured.statistics[i], measured.signatures[i] = one.statistics[0], one.signatures[0]

    with STRICT_PILLOW:
        in_threads(measure_one, count, reader.threads, progress)
    kept = [i for i in range(count) if i not in scan.lost]
    rows = np.array(kept, np.int64)
    images = StreamedImages(reader, rows, measured.at(rows))
    return images, kept, [scan.lost[i] for i in sorted(scan.lost)]
