"""The image of a scene: its digits in colored or gray ink, over a background that does not hint at them.

Behind the digits: a cloudy gradient, ellipses, zigzags and fragments of other digits; over all of it noise. Half of the
scenes are dark with light ink, half the reverse; a quarter are gray.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from striate.sources.generated.scene_layout import SIDE, Digits, SceneLayout, Words

__all__ = ["paint"]

Color = tuple[int, int, int]

DARKEST: Final = 80  # the most that the base of a dark background may be
PALE: Final = (40, 100)  # what light ink lacks to white, in one or two of its channels
CLUTTER: Final = 5  # the most of each kind
NOISE: Final = 24  # its greatest reach either way
FRAGMENT: Final = 9  # pixels of a digit's 28 that a fragment shows each way: a stroke, and nothing to read
WHEEL: Final = (
    (0, 1, 1),
    (0, 0, 1),
    (1, 0, 1),
    (1, 0, 0),
    (1, 1, 0),
    (0, 1, 0),
)  # what white must lack: red, yellow ...


def paint(layout: SceneLayout, digits: Digits, seed: int, scene: int) -> npt.NDArray[np.uint8]:
    """H W 3: the scene that `layout` was made for with the same seed and number."""
    words = Words(seed, scene, 1)
    base, spread = _color(words, 0, DARKEST), words.between(0, 60)
    cells = words.between(2, 6)
    lattice = (words.bytes(cells * cells * 3).reshape(cells, cells, 3) * np.uint16(spread) >> 8) + np.array(base)
    image = Image.fromarray(lattice.astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    _ellipses(image, words)
    _zigzags(image, words)
    _fragments(image, words, digits)
    hue = words.below(len(WHEEL))
    for k, one in enumerate(layout.digits):  # hues of neighbors differ, so that one digit on another stays visible
        pale = words.between(*PALE)
        lacks = WHEEL[(hue + k * 5 // 2) % len(WHEEL)]
        ink = tuple(255 - pale * lack - words.below(16) for lack in lacks)
        image.paste(ink, (one.left, one.top), Image.fromarray(one.ink))
    return _finished(np.asarray(image), words)


def _color(words: Words, low: int, high: int) -> Color:
    return words.between(low, high), words.between(low, high), words.between(low, high)


def _ellipses(image: Image.Image, words: Words) -> None:
    pen = ImageDraw.Draw(image)
    for _ in range(words.between(0, CLUTTER)):
        x, y = words.below(SIDE), words.below(SIDE)
        across, down = words.between(4, 40), words.between(4, 40)
        pen.ellipse((x - across, y - down, x + across, y + down), fill=_color(words, 0, 130))


def _zigzags(image: Image.Image, words: Words) -> None:
    pen = ImageDraw.Draw(image)
    for _ in range(words.between(0, CLUTTER)):
        x, y, color = words.below(SIDE), words.below(SIDE), _color(words, 40, 190)
        points = [(x, y)]
        for _ in range(words.between(2, 4)):
            x, y = x + words.between(-36, 36), y + words.between(-36, 36)
            points.append((x, y))
        for thick in range(words.between(1, 2)):
            pen.line([(x + thick, y) for x, y in points], fill=color)


def _fragments(image: Image.Image, words: Words, digits: Digits) -> None:
    for _ in range(words.between(0, CLUTTER)):
        left, top = words.between(5, FRAGMENT + 5), words.between(5, FRAGMENT + 5)
        piece = digits.ink(words.below(digits.count))[top : top + FRAGMENT, left : left + FRAGMENT]
        side = words.between(8, 24)
        stroke = Image.fromarray(np.ascontiguousarray(piece)).resize((side, side), Image.Resampling.BILINEAR)
        image.paste(_color(words, 90, 200), (words.below(SIDE - side), words.below(SIDE - side)), stroke)


def _finished(image: npt.NDArray[np.uint8], words: Words) -> npt.NDArray[np.uint8]:
    """Noise, and by chance gray, and by chance the negative."""
    reach, gray, negative = words.between(0, NOISE), words.below(4) == 0, words.below(2) == 0
    noise = (words.bytes(image.size).reshape(image.shape) * np.uint16(2 * reach + 1) >> 8).astype(np.int16) - reach
    noisy = (image + noise).clip(0, 255)
    if gray:
        noisy = np.repeat((noisy @ np.array([77, 150, 29]) >> 8)[..., None], 3, -1)  # luma of ITU-R BT.601, in 1/256
    return (255 - noisy if negative else noisy).astype(np.uint8)
