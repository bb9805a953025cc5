"""The same image more than once: pixel for pixel, or nearly.

Images of one size with one thumbnail are candidates for the first; whether they are equal, their pixels say. Images
whose perceptual hashes are near are candidates for the second, and again their pixels say (likeness.py).
"""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from striate.audit.candidates import near_pairs
from striate.audit.fingerprints import Fingerprints
from striate.audit.likeness import alike, nearly_equal, roughly_alike, same_colors
from striate.audit.thumbnails import SIDE, gray, shrink
from striate.data.skipped_files import Unreadable
from striate.data.threads import in_threads

__all__ = ["DuplicateClusters", "blank", "exact_duplicates", "hidden", "near_duplicates"]

SMALL: Final = 64  # of a shorter side below this no crops are looked for, and copies must be nearly equal
_DISTANCE, _DISTANCE_PLAIN = 16, 4  # bits of the hash: 98 % of copies of photographs cropped by 3 % are within 16
_FLAT: Final = 6  # levels between the darkest and the lightest of 16 pixels
_BLANK: Final = 1.0  # standard deviation, of 255 levels, that noise of a blank image stays below
_BLOCK: Final = 4  # pixels of a side over which noise is averaged
_STRUCTURE: Final = 4.0  # times the variance that averages of noise have
_SIDE: Final = 128  # at which copies are compared
_MOST_PAIRS: Final = 5_000_000
_BATCH: Final = 1024  # pairs that are compared at a time

DuplicateClusters = list[tuple[int, ...]]  # positions of images that are the same, ascending


def blank(prints: Fingerprints) -> list[int]:
    """Positions of images of one color as they are shown: found in the thumbnail, confirmed in the pixels.

    All pixels are equal, or they differ by little and by noise alone; a mask of 0 and 1 is dark, and shows something.
    """
    return [int(i) for i in np.flatnonzero(prints.contrast < 2 * _BLANK) if _shows_nothing(prints, int(i))]


def hidden(prints: Fingerprints, at: Sequence[int]) -> list[int]:
    """Those of the blank images at these positions that the background hides, where it is found to hide many."""
    survey = prints.source.survey
    return [i for i in at if survey.hides_content(survey.background) and prints.header(i).transparent]


def exact_duplicates(prints: Fingerprints) -> DuplicateClusters:
    """Images that are equal in size and in every pixel."""
    candidates: dict[tuple[int, int, bytes], list[int]] = defaultdict(list)
    for i, (height, width) in enumerate(zip(prints.heights.tolist(), prints.widths.tolist(), strict=True)):
        candidates[height, width, prints.small[i].tobytes()].append(i)
    clusters: dict[tuple[tuple[int, ...], bytes], list[int]] = defaultdict(list)
    for same in candidates.values():
        if len(same) > 1:
            for i in same:
                try:
                    pixels = prints.pixels(i)
                except Unreadable:  # changed or removed since it was first read
                    continue
                clusters[pixels.shape, sha256(pixels.tobytes()).digest()].append(i)
    return sorted(tuple(cluster) for cluster in clusters.values() if len(cluster) > 1)


def near_duplicates(
    prints: Fingerprints, exact: DuplicateClusters, left_out: Sequence[int], *, threads: int
) -> DuplicateClusters:
    """Images that are nearly the same; of those that are exactly the same the first stands for all.

    `left_out` are not looked at: blank images are all alike.
    """
    looked_at = np.ones(len(prints), np.bool_)
    looked_at[list(left_out)] = False
    looked_at[[i for cluster in exact for i in cluster[1:]]] = False
    at = np.flatnonzero(looked_at)
    plain = (np.minimum(prints.heights, prints.widths) < SMALL) | ~_textured(prints.small)
    pairs = at[
        near_pairs(
            prints.hashes[at], np.where(plain, _DISTANCE_PLAIN, _DISTANCE).astype(np.uint8)[at], most=_MOST_PAIRS
        )
    ]
    either = plain[pairs].any(1)
    together = _Together(len(prints))
    _join_plain(prints, pairs[either], together)
    _join_large(prints, pairs[~either], together, threads)
    return together.clusters()


