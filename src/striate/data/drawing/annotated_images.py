"""A sample with its annotations: boxes with their classes, masks as translucent color, keypoints joined, a line of text.

Classes have the colors of Okabe and Ito, which people with any kind of color vision distinguish; from the ninth class
on lighter and darker ones of them follow. The color of a class is the same in all images. Small images are drawn
enlarged by whole pixels, so that lines stay one pixel thin and text is readable.
Okabe and Ito, "Color Universal Design", 2008.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from striate.data.decoding.resize import Pixels
from striate.data.source import Sample
from striate.data.targets import IGNORE, Instances, Skeleton

__all__ = ["annotated_image", "as_rgb", "class_color", "overlaid"]

Color = tuple[int, int, int]

_COLORS: Final[tuple[Color, ...]] = (
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (0, 158, 115),  # bluish green
    (240, 228, 66),  # yellow
    (0, 114, 178),  # blue
    (213, 94, 0),  # vermilion
    (204, 121, 167),  # reddish purple
    (153, 153, 153),  # gray in the place of black, which is invisible on dark images
)
_SHADES: Final = (0.0, 0.55, -0.45)  # toward white or black, for each further eight classes
_OVERLAY: Final = 0.5  # of a mask
_LEAST: Final = 200  # pixels of the longer side, below which the image is enlarged
_TEXT: Final = 11  # pixels
_BACKGROUND: Final = "background"  # the class of this name is left as it is
_NOTHING: Final = ("0", "#000000")  # and a first class of such a name
_LINES: Final = 12  # of a legend


def class_color(i: int) -> Color:
    """The color of class `i`, R G B; after 24 classes they come again."""
    red, green, blue = _COLORS[i % len(_COLORS)]
    shade = _SHADES[i // len(_COLORS) % len(_SHADES)]
    goal = 255 if shade > 0 else 0
    red, green, blue = (round(c + abs(shade) * (goal - c)) for c in (red, green, blue))
    return red, green, blue


def annotated_image(sample: Sample, classes: Sequence[str], skeleton: Skeleton | None = None) -> Image.Image:
    """The image with all that is known of it, RGB; a line (a legend, for masks) is added below where there is text."""
    pixels = as_rgb(sample.image)
    target = sample.target
    scale = max(1, -(-_LEAST // max(pixels.shape[:2])))
    if isinstance(target, Instances):
        if target.masks is not None:
            for mask, label in zip(target.masks, target.labels.tolist(), strict=True):
                pixels = _overlay(pixels, mask, class_color(label))
        image = _enlarged(pixels, scale)
        _draw_objects(ImageDraw.Draw(image), target, classes, skeleton, scale)
        return image
    if target.ndim == 2:
        mask = np.asarray(target)
        drawn = _drawn_classes(mask, classes)
        pixels = overlaid(pixels, mask, classes)
        return _with_legend(_enlarged(pixels, scale), [(classes[label], class_color(label)) for label in drawn])
    return _with_legend(_enlarged(pixels, scale), [(_caption(target, classes), None)])


def overlaid(pixels: npt.NDArray[np.uint8], mask: npt.NDArray[Any], classes: Sequence[str]) -> npt.NDArray[np.uint8]:
    """H W 3 with the color of each class over its pixels, and hatched where there is none; the background stays as it is.

    Outlines have the color alone: mixed with pixels of another color it might be taken for that of another class.
    """
    edges = _edges(mask)
    for label in _drawn_classes(mask, classes):
        pixels = _overlay(pixels, mask == label, class_color(label))
        pixels[edges & (mask == label)] = class_color(label)
    return _hatch(pixels, mask == IGNORE)


def _edges(mask: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Pixels beside one of another class: H W -> H W"""
    edges = np.zeros(mask.shape, np.bool_)
    for one, other in ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = mask[one] != mask[other]
        edges[one] |= differs
        edges[other] |= differs
    return edges


def _drawn_classes(mask: npt.NDArray[Any], classes: Sequence[str]) -> list[int]:
    first = 1 if classes[0] in _NOTHING else 0
    return [label for label in np.unique(mask).tolist() if label >= first and classes[label] != _BACKGROUND]


def _caption(target: npt.NDArray[Any] | np.int64, classes: Sequence[str]) -> str:
    if isinstance(target, np.int64):
        return classes[int(target)]
    if target.dtype == np.bool_:
        return ", ".join(classes[i] for i in np.flatnonzero(target).tolist()) or "none"
    return ", ".join(f"{name} {value:.4g}" for name, value in zip(classes, target.tolist(), strict=True))


