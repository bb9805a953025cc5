"""The canvas: the one size and number of channels that all pictures of a data set are brought to."""

from dataclasses import dataclass
from typing import final

from striate.errors import SettingError

__all__ = ["Canvas"]


@final
@dataclass(frozen=True)
class Canvas:
    """Height and width in pixels, and channels: 1 is grey (luma), 3 is RGB, 4 is RGBA.

    A picture is turned upright (EXIF), converted to `channels`, shrunk or enlarged with its aspect kept until it covers
    the canvas, and cropped at its centre. A picture that already equals the canvas keeps its pixels bit for bit.
    """

    height: int
    width: int
    channels: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise SettingError(
                f"a canvas of {self.height} x {self.width} pixels holds nothing; give sizes of 1 or more"
            )
        if self.channels not in (1, 3, 4):
            raise SettingError(f"a canvas of {self.channels} channels is unknown; 1 is grey, 3 is RGB, 4 is RGBA")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels: the shape of one decoded picture."""
        return self.height, self.width, self.channels
