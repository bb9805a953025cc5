"""What the reading of images refuses, and how much of it a data set may contain."""

from dataclasses import dataclass
from typing import Annotated, Final, final

from striate.settings import Setting, declared_settings

__all__ = ["DEFAULT_LIMITS", "FOLLOW_LINKS", "MAX_BAD", "MAX_PIXELS", "MOST_PIXELS", "Limits"]

MOST_PIXELS: Final = 2_000_000_000
MAX_PIXELS: Final = Setting("largest height x width of an image file; larger files are skipped", 1, MOST_PIXELS)
MAX_BAD: Final = Setting("largest share of unreadable files that is tolerated", 0, 1)
FOLLOW_LINKS: Final = Setting("follow links to folders, and to files outside the data")


@final
@dataclass(frozen=True)
class Limits:
    """`max_pixels`: largest height x width that a header may declare; above it the file is a bomb and is not decoded.
    `max_bad`: largest share of a data set's files that may be skipped; above it nothing is trained.
    `follow_links`: whether links to folders, and to files outside the data, are followed. Raises SettingError.
    """

    max_pixels: Annotated[int, MAX_PIXELS] = 50_000_000
    max_bad: Annotated[float, MAX_BAD] = 0.05
    follow_links: Annotated[bool, FOLLOW_LINKS] = False

    def __post_init__(self) -> None:
        for name, declared in declared_settings(Limits).items():
            declared.check(getattr(self, name))

    @property
    def max_bytes(self) -> int:
        """Largest file that is read: an image of `max_pixels` at 16 bytes a pixel, the most that any mode takes."""
        return 16 * self.max_pixels + 2**20


DEFAULT_LIMITS: Final = Limits()