def as_rgb(image: Pixels) -> npt.NDArray[np.uint8]:
    """H W C of any channels and bits -> H W 3: the first three channels, or the first one as gray."""
    shown = image[..., :3] if image.shape[2] >= 3 else image[..., :1].repeat(3, 2)
    return (shown // 257 if shown.dtype == np.uint16 else shown).astype(np.uint8)


def _overlay(pixels: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], color: Color) -> npt.NDArray[np.uint8]:
    overlaid = pixels.copy()
    overlaid[mask] = np.rint((1 - _OVERLAY) * pixels[mask] + _OVERLAY * np.array(color)).astype(np.uint8)
    return overlaid


def _hatch(pixels: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """White diagonal lines where a pixel has no label."""
    rows, columns = np.indices(mask.shape)
    hatched = pixels.copy()
    hatched[mask & ((rows + columns) % 4 == 0)] = 255
    return hatched


def _enlarged(pixels: npt.NDArray[np.uint8], scale: int) -> Image.Image:
    return Image.fromarray(pixels.repeat(scale, 0).repeat(scale, 1))


def _draw_objects(
    draw: ImageDraw.ImageDraw, objects: Instances, classes: Sequence[str], skeleton: Skeleton | None, scale: int
) -> None:
    for i, label in enumerate(objects.labels.tolist()):
        x1, y1, x2, y2 = (objects.boxes[i] * scale).round().astype(int).tolist()
        corners = (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1))
        draw.rectangle((x1 - 1, y1 - 1, corners[2] + 1, corners[3] + 1), outline=(0, 0, 0))  # visible on any background
        draw.rectangle(corners, outline=class_color(label), width=2)
    for points in [] if objects.keypoints is None else objects.keypoints:
        _draw_points(draw, points, skeleton, scale)
    for i, label in enumerate(objects.labels.tolist()):  # last, so that no line goes through a name
        x, y, *_ = (objects.boxes[i] * scale).tolist()
        _write(draw, x + 2, y - _TEXT - 5 if y > _TEXT + 5 else y + 2, classes[label])


def _draw_points(
    draw: ImageDraw.ImageDraw, points: npt.NDArray[np.float32], skeleton: Skeleton | None, scale: int
) -> None:
    # points: P 3; visible ones are filled, hidden ones are rings
    at = [(float(x) * scale, float(y) * scale) for x, y, _ in points]
    for one, other in skeleton.edges if skeleton is not None else ():
        if points[one, 2] > 0 and points[other, 2] > 0:
            draw.line((*at[one], *at[other]), fill=(0, 0, 0), width=3)
            draw.line((*at[one], *at[other]), fill=(255, 255, 255), width=1)
    for i, (x, y) in enumerate(at):
        if points[i, 2] > 0:
            fill = class_color(i) if points[i, 2] == 2 else None
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=fill, outline=(0, 0, 0))
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), outline=class_color(i))


def _write(draw: ImageDraw.ImageDraw, x: float, y: float, text: str) -> None:
    """One line of text within the image, white in black outlines, which is read on any background."""
    font = ImageFont.load_default(_TEXT)
    width, height = draw.im.size if draw.im is not None else (0, 0)
    wide = draw.textlength(text, font)
    at = (max(1.0, min(x, width - wide - 2)), max(0.0, min(y, height - _TEXT - 3)))
    draw.text(at, text, fill="white", font=font, stroke_width=2, stroke_fill=(0, 0, 0))


def _with_legend(image: Image.Image, lines: Sequence[tuple[str, Color | None]]) -> Image.Image:
    """Lines of text below the image, each with a patch of its color if it has one."""
    shown = [*lines[:_LINES], *([(f"and {len(lines) - _LINES} more", None)] if len(lines) > _LINES else [])]
    step = _TEXT + 4
    page = Image.new("RGB", (image.width, image.height + step * len(shown)), "white")
    page.paste(image)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(_TEXT)
    for i, (whole, color) in enumerate(shown):
        top, left = image.height + i * step, 3
        if color is not None:
            draw.rectangle((left, top + 3, left + _TEXT - 1, top + _TEXT + 1), fill=color, outline=(0, 0, 0))
            left += _TEXT + 4
        text = whole[:200]
        while len(text) > 1 and left + draw.textlength(text, font) > page.width - 3:
            text = text.removesuffix("...")[:-1] + "..." if len(text) > 4 else text[:-1]
        draw.text((left, top + 1), text, fill=(0, 0, 0), font=font)
    return page
