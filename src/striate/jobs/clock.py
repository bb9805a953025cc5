"""How long each part of a job took."""

import time
from typing import final


@final
class Clock:
    """Seconds of each part, and in all; monotonic, so a changed wall clock does not matter."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def lap(self, part: str) -> None:
        """What was done since the last lap was `part`."""
        now = time.perf_counter()
        self.seconds[part] = round(now - self._last, 3)
        self._last = now

    def total(self) -> float:
        return round(time.perf_counter() - self._started, 3)
