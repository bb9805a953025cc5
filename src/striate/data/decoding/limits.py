"""What the reading of images refuses, and how much of it a data set may contain."""

from dataclasses import dataclass
from typing import Final, final

from striate.errors import SettingError

__all__ = ["DEFAULT_LIMITS", "MOST_PIXELS", "Limits"]

MOST_PIXELS: Final = 2_000_000_000


@final
@dataclass(frozen=True)
class Limits:
    """`max_pixels`: largest height x width that a header may declare; above it the file is a bomb and is not decoded.
    `max_bad`: largest share of a data set's files that may be skipped; above it nothing is trained.
    `follow_links`: whether links to folders, and to files outside the data, are followed.
    """

    max_pixels: int = 50_000_000
    max_bad: float = 0.05
    follow_links: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.max_pixels <= MOST_PIXELS:
            raise SettingError(f"max_pixels = {self.max_pixels}: takes 1 to {MOST_PIXELS}; the default is 50000000")
        if not 0 <= self.max_bad <= 1:
            raise SettingError(f"max_bad = {self.max_bad} is no share; give a number from 0 to 1, such as 0.05")

    @property
    def max_bytes(self) -> int:
        """Largest file that is read: an image of `max_pixels` at 16 bytes a pixel, the most that any mode takes."""
        return 16 * self.max_pixels + 2**20


DEFAULT_LIMITS: Final = Limits()
