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
    from striate.views.colours import Normalization, picture_means
    from striate.views.describing import describe
    from striate.views.draws import permutation, uniform, uniforms
    from striate.views.erasing import draw_rectangles, erase
    from striate.views.evaluation import evaluation_view
    from striate.views.mixing import Mosaic, cutmix, mixup, mosaic, one_hot
    from striate.views.operations import Operations
    from striate.views.policies import POLICIES
    from striate.views.policy import Policy
    from striate.views.randaugment import RandAugment
    from striate.views.trivialaugment import TrivialAugment
    from striate.views.view import View

__all__ = [
    "POLICIES",
    "AugMix",
    "AutoAugment",
    "Mosaic",
    "Normalization",
    "Operations",
    "Policy",
    "RandAugment",
    "TrivialAugment",
    "View",
    "cutmix",
    "describe",
    "draw_rectangles",
    "erase",
    "evaluation_view",
    "mixup",
    "mosaic",
    "one_hot",
    "permutation",
    "picture_means",
    "uniform",
    "uniforms",
]

_LAZY = MappingProxyType(
    {
        "POLICIES": "policies",
        "AugMix": "augmix",
        "AutoAugment": "autoaugment",
        "Mosaic": "mixing",
        "Normalization": "colours",
        "Operations": "operations",
        "Policy": "policy",
        "RandAugment": "randaugment",
        "TrivialAugment": "trivialaugment",
        "View": "view",
        "cutmix": "mixing",
        "describe": "describing",
        "draw_rectangles": "erasing",
        "erase": "erasing",
        "evaluation_view": "evaluation",
        "mixup": "mixing",
        "mosaic": "mixing",
        "one_hot": "mixing",
        "permutation": "draws",
        "picture_means": "colours",
        "uniform": "draws",
        "uniforms": "draws",
    }
)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
