"""Counter-based randomness: a number is a function of (seed, epoch, sample, stream), so no generator has to be saved.

The 64-bit finalizer of SplitMix64 scrambles a counter: xor-shifts and multiplications, a bijection in which each input
bit flips each output bit with probability about 1/2. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014, with the constants of D. Stafford's variant 13. Integer arithmetic only: the same bits on
every device and thread count.
"""

from collections.abc import Sequence
from typing import Final, final

import torch
from torch import Tensor

__all__ = ["Streams", "normals", "permutation", "random_words", "uniform", "uniforms"]

WORD: Final = (1 << 64) - 1
GOLDEN: Final = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: the step of the counter
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # the finalizer's multipliers

NORMAL_BITS: Final = 12  # bits of a word for one normal number, so nothing is beyond 3.7 standard deviations
NORMALS_A_WORD: Final = 60 // NORMAL_BITS
SHUFFLE: Final = -1  # the stream of `permutation`; the streams of samples count from 0


@final
class Streams:
    """Which stream serves which purpose: a number that was given to one keeps it, so that old runs can be repeated.

    Those of pixel operations stand in their rows of `Policy`: 13 to 17, and 30 to 99.
    """

    GEOMETRY: Final = range(10)
    COLORS: Final = range(10, 13)
    FLIP_VERTICAL: Final = 18
    HUE: Final = 19
    PERSPECTIVE: Final = range(20, 28)  # two numbers a corner
    OPERATIONS: Final = range(100, 200)  # of a published policy, four for each step: kind, strength, sign, whether
    CHAINS: Final = range(200, 220)  # of AugMix: weights, and lengths of the chains
    CROPS: Final = range(220, 225)  # of images that keep their size: for a class or not, class, pixel, row, column
    ELASTIC: Final = range(1000, 1072)  # two numbers for each node of a 6 x 6 grid


def uniform(seed: int, epoch: int, ids: Tensor, stream: int) -> Tensor:
    """One number in [0, 1) for each sample: `ids` B int64 -> B float32, multiples of 2^-24. Streams are independent."""
    return uniforms(seed, epoch, ids, (stream,))[0]


def uniforms(seed: int, epoch: int, ids: Tensor, streams: Sequence[int]) -> Tensor:
    """Several streams at once: `ids` B int64 -> S B float32, row i being `uniform` of stream i."""
    keys = torch.tensor(_keys(seed, epoch, streams), dtype=torch.int64, device=ids.device)
    bits = _scramble(ids * _signed(GOLDEN) + keys[:, None])
    return ((bits >> 40) & 0xFFFFFF).to(torch.float32).mul_(2.0**-24)


def random_words(seed: int, epoch: int, ids: Tensor, stream: int, count: int) -> Tensor:
    """Many random words for each sample, as for its every pixel: `ids` B int64 -> B count int64, all 64 bits random."""
    (key,) = _keys(seed, epoch, (stream,))
    start = _scramble(ids * _signed(GOLDEN) + key)  # as far apart as random words are
    return _scramble(start[:, None] + torch.arange(1, count + 1, device=ids.device) * _signed(GOLDEN))


def normals(seed: int, epoch: int, ids: Tensor, stream: int, count: int) -> Tensor:
    """`count` standard normal numbers for each sample: `ids` B int64 -> B count float32.

    Equally likely quantiles from a table, so no logarithm or sine is rounded: the same bits on every device.
    """
    middle = (torch.arange(1 << NORMAL_BITS, dtype=torch.float64) + 0.5) / (1 << NORMAL_BITS)
    quantiles = torch.special.ndtri(middle).float().to(ids.device)
    drawn = random_words(seed, epoch, ids, stream, -(-count // NORMALS_A_WORD))
    shifts = NORMAL_BITS * torch.arange(NORMALS_A_WORD, device=ids.device)
    index = ((drawn[:, None] >> shifts[:, None]) & ((1 << NORMAL_BITS) - 1)).to(torch.int32)  # B, normals a word, words
    return quantiles.index_select(0, index.view(-1)).view(len(ids), -1)[:, :count]


def permutation(seed: int, epoch: int, count: int) -> Tensor:
    """The order of an epoch: 0 .. count - 1 shuffled, int64. The sorted numbers differ, so there is one answer only."""
    (key,) = _keys(seed, epoch, (SHUFFLE,))
    return _scramble(torch.arange(count) * _signed(GOLDEN) + key).argsort()


def _keys(seed: int, epoch: int, streams: Sequence[int]) -> list[int]:
    """Where the counter of each stream starts, for any integers: S int64."""
    start = _scramble_one(_scramble_one(seed) ^ epoch)
    return [_signed(_scramble_one(start ^ stream)) for stream in streams]


def _scramble_one(word: int) -> int:
    """A step of the counter, then the finalizer: any integer -> 0 .. 2^64 - 1."""
    word = (word * GOLDEN + GOLDEN) & WORD
    word = ((word ^ (word >> 30)) * FIRST) & WORD
    word = ((word ^ (word >> 27)) * SECOND) & WORD
    return word ^ (word >> 31)


def _scramble(words: Tensor) -> Tensor:
    """The finalizer on int64, whose products wrap as unsigned ones do; the masks make its arithmetic shifts logical."""
    words = (words ^ ((words >> 30) & (WORD >> 30))) * _signed(FIRST)
    words = (words ^ ((words >> 27) & (WORD >> 27))) * _signed(SECOND)
    return words ^ ((words >> 31) & (WORD >> 31))


def _signed(word: int) -> int:
    """The same 64 bits, read as int64."""
    return word - ((word >> 63) << 64)