class _Together:
    """Disjoint sets of positions (union-find), joined pair by pair."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def first(self, i: int) -> int:
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.first(one), self.first(other)))
        self.parent[second] = first

    def clusters(self) -> DuplicateClusters:
        members: dict[int, list[int]] = defaultdict(list)
        for i in range(len(self.parent)):
            members[self.first(i)].append(i)
        return [tuple(cluster) for cluster in members.values() if len(cluster) > 1]


def _join_plain(prints: Fingerprints, pairs: npt.NDArray[np.int64], together: _Together) -> None:
    """Small or mostly flat images, by their thumbnails; most pairs are told apart by 8 x 8 means."""
    tiny = prints.small.reshape(-1, 8, 4, 8, 4).mean((2, 4), dtype=np.float32).reshape(-1, 64)
    tiny -= tiny.mean(1, keepdims=True)
    tiny /= np.maximum(np.linalg.norm(tiny, axis=1, keepdims=True), 1e-3)
    for first in range(0, len(pairs), 1 << 16):
        block = pairs[first : first + (1 << 16)]
        block = block[np.einsum("ij,ij->i", tiny[block[:, 0]], tiny[block[:, 1]]) >= 0.99]
        one, other = (torch.from_numpy(prints.small[block[:, side]]).float() for side in (0, 1))
        for i, j in block[nearly_equal(one, other).numpy()] if len(block) else block:
            colors = [_chroma(image) for n in (i, j) if (image := _image(prints, int(n))) is not None]
            if len(colors) == 2 and bool(same_colors(*(torch.from_numpy(c)[None] for c in colors))):
                together.join(int(i), int(j))


def _join_large(prints: Fingerprints, pairs: npt.NDArray[np.int64], together: _Together, threads: int) -> None:
    """Larger images, the nearest hashes first; pairs that are already joined by others are passed over."""
    bits = np.bitwise_count(prints.hashes[pairs[:, 0]] ^ prints.hashes[pairs[:, 1]])
    pairs = pairs[np.argsort(bits, kind="stable")]
    for first in range(0, len(pairs), _BATCH):
        block = np.array(
            [pair for pair in pairs[first : first + _BATCH] if together.first(pair[0]) != together.first(pair[1])]
        )
        if len(block) == 0:
            continue
        one, other = (torch.from_numpy(prints.small[block[:, side]]).float() for side in (0, 1))
        close, move = roughly_alike(one, other)
        block, move = block[close.numpy()], move[close]
        views = _views(prints, np.unique(block), threads)
        known = np.array([i in views and j in views for i, j in block.tolist()], np.bool_)
        block, move = block[known], move[torch.from_numpy(known)]
        for start in range(0, len(block), _BATCH // 8):
            some = slice(start, start + _BATCH // 8)
            lumas, colors = (
                [torch.from_numpy(np.stack([views[i][what] for i in block[some, side].tolist()])) for side in (0, 1)]
                for what in (0, 1)
            )
            same = alike(lumas[0].float(), lumas[1].float(), move[some]) & same_colors(*colors)
            for i, j in block[some][same.numpy()].tolist():
                together.join(i, j)


def _textured(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether six of ten blocks of a thumbnail are not flat: N n n -> N bool. Digits fill fewer, most photographs all."""
    blocks = small.reshape(len(small), SIDE // 4, 4, SIDE // 4, 4)
    spread = blocks.max((2, 4)).astype(np.int16) - blocks.min((2, 4))
    return (spread > _FLAT).mean((1, 2)) >= 0.6


def _views(
    prints: Fingerprints, at: npt.NDArray[np.int64], threads: int
) -> dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]]:
    """Luma at _SIDE x _SIDE, and chroma, of the images at these positions."""
    views = {}

    def view(n: int) -> None:
        image = _image(prints, int(at[n]), (_SIDE, _SIDE))
        if image is not None:
            views[int(at[n])] = shrink(gray(image), _SIDE), _chroma(image)

    in_threads(view, len(at), threads)
    return views


def _chroma(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """H W C -> the two chroma channels, 2 16 16, around 0; 0 where an image has no colors."""
    if image.shape[-1] not in (3, 4):
        return np.zeros((2, 16, 16), np.float32)
    whole = Image.fromarray(np.ascontiguousarray(image[..., :3]))
    few = whole.resize((16, 16), Image.Resampling.BILINEAR, reducing_gap=2.0).convert("YCbCr")
    return np.asarray(few, np.float32)[..., 1:].transpose(2, 0, 1) - 128


def _shows_nothing(prints: Fingerprints, i: int) -> bool:
    try:
        pixels = prints.pixels(i)
    except Unreadable:  # changed or removed since it was first read
        return False
    if (pixels.min((0, 1)) == pixels.max((0, 1))).all():
        return True
    values = pixels.astype(np.float32) / (257 if pixels.dtype == np.uint16 else 1)  # H W C
    spread = float(values.var((0, 1)).sum())
    return spread < _BLANK**2 * values.shape[2] and not _has_structure(values, spread)


def _has_structure(values: npt.NDArray[Any], spread: float) -> bool:
    """Whether means of blocks differ more than those of noise do, whose variance falls with the number of pixels: H W C."""
    height, width = (side // _BLOCK for side in values.shape[:2])
    if min(height, width) < 2:
        return True
    blocks = values[: height * _BLOCK, : width * _BLOCK].reshape(height, _BLOCK, width, _BLOCK, -1)
    return float(blocks.mean((1, 3)).var((0, 1)).sum()) > _STRUCTURE * spread / _BLOCK**2


def _image(prints: Fingerprints, i: int, at_least: tuple[int, int] | None = None) -> npt.NDArray[np.uint8] | None:
    """None if the file was changed or removed since it was first read."""
    try:
        return prints.pixels_of(i, at_least)
    except Unreadable:
        return None
