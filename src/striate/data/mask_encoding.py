"""How mask files show classes: by a number, which a palette may color, or by a color. Predicted masks are written likewise."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast, final, get_args

__all__ = ["MaskEncoding", "MaskKind"]

MaskKind = Literal["palette", "gray", "color"]
MOST: Final[Mapping[MaskKind, int]] = {"palette": 255, "gray": 65535, "color": 0xFFFFFF}  # that a code can be


@final
@dataclass(frozen=True)
class MaskEncoding:
    """The number of each class in a file, or its packed color 0xRRGGBB; `ignored` is that of pixels without a class.

    `palette`: packed colors of the numbers 0, 1, 2 ... Raises ValueError for codes that no file holds, or for one of two classes.
    """

    kind: MaskKind
    codes: tuple[int, ...]  # K
    ignored: int
    palette: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        codes = (*self.codes, self.ignored)
        if self.kind not in get_args(MaskKind) or not all(0 <= code <= MOST[self.kind] for code in codes):
            raise ValueError(f"masks of kind {self.kind!r} hold no codes {min(codes)} to {max(codes)}")
        if len(set(codes)) < len(codes) or not all(0 <= color <= 0xFFFFFF for color in self.palette):
            raise ValueError("masks have one code for two classes, or a palette of other numbers than colors")

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "codes": list(self.codes), "palette": list(self.palette)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "MaskEncoding":
        """The inverse of `as_json`. Raises KeyError, TypeError or ValueError for anything else."""
        codes, palette = (tuple(map(int, stored[key])) for key in ("codes", "palette"))
        return cls(cast(MaskKind, stored["kind"]), codes, int(stored["ignored"]), palette)
