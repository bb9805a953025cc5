"""Images inside the page."""

import struct
from base64 import b64encode
from dataclasses import dataclass
from typing import final

TINY = 96  # images of at most so many pixels a side are enlarged without smoothing


@final
@dataclass(frozen=True)
class EmbeddedImage:
    """A PNG as a data: address; its size is 0 by 0 where the header cannot be read."""

    address: str
    width: int
    height: int

    @property
    def wide(self) -> bool:
        """Whether several images stand side by side in it."""
        return self.width >= 2 * self.height > 0

    @property
    def tiny(self) -> bool:
        return 0 < max(self.width, self.height) <= TINY


def embed(png: bytes) -> EmbeddedImage:
    width, height = struct.unpack(">II", png[16:24]) if png[:4] == b"\x89PNG" and len(png) >= 24 else (0, 0)
    return EmbeddedImage("data:image/png;base64," + b64encode(png).decode(), width, height)


def file_name(id_: str) -> str:
    """The last part of a path."""
    return id_.split("/")[-1]
