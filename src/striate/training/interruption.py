"""Interrupting a run: the first signal stops it after the current step, the second at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from striate.errors import StriateError

__all__ = ["InterruptedRunError", "Interruption", "interruptible"]


@final
class InterruptedRunError(StriateError):
    """The process was told to stop; the run is saved and can be resumed."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number  # as shells have it: 130 for Ctrl-C, 143 for SIGTERM


@final
class Interruption:
    """`requested` becomes true when the process receives SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self.requested = False
        self.number = int(signal.SIGINT)

    def handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  the signature is Python's
        if self.requested:
            raise KeyboardInterrupt
        self.requested, self.number = True, number


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Within this context SIGINT and SIGTERM set a flag instead of interrupting a step (in the main thread only)."""
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
