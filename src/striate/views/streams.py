"""Which streams of `draws` serve which purpose: a number that was given to one keeps it, or old runs could not be repeated."""

from typing import Final

GEOMETRY: Final = range(10)
COLORS: Final = range(10, 13)
ERASING: Final = range(13, 18)
FLIP_VERTICAL: Final = 18
HUE: Final = 19
PERSPECTIVE: Final = range(20, 28)  # two numbers a corner
BLUR: Final = range(30, 32)  # whether, and how much; so for the next
NOISE: Final = range(32, 34)
GRAIN: Final = 34  # of each pixel
GAMMA: Final = 35
SOLARIZE: Final = range(36, 38)
POSTERIZE: Final = range(38, 40)
EQUALIZE: Final = 40
OPERATIONS: Final = range(100, 200)  # of a published policy, four for each step: kind, strength, sign, whether
CHAINS: Final = range(200, 220)  # of AugMix: weights, and lengths of the chains
ELASTIC: Final = range(1000, 1072)  # two numbers for each of 6 x 6 cells
