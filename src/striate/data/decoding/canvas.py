"""The canvas: the one size and number of channels that all pictures of a data set are brought to."""

from dataclasses import dataclass
from typing import Final, Literal, final

from striate.errors import SettingError

__all__ = ["MAX_CHANNELS", "Canvas"]

MAX_CHANNELS: Final = 64  # an array with more is not height x width x channels, but stored in another order


@final
@dataclass(frozen=True)
class Canvas:
    """Height and width in pixels; channels, of which 1 is grey (luma), 3 RGB and 4 RGBA; 8 or 16 bits for each.

    A picture is turned upright (EXIF), converted to `channels` and `bits`, shrunk or enlarged with its aspect kept
    until it covers the canvas, and cropped at its centre. One that already equals the canvas keeps its pixels bit for
    bit. Other numbers than 1, 3 and 4 do not convert: such pictures (.npy) have just the channels of the canvas.
    """

    height: int
    width: int
    channels: int
    bits: Literal[8, 16] = 8

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise SettingError(
                f"a canvas of {self.height} x {self.width} pixels holds nothing; give sizes of 1 or more"
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise SettingError(
                f"a canvas of {self.channels} channels is unknown; 1 is grey, 3 is RGB, 4 is RGBA, up to {MAX_CHANNELS}"
            )
        if self.bits not in (8, 16):
            raise SettingError(f"a canvas of {self.bits} bits is unknown; 8 and 16 are kept")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels: the shape of one decoded picture."""
        return self.height, self.width, self.channels
