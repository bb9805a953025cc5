"""Pairs of images whose perceptual hashes differ in few bits, without comparing each with each where there are many.

Up to BRUTE images all pairs are compared. Above it, random choices of k bits sort the images into buckets, and only
images that share one are compared (bit sampling: Indyk, Motwani, "Approximate nearest neighbors", STOC 1998). With t
choices a pair at distance d is met with probability 1 - (1 - (1 - d/64)^k)^t; t is as large as 0.99 asks for at the largest
distance, up to TABLES: for 100,000 images (k = 14) and t = 32 that is 0.99 at d = 8, 0.79 at 12 and 0.44 at 16.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["BRUTE", "TABLES", "near_pairs"]

BRUTE: Final = 20_000  # images of which all pairs are compared
TABLES: Final = 32

Positions = npt.NDArray[np.int64]


def near_pairs(hashes: npt.NDArray[np.uint64], distance: npt.NDArray[np.uint8], *, most: int) -> Positions:
    """Pairs (P 2, the first position below the second) whose hashes differ in at most `distance` bits.

    hashes N; distance N: each image has its own limit, and the lower of two counts. The search ends early with more
    than `most` pairs: thousands of images that are all alike would give millions.
    """
    count = max(len(hashes), 1)
    found = np.empty(0, np.int64)  # a pair as one number
    waiting: list[Positions] = []
    for one, other in _neighbors(hashes, distance):
        waiting.append(np.minimum(one, other) * count + np.maximum(one, other))
        if sum(map(len, waiting)) > most // 4:
            found, waiting = np.unique(np.concatenate([found, *waiting])), []
            if len(found) > most:
                break
    found = np.unique(np.concatenate([found, *waiting]))
    return np.stack([found // count, found % count], 1)


def _neighbors(
    hashes: npt.NDArray[np.uint64], distance: npt.NDArray[np.uint8]
) -> Iterator[tuple[Positions, Positions]]:
    if len(hashes) <= BRUTE:
        places = np.arange(len(hashes))
        yield from _within_buckets(hashes, distance, places, len(hashes) - 1 - places)
        return
    generator = np.random.default_rng(0)
    bits = int(np.log2(len(hashes))) - 2
    missed = np.log(1 - (1 - int(distance.max()) / 64) ** bits)  # by one table
    for _ in range(min(TABLES, 1 + int(np.log(0.01) / missed))):
        mask = np.bitwise_or.reduce(np.uint64(1) << generator.permutation(64)[:bits].astype(np.uint64))
        order = np.argsort(hashes & mask, kind="stable")
        keys = (hashes & mask)[order]
        partners = np.searchsorted(keys, keys, side="right") - np.arange(len(keys)) - 1  # those after it in its bucket
        yield from _within_buckets(hashes[order], distance[order], order, partners)


def _within_buckets(
    hashes: npt.NDArray[np.uint64], distance: npt.NDArray[np.uint8], order: Positions, partners: Positions
) -> Iterator[tuple[Positions, Positions]]:
    """Each image against the next of its bucket, then against the next but one, and so on."""
    at = np.flatnonzero(partners)
    step = 1
    while len(at):
        bits = np.bitwise_count(hashes[at] ^ hashes[at + step])
        near = at[bits <= np.minimum(distance[at], distance[at + step])]
        if len(near):
            yield order[near], order[near + step]
        step += 1
        at = at[partners[at] >= step]
