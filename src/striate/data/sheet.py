"""Many pictures on one sheet: what a person should look at before training."""

import io
import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from striate.views import Normalization

__all__ = ["as_pictures", "contact_sheet"]

GAP = 2  # pixels between pictures
PAPER = 255  # white


def contact_sheet(pictures: Tensor, columns: int) -> bytes:
    """Pictures in rows of `columns`, as a PNG: N H W C uint8 with 1, 3 or 4 channels -> the content of the file."""
    count, height, width, channels = pictures.shape
    if count == 0 or columns < 1:
        raise ValueError(f"a sheet needs pictures and columns, not {count} and {columns}")
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), PAPER, np.uint8)
    for i, picture in enumerate(pictures.cpu().numpy()):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = picture
    content = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(content, "PNG", optimize=True)
    return content.getvalue()


def as_pictures(images: Tensor, normalization: Normalization) -> Tensor:
    """Network input as pictures again: B C h w, normalized -> B h w C uint8, CPU. What a policy did stays done."""
    mean = torch.tensor(normalization.mean, device=images.device)[:, None, None]  # C 1 1
    std = torch.tensor(normalization.std, device=images.device)[:, None, None]
    colours = (images.float() * std + mean).clamp(0, 1)
    return (colours * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu()
