"""Which keypoints a mirror exchanges, by their names: left_eye and right_eye, eye_left and eye_right, LeftEye and RightEye."""

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["mirror_pairs"]

_OTHER: Final = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "l": "r", "L": "R"}
# the word anywhere; the letter only where it stands alone: l_eye, eye.L
_SIDE: Final = re.compile(r"left|Left|LEFT|(?<![A-Za-z])[lL](?![A-Za-z])")


def mirror_pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Pairs of positions in `names`, left first."""
    position = {name: i for i, name in enumerate(names)}
    other = [_SIDE.sub(lambda side: _OTHER[side[0]], name) for name in names]
    return tuple(
        (i, position[o]) for i, (name, o) in enumerate(zip(names, other, strict=True)) if o != name and o in position
    )
