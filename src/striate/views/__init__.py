"""How a network looks at pictures: where each pixel goes, what becomes of its colour, and what is drawn at random.

`POLICIES["default"].apply(pictures, ids, seed=0, epoch=0, size=(224, 224), normalization=...)` is a training batch;
`evaluation_view(...).image(pictures)` is what evaluation, prediction and serving see.
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.views.augmix import AugMix
    from striate.views.autoaugment import AutoAugment
    from striate.views.bends import draw_bend
    from striate.views.boxes import random_boxes, to_whole_pixels
    from striate.views.colours import Normalization, picture_means
    from striate.views.describing import describe
    from striate.views.draws import permutation, uniform, uniforms
    from striate.views.erasing import draw_rectangles, erase
    from striate.views.evaluation import evaluation_view
    from striate.views.mixing import Mosaic, cutmix, mixup, mosaic, one_hot
    from striate.views.operations import Operations
    from striate.views.outlines import MovedBoxes
    from striate.views.perspective import from_corners
    from striate.views.policies import POLICIES
    from striate.views.policy import Policy
    from striate.views.randaugment import RandAugment
    from striate.views.test_time import five_crops, merge_maps, merge_probabilities, mirrored, scaled
    from striate.views.trivialaugment import TrivialAugment
    from striate.views.view import View

__all__ = [
    "POLICIES",
    "AugMix",
    "AutoAugment",
    "Mosaic",
    "MovedBoxes",
    "Normalization",
    "Operations",
    "Policy",
    "RandAugment",
    "TrivialAugment",
    "View",
    "cutmix",
    "describe",
    "draw_bend",
    "draw_rectangles",
    "erase",
    "evaluation_view",
    "five_crops",
    "from_corners",
    "merge_maps",
    "merge_probabilities",
    "mirrored",
    "mixup",
    "mosaic",
    "one_hot",
    "permutation",
    "picture_means",
    "random_boxes",
    "scaled",
    "to_whole_pixels",
    "uniform",
    "uniforms",
]

_LAZY = MappingProxyType(
    {
        "AugMix": "augmix",
        "AutoAugment": "autoaugment",
        "Mosaic": "mixing",
        "MovedBoxes": "outlines",
        "Normalization": "colours",
        "Operations": "operations",
        "POLICIES": "policies",
        "Policy": "policy",
        "RandAugment": "randaugment",
        "TrivialAugment": "trivialaugment",
        "View": "view",
        "cutmix": "mixing",
        "describe": "describing",
        "draw_bend": "bends",
        "draw_rectangles": "erasing",
        "erase": "erasing",
        "evaluation_view": "evaluation",
        "five_crops": "test_time",
        "from_corners": "perspective",
        "merge_maps": "test_time",
        "merge_probabilities": "test_time",
        "mirrored": "test_time",
        "mixup": "mixing",
        "mosaic": "mixing",
        "one_hot": "mixing",
        "permutation": "draws",
        "picture_means": "colours",
        "random_boxes": "boxes",
        "scaled": "test_time",
        "to_whole_pixels": "boxes",
        "uniform": "draws",
        "uniforms": "draws",
    }
)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
