"""Settings of augmentation, and which of them a policy takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, final, get_args

from striate.settings import Setting

__all__ = ["POLICY_TAKES", "AugmentSettings", "Border"]

Border = Literal["black", "nearest", "reflect"]

# Policy -> what only some policies take; all of them take the rest. None stands for the policy's own value.
# A published policy moves images after the elastic displacement, so elastic cannot be combined with one.
_ELASTIC: Final[Mapping[str, Any]] = MappingProxyType({"elastic": None})
POLICY_TAKES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "none": _ELASTIC,
        "light": _ELASTIC,
        "default": _ELASTIC,
        "strong": _ELASTIC,
        "randaugment": {"randaugment_count": None, "randaugment_magnitude": None},
        "trivialaugment": {},
        "autoaugment": {},
        "autoaugment-cifar10": {},
        "autoaugment-svhn": {},
        "augmix": {},
        "digits": _ELASTIC,
        "cifar": _ELASTIC,
    }
)


@final
@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """None is the policy's own value."""

    name: Annotated[str, Setting("augmentation policy", choices=tuple(POLICY_TAKES))] = "none"

    # geometry
    rotate: Annotated[float | None, Setting("largest rotation, degrees", 0, 180)] = None
    shift: Annotated[float | None, Setting("largest translation, share of the side", 0, 1)] = None
    shear: Annotated[float | None, Setting("largest shear, degrees", 0, 60)] = None
    zoom: Annotated[float | None, Setting("largest zoom in or out, share", 0, 0.9)] = None
    flip: Annotated[bool | None, Setting("random horizontal flip")] = None
    flip_vertical: Annotated[bool | None, Setting("random vertical flip")] = None
    crop: Annotated[
        float | None,
        Setting("smallest area of a random resized crop, 1 for no crop", 0.01, 1, source="arXiv:1409.4842"),
    ] = None
    # corners that move by less than a quarter of the side never make a dent
    perspective: Annotated[float | None, Setting("largest movement of a corner, share of the side", 0, 0.2)] = None
    elastic: Annotated[
        float | None, Setting("std of an elastic deformation, share of the side", 0, 0.1, source="Simard et al. 2003")
    ] = None
    fill: Annotated[str | None, Setting("pixels beyond the border of the image", choices=get_args(Border))] = None

    # color
    brightness: Annotated[float | None, Setting("largest change of brightness, share", 0, 1)] = None
    contrast: Annotated[float | None, Setting("largest change of contrast, share", 0, 1)] = None
    saturation: Annotated[float | None, Setting("largest change of saturation, share", 0, 1)] = None
    hue: Annotated[float | None, Setting("largest rotation of the hue, degrees", 0, 180)] = None

    # pixel operations
    gamma: Annotated[float | None, Setting("largest change of the gamma exponent, share", 0, 0.9)] = None
    blur: Annotated[float | None, Setting("largest std of a Gaussian blur, pixels", 0, 10)] = None
    noise: Annotated[float | None, Setting("largest std of Gaussian noise, share of the full range", 0, 1)] = None
    equalize: Annotated[float | None, Setting("probability of histogram equalization", 0, 1)] = None
    solarize: Annotated[float | None, Setting("probability of solarizing (inverting bright pixels)", 0, 1)] = None
    posterize: Annotated[float | None, Setting("probability of posterizing to 4 to 7 bits", 0, 1)] = None
    erase: Annotated[
        float | None, Setting("probability of erasing a random rectangle", 0, 1, source="arXiv:1708.04896")
    ] = None
    randaugment_count: Annotated[
        int | None, Setting("RandAugment's N, operations an image", 1, 16, source="arXiv:1909.13719")
    ] = None
    randaugment_magnitude: Annotated[
        int | None, Setting("RandAugment's M, their magnitude", 0, 30, source="arXiv:1909.13719")
    ] = None

    # mixing of samples
    mixup: Annotated[float, Setting("Mixup alpha, 0 for none", 0, 10, source="arXiv:1710.09412")] = 0.0
    cutmix: Annotated[float, Setting("CutMix alpha, 0 for none", 0, 10, source="arXiv:1905.04899")] = 0.0
    mosaic: Annotated[
        float, Setting("probability that a batch is shown as mosaics of four images", 0, 1, source="arXiv:2004.10934")
    ] = 0.0
