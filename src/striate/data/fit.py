"""A picture brought to the height and width of the canvas: shrunk first, antialiased, then cropped at the centre."""

from PIL import Image

__all__ = ["Box", "fit", "seen_part"]

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels, which need not be whole


def fit(picture: Image.Image, height: int, width: int, content: Box) -> Image.Image:
    """The largest centred part of `content` with the canvas' aspect, at `height` x `width`; mode L, RGB or RGBA.

    Where no change of scale is needed, whole pixels are cut out and nothing is resampled. Otherwise the picture is
    first averaged over blocks of whole pixels until about a factor of 2 is left, then resampled once, bilinear and
    antialiased: the filter that most published weights were trained with, and one that never overshoots. Only the part
    that will be seen is touched, so a picture of 1 x 65535 pixels costs no more than another.
    """
    left, top, right, bottom = seen_part(height, width, content)
    if (right - left, bottom - top) == (width, height):
        return (
            picture.crop((int(left), int(top), int(right), int(bottom))) if picture.size != (width, height) else picture
        )
    return picture.resize((width, height), Image.Resampling.BILINEAR, box=(left, top, right, bottom), reducing_gap=2.0)


def seen_part(height: int, width: int, content: Box) -> Box:
    """The part of `content` that a canvas of `height` x `width` shows; whole pixels where nothing is scaled."""
    left, top, right, bottom = content
    scale = max(height / (bottom - top), width / (right - left))
    if scale == 1:
        x, y = int(left + right - width) // 2, int(top + bottom - height) // 2
        return x, y, x + width, y + height
    margin_x = max(0.0, (right - left - width / scale) / 2)
    margin_y = max(0.0, (bottom - top - height / scale) / 2)
    return left + margin_x, top + margin_y, right - margin_x, bottom - margin_y
