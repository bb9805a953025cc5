"""Contact sheets: many images in one PNG, to look at before training."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from striate.views import Normalization

__all__ = ["contact_sheet", "denormalize", "is_labeled_contact_sheet", "labeled_contact_sheet"]

GAP = 2  # pixels between images
PAPER = 255  # white
HEADING: Final = 18  # pixels above the images
LETTERS: Final = 13  # their size
MAKER: Final = ("Software", "striate")  # written into a sheet, by which it is recognized


def contact_sheet(images: Tensor, columns: int) -> bytes:
    """Images in rows of `columns`, as a PNG: N H W C uint8, of which 1, 3 or 4 channels are shown -> the content of the file."""
    images = images if images.shape[-1] in (1, 3, 4) else images[..., : 3 if images.shape[-1] > 4 else 1]
    count, height, width, channels = images.shape
    if count == 0 or columns < 1:
        raise ValueError(f"a sheet needs images and columns, not {count} and {columns}")
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), PAPER, np.uint8)
    for i, image in enumerate(images.cpu().numpy()):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    content = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(content, "PNG", optimize=True)
    return content.getvalue()


def labeled_contact_sheet(rows: Sequence[Sequence[Image.Image]], headings: Sequence[str]) -> bytes:
    """Rows of RGB images of any sizes, as many in each as there are headings above them -> a PNG."""
    widths = [max(row[column].width for row in rows) for column in range(len(headings))]
    heights = [max(image.height for image in row) for row in rows]
    size = (sum(widths) + GAP * (len(widths) - 1), HEADING + sum(heights) + GAP * (len(heights) - 1))
    sheet, font = Image.new("RGB", size, (PAPER,) * 3), ImageFont.load_default(LETTERS)
    pen, left = ImageDraw.Draw(sheet), 0
    for column, (heading, width) in enumerate(zip(headings, widths, strict=True)):
        pen.text((left, 0), heading, fill="black", font=font)
        top = HEADING
        for row, height in zip(rows, heights, strict=True):
            sheet.paste(row[column], (left, top))
            top += height + GAP
        left += width + GAP
    maker, content = PngInfo(), io.BytesIO()
    maker.add_text(*MAKER)
    sheet.save(content, "PNG", pnginfo=maker)
    return content.getvalue()


def is_labeled_contact_sheet(path: Path) -> bool:
    """Whether a file is a labeled contact sheet made by striate."""
    with path.open("rb") as file:
        start = file.read(256)
    return start.startswith(b"\x89PNG") and b"tEXt" + "\0".join(MAKER).encode() in start


def denormalize(images: Tensor, normalization: Normalization) -> Tensor:
    """Network input as images: B C h w, normalized -> B h w C uint8, CPU. Augmentation is kept."""
    mean = torch.tensor(normalization.mean, device=images.device)[:, None, None]  # C 1 1
    std = torch.tensor(normalization.std, device=images.device)[:, None, None]
    colors = (images.float() * std + mean).clamp(0, 1)
    return (colors * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu()
