"""Stopping a run from outside: the first signal ends it after the step in hand, the second at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from striate.errors import StriateError


@final
class InterruptedRunError(StriateError):
    """The process was told to stop; the run is saved and can be gone on with."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number  # as shells have it: 130 for Ctrl-C, 143 for SIGTERM


@final
class Interruption:
    """`asked` becomes true when the process was told to stop."""

    def __init__(self) -> None:
        self.asked = False
        self.number = int(signal.SIGINT)

    def handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  the signature is Python's
        if self.asked:
            raise KeyboardInterrupt
        self.asked, self.number = True, number


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """While this lasts, SIGINT and SIGTERM set a mark instead of breaking a step in two (in the main thread only)."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.signal(number, interruption.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
