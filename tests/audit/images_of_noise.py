"""Folders of images that no two are alike, and what can be planted in them."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from striate.audit.audit_finding import AuditFinding
from striate.audit.copies import blanks, exact_copies, near_copies
from striate.audit.duplicates import blank, exact_duplicates, hidden, near_duplicates
from striate.audit.fingerprints import Fingerprints, take_fingerprints
from striate.data import Limits
from striate.sources import open_source


def textured(seed: int, height: int = 120, width: int = 160) -> Image.Image:
    """Texture at all scales, as photographs have."""
    random = np.random.default_rng(seed)
    whole = np.zeros((height, width, 3))
    for cells, strength in ((4, 60), (16, 30), (64, 15)):
        noise = random.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        for c in range(3):
            whole[..., c] += np.asarray(
                Image.fromarray(noise[..., c]).resize((width, height), Image.Resampling.BICUBIC)
            )
    return Image.fromarray((128 + whole).clip(0, 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return Image.open(content).convert("RGB")


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    w, h = image.size
    return image.crop((round(left * w), round(top * h), round((1 - right) * w), round((1 - bottom) * h)))


COPIES = {
    "recompressed": lambda one: jpeg(one, 60),
    "recompressed hard": lambda one: jpeg(one, 30),
    "half the size": lambda one: one.resize((one.width // 2, one.height // 2), Image.Resampling.LANCZOS),
    "twice the size": lambda one: one.resize((one.width * 2, one.height * 2), Image.Resampling.BICUBIC),
    "brighter": lambda one: ImageEnhance.Brightness(one).enhance(1.2),
    "darker": lambda one: ImageEnhance.Brightness(one).enhance(0.75),
    "more contrast": lambda one: ImageEnhance.Contrast(one).enhance(1.2),
    "cropped by 2 %": lambda one: cropped(one, 0.02, 0.02, 0.02, 0.02),
    "cropped at one side": lambda one: cropped(one, 0.05, 0, 0, 0),
    "cropped at a corner, recompressed": lambda one: jpeg(cropped(one, 0, 0.03, 0.03, 0), 60),
}


def folders(root: Path, splits: Sequence[str] = ("train", "test"), each: int = 12) -> Path:
    """PARTS/CLASS/NUMBER.png, three classes."""
    seed = 0
    for split in splits:
        for name in ("a", "b", "c"):
            (root / split / name).mkdir(parents=True)
            for i in range(each):
                textured(seed).save(root / split / name / f"{i:02}.png")
                seed += 1
    return root


def fingerprints(root: Path, max_pixels: int = Limits().max_pixels) -> Fingerprints:
    chosen = Limits(max_pixels)
    return take_fingerprints(open_source(root, chosen), threads=1)


def copies(prints: Fingerprints) -> dict[str, AuditFinding]:
    empty, exact = blank(prints), exact_duplicates(prints)
    near = near_duplicates(prints, exact, empty, threads=1)
    lists = (
        blanks(prints, sorted(set(empty) - set(hidden(prints, empty)))),
        exact_copies(prints, [one for one in exact if one[0] not in set(empty)]),
        near_copies(prints, near),
    )
    return {one.finding.id: one for some in lists for one in some}
