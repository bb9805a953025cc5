"""The named policies."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from striate.views.autoaugment import AutoAugment
from striate.views.policy import Policy
from striate.views.published_policies import AugMix, RandAugment, TrivialAugment

__all__ = ["POLICIES"]

POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        "none": Policy(),
        "light": Policy(crop=0.7, flip=True),
        "default": Policy(crop=0.35, flip=True, brightness=0.2, contrast=0.2, saturation=0.2),
        "strong": Policy(
            crop=0.25,
            flip=True,
            rotate=15.0,
            shear=10.0,
            perspective=0.05,
            fill="reflect",
            blur=1.0,
            noise=0.05,
            erase=0.25,
            brightness=0.4,
            contrast=0.4,
            saturation=0.4,
            hue=20.0,
        ),
        # Published sequences, after the crop and the mirror that they were published with.
        "randaugment": Policy(crop=0.35, flip=True, operations=RandAugment()),
        "trivialaugment": Policy(crop=0.35, flip=True, operations=TrivialAugment()),
        "autoaugment": Policy(crop=0.35, flip=True, operations=AutoAugment("imagenet")),
        "autoaugment-cifar10": Policy(shift=0.125, flip=True, operations=AutoAugment("cifar10")),
        "autoaugment-svhn": Policy(operations=AutoAugment("svhn")),  # no mirror: of house numbers
        "augmix": Policy(crop=0.35, flip=True, operations=AugMix()),
        "digits": Policy(rotate=10.0, shift=1 / 28, zoom=0.1, shear=5.0),  # no mirror: a mirrored 2 is no digit
        # 4 of 32 pixels, black beyond the border as in the published recipe (He et al., arXiv:1512.03385, section 4.2):
        # a reflected border is no matrix, and what it invents has no place in the image to go back to
        "cifar": Policy(shift=0.125, flip=True),
    }
)
