"""Pillow as strict and as silent as we need it, in all threads, for as long as any of them decodes.

Two of its settings belong to the whole process: the warnings filter, and LOAD_TRUNCATED_IMAGES, which other libraries
switch on and which makes half-gray images of truncated files. The first thread that comes in sets them, the last one
that leaves puts them back: saving and restoring them in each thread would leave them wrong when two threads overlap.
"""

import warnings
from threading import Lock
from types import TracebackType
from typing import final

from PIL import ImageFile

__all__ = ["STRICT_PILLOW"]


@final
class _StrictPillow:
    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()
        self._load_truncated = False

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._load_truncated = ImageFile.LOAD_TRUNCATED_IMAGES
                ImageFile.LOAD_TRUNCATED_IMAGES = False
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\b")  # what matters is raised by us, with a reason

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)
                ImageFile.LOAD_TRUNCATED_IMAGES = self._load_truncated


STRICT_PILLOW = _StrictPillow()
