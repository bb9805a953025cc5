"""The canvas: what all images of a data set are brought to, decided once and kept in the bundle."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, final

from striate.data.decoding.rendering import AS_STORED, Levels, Rendering
from striate.data.decoding.resize import canvas_boxes
from striate.data.settings import FitMode, check_choice
from striate.errors import SettingError

__all__ = ["CONVERTED_CHANNELS", "MAX_CHANNELS", "Canvas"]

CONVERTED_CHANNELS: Final = frozenset({1, 3, 4})  # into one another
MAX_CHANNELS: Final = 64  # an array with more is not height x width x channels, but stored in another order


@final
@dataclass(frozen=True)
class Canvas:
    """Height and width in pixels; channels, of which 1 is gray (luma), 3 RGB and 4 RGBA; 8 or 16 bits for each.

    An image is turned upright (EXIF), converted to `channels` and `bits` by `rendering`, and shrunk or enlarged with
    its aspect kept: until it covers the canvas, and cropped at its center (`fit` cover), or until all of it is inside, with
    black (4 channels: transparent) beside it (contain). By `fit` window it keeps its size, in the middle, with black around it:
    the canvas is then as large as the largest image. One that already equals the canvas keeps its pixels bit for bit.
    Other numbers than 1, 3 and 4 do not convert: such images (.npy) have just the channels of the canvas.
    """

    height: int
    width: int
    channels: int
    bits: Literal[8, 16] = 8
    rendering: Rendering = AS_STORED
    fit: FitMode = "cover"

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise SettingError(
                f"a canvas of {self.height} x {self.width} pixels holds nothing; give sizes of 1 or more"
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise SettingError(
                f"a canvas of {self.channels} channels is unknown; 1 is gray, 3 is RGB, 4 is RGBA, up to {MAX_CHANNELS}"
            )
        if self.bits not in (8, 16):
            raise SettingError(f"a canvas of {self.bits} bits is unknown; 8 and 16 are kept")
        check_choice("fit", self.fit, FitMode)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels: the shape of one decoded image."""
        return self.height, self.width, self.channels

    def holding(self, size: tuple[int, int]) -> "Canvas":
        """The same, at least as large as a height and a width."""
        return replace(self, height=max(self.height, size[0]), width=max(self.width, size[1]))

    def measured_box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where an image of a height and width is measured: left, top, right, bottom in whole pixels.

        All of the canvas, but of images that keep their size only the image itself: around it there is as much black as the
        largest image of the data set leaves.
        """
        if self.fit != "window":
            return 0, 0, self.width, self.height
        return canvas_boxes(self.height, self.width, (0, 0, size[1], size[0]), self.fit)[1]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Canvas":
        """What `as_json` gave. Raises SettingError, TypeError, KeyError, ValueError for anything else."""
        template = cls(1, 1, 1).as_json()
        if stored.keys() != template.keys() or stored["rendering"].keys() != template["rendering"].keys():
            raise KeyError(f"a canvas has {', '.join(template)}, and its rendering {', '.join(template['rendering'])}")
        levels: dict[str, Levels] = {}
        for kind in ("integers", "floats"):
            if stored["rendering"][kind] is not None:
                black, white = stored["rendering"][kind]
                levels[kind] = float(black), float(white)
        return cls(**{**stored, "rendering": Rendering(**{**stored["rendering"], **levels})})
