"""How long each phase of a run takes."""

import time
from typing import final

__all__ = ["PhaseTimer"]


@final
class PhaseTimer:
    """Seconds of each phase and in total; monotonic, so a changed wall clock does not matter."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def end_phase(self, name: str) -> None:
        """The time since the last call, or since the start, is that of this phase."""
        now = time.perf_counter()
        self.seconds[name] = round(now - self._last, 3)
        self._last = now

    def total(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._started

    def as_json(self) -> dict[str, float]:
        return {**self.seconds, "total": round(self.total(), 3)}
