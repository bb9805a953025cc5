"""Augmentation in two tables: `Policy` has a row (a field) for each augmentation, `POLICY_ROWS` one for each named policy.

A row of `Policy` is the setting with its meaning, range and source, the step that `striate augment` prints, and for an
operation on pixels the function that does it. Their order is the order of application. The command line, its help, recipe
files, refusals and the report follow from the rows. Nothing here needs torch, so that the help is fast.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, final, get_args

from striate.errors import SettingError
from striate.settings import Setting, annotations, declared_settings

__all__ = [
    "POLICIES",
    "POLICY_ROWS",
    "POLICY_TAKES",
    "Border",
    "Geometry",
    "Mixing",
    "PixelOperation",
    "Policy",
    "PolicyRow",
    "Step",
]

Border = Literal["black", "nearest", "reflect"]


@final
@dataclass(frozen=True)
class Step:
    """What a setting does, in words: {0} is its value, {low} and {high} are 1 - and 1 + it."""

    stage: Literal["geometry", "pixels", "color", "mix"]
    text: str
    default_text: str = ""  # where the setting has its default

    def of(self, value: float | str) -> str:
        """What this value of the setting does."""
        span = {} if isinstance(value, str) else {"low": 1 - value, "high": 1 + value}
        return self.text.format(value, **span)


@final
@dataclass(frozen=True)
class Geometry:
    """What a setting of the geometry is. Without this annotation it is a factor of the matrix that needs interpolation."""

    kind: Literal["whole pixels", "no factor"]


@final
@dataclass(frozen=True)
class PixelOperation:
    """The function of a setting that is an operation on pixels, as "file.function" of this folder.

    The function is a `PixelFunction` of `pixel_operations.py`. `streams` of random numbers are its own for ever, or old
    runs could not be repeated; all from 30 to 99 that no row has are free.
    """

    function: str
    streams: range


@final
@dataclass(frozen=True)
class Mixing:
    """The function of a setting that is a kind of mixing, as "file.function" of this folder; a `MixFunction` of `mixing.py`.

    The setting is the share of the batches that are mixed in this way; or a strength, and then all such kinds that are on
    share the other batches equally.
    """

    function: str
    setting: Literal["share", "strength"]


@final
@dataclass(frozen=True)
class OnlyWith:
    """The setting is taken only by policies with these published operations; "" stands for those with none."""

    operations: str


@final
@dataclass(frozen=True)
class PolicyRow:
    """A named policy: its settings that differ from the defaults, and the published operations that come with it.

    `operations` is a class as "file.Class" of this folder.
    """

    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    operations: str = ""


_RANDAUGMENT: Final = "published_policies.RandAugment"
_CROP_AND_FLIP: Final = MappingProxyType({"crop": 0.35, "flip": True})  # that the published policies came with
POLICY_ROWS: Final[Mapping[str, PolicyRow]] = MappingProxyType(
    {
        "none": PolicyRow(),
        "light": PolicyRow({"crop": 0.7, "flip": True}),
        "default": PolicyRow({"crop": 0.35, "flip": True, "brightness": 0.2, "contrast": 0.2, "saturation": 0.2}),
        "strong": PolicyRow(
            {
                "crop": 0.25,
                "flip": True,
                "rotate": 15.0,
                "shear": 10.0,
                "perspective": 0.05,
                "fill": "reflect",
                "blur": 1.0,
                "noise": 0.05,
                "erase": 0.25,
                "brightness": 0.4,
                "contrast": 0.4,
                "saturation": 0.4,
                "hue": 20.0,
            }
        ),
        "randaugment": PolicyRow(_CROP_AND_FLIP, _RANDAUGMENT),
        "trivialaugment": PolicyRow(_CROP_AND_FLIP, "published_policies.TrivialAugment"),
        "autoaugment": PolicyRow(_CROP_AND_FLIP, "autoaugment.AutoAugment"),
        "autoaugment-cifar10": PolicyRow({"shift": 0.125, "flip": True}, "autoaugment.AutoAugment"),
        "autoaugment-svhn": PolicyRow({}, "autoaugment.AutoAugment"),  # no flip: of house numbers
        "augmix": PolicyRow(_CROP_AND_FLIP, "published_policies.AugMix"),
        # no flip: a mirrored 2 is no digit
        "digits": PolicyRow({"rotate": 10.0, "shift": 1 / 28, "zoom": 0.1, "shear": 5.0}),
        # 4 of 32 pixels, black beyond the border as in the published recipe (He et al., arXiv:1512.03385, section 4.2):
        # a reflected border is no matrix, and what it invents has no position in the image to go back to
        "cifar": PolicyRow({"shift": 0.125, "flip": True}),
    }
)


@final
@dataclass(frozen=True, kw_only=True)
class Policy:
    """What may happen to a training image, at random for each sample; the defaults change nothing.

    Raises SettingError for a value out of range, and for a setting that the policy of this name does not take.
    """

    name: Annotated[
        str, Setting("augmentation policy", choices=tuple(POLICY_ROWS), renamed=(("photos", "default"),))
    ] = "none"

    # geometry: one 3x3 matrix in this order, and an elastic displacement
    crop: Annotated[
        float,
        Setting("smallest area of a random resized crop, 1 for no crop", 0.01, 1, source="arXiv:1409.4842"),
        Step("geometry", "crop at random, {0:.3g} of the area or more, to the whole frame", "the center of the image"),
        Geometry("whole pixels"),
    ] = 1.0
    shear: Annotated[
        float, Setting("largest shear, degrees", 0, 60), Step("geometry", "shear by up to {0:.3g} degrees")
    ] = 0.0
    zoom: Annotated[
        float,
        Setting("largest zoom in or out, share", 0, 0.9),
        Step("geometry", "zoom by a factor of {low:.3g} to {high:.3g}"),
    ] = 0.0
    rotate: Annotated[
        float, Setting("largest rotation, degrees", 0, 180), Step("geometry", "rotate by up to {0:.3g} degrees")
    ] = 0.0
    flip: Annotated[
        bool,
        Setting("random horizontal flip"),
        Step("geometry", "flip horizontally, every other image"),
        Geometry("whole pixels"),
    ] = False
    flip_vertical: Annotated[
        bool,
        Setting("random vertical flip"),
        Step("geometry", "flip vertically, every other image"),
        Geometry("whole pixels"),
    ] = False
    # by whole pixels where nothing else interpolates
    shift: Annotated[
        float,
        Setting("largest translation, share of the side", 0, 1),
        Step("geometry", "shift by up to {0:.3g} of the side"),
        Geometry("whole pixels"),
    ] = 0.0
    # corners that move by less than a quarter of the side always span a convex shape
    perspective: Annotated[
        float,
        Setting("largest movement of a corner, share of the side", 0, 0.2),
        Step("geometry", "move each corner by up to {0:.3g} of the side"),
    ] = 0.0
    # published operations move images after the displacement
    elastic: Annotated[
        float,
        Setting("std of an elastic deformation, share of the side", 0, 0.1, source="Simard et al. 2003"),
        Step("geometry", "elastic displacement of about {0:.3g} of the side"),
        Geometry("no factor"),
        OnlyWith(""),
    ] = 0.0
    fill: Annotated[
        str,
        Setting("pixels beyond the border of the image", choices=get_args(Border)),
        Step("geometry", "fill what is beyond the image: {0}"),
        Geometry("no factor"),
    ] = "black"

    # pixel operations: those of a published policy, then these, in this order
    randaugment_count: Annotated[
        int, Setting("RandAugment's N, operations an image", 1, 16, source="arXiv:1909.13719"), OnlyWith(_RANDAUGMENT)
    ] = 2
    randaugment_magnitude: Annotated[
        int, Setting("RandAugment's M, their magnitude", 0, 30, source="arXiv:1909.13719"), OnlyWith(_RANDAUGMENT)
    ] = 9
    blur: Annotated[
        float,
        Setting("largest std of a Gaussian blur, pixels", 0, 10),
        Step("pixels", "blur by up to {0:.3g} pixels, every other image"),
        PixelOperation("pixel_operations.random_blur", range(30, 32)),
    ] = 0.0
    noise: Annotated[
        float,
        Setting("largest std of Gaussian noise, share of the full range", 0, 1),
        Step("pixels", "add noise of up to {0:.3g} of full range, every other image"),
        PixelOperation("pixel_operations.random_noise", range(32, 35)),
    ] = 0.0
    equalize: Annotated[
        float,
        Setting("probability of histogram equalization", 0, 1),
        Step("pixels", "equalize, {0:.3g} of the images"),
        PixelOperation("pixel_operations.random_equalize", range(40, 41)),
    ] = 0.0
    gamma: Annotated[
        float,
        Setting("largest change of the gamma exponent, share", 0, 0.9),
        Step("pixels", "gamma of {low:.3g} to {high:.3g}"),
        PixelOperation("pixel_operations.random_gamma", range(35, 36)),
    ] = 0.0
    solarize: Annotated[
        float,
        Setting("probability of solarizing (inverting bright pixels)", 0, 1),
        Step("pixels", "solarize, {0:.3g} of the images"),
        PixelOperation("pixel_operations.random_solarize", range(36, 38)),
    ] = 0.0
    posterize: Annotated[
        float,
        Setting("probability of posterizing to 4 to 7 bits", 0, 1),
        Step("pixels", "posterize to 4 to 7 bits, {0:.3g} of the images"),
        PixelOperation("pixel_operations.random_posterize", range(38, 40)),
    ] = 0.0
    erase: Annotated[
        float,
        Setting("probability of erasing a random rectangle", 0, 1, source="arXiv:1708.04896"),
        Step("pixels", "erase a rectangle, {0:.3g} of the images"),
        PixelOperation("pixel_operations.random_erase", range(13, 18)),
    ] = 0.0

    # color: one 4x4 matrix in this order, and then the normalization
    brightness: Annotated[
        float,
        Setting("largest change of brightness, share", 0, 1),
        Step("color", "brightness by a factor of {low:.3g} to {high:.3g}"),
    ] = 0.0
    contrast: Annotated[
        float,
        Setting("largest change of contrast, share", 0, 1),
        Step("color", "contrast by a factor of {low:.3g} to {high:.3g}"),
    ] = 0.0
    saturation: Annotated[
        float,
        Setting("largest change of saturation, share", 0, 1),
        Step("color", "saturation by a factor of {low:.3g} to {high:.3g}"),
    ] = 0.0
    hue: Annotated[
        float,
        Setting("largest rotation of the hue, degrees", 0, 180),
        Step("color", "rotate the hue by up to {0:.3g} degrees"),
    ] = 0.0

    # mixing of samples comes last, in the loop
    mosaic: Annotated[
        float,
        Setting("probability that a batch is shown as mosaics of four images", 0, 1, source="arXiv:2004.10934"),
        Step("mix", "mosaic of four images, {0:.3g} of the batches"),
        Mixing("mixing.mosaic_of_batch", "share"),
    ] = 0.0
    mixup: Annotated[
        float,
        Setting("Mixup alpha, 0 for none", 0, 10, source="arXiv:1710.09412"),
        Step("mix", "Mixup with another image, alpha {0:.3g}"),
        Mixing("mixing.mixup", "strength"),
    ] = 0.0
    cutmix: Annotated[
        float,
        Setting("CutMix alpha, 0 for none", 0, 10, source="arXiv:1905.04899"),
        Step("mix", "CutMix with another image, alpha {0:.3g}"),
        Mixing("mixing.cutmix", "strength"),
    ] = 0.0

    def __post_init__(self) -> None:
        for name, declared in declared_settings(Policy).items():
            value = declared.check(getattr(self, name))
            if value != declared.default and not _is_taken(name, self.name):
                takers = ", ".join(policy for policy in POLICY_ROWS if _is_taken(name, policy))
                raise SettingError(f"augment = {self.name} does not take {name}; {name} is for {takers}")

    def is_on(self, setting: str) -> bool:
        """Whether the setting changes anything: its value is not the default."""
        return bool(getattr(self, setting) != declared_settings(Policy)[setting].default)


@cache
def _is_taken(setting: str, policy: str) -> bool:
    only = annotations(Policy, OnlyWith).get(setting)
    return only is None or only.operations == POLICY_ROWS[policy].operations


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {name: Policy(name=name, **row.settings) for name, row in POLICY_ROWS.items()}
)
# Policy -> the settings that it takes, with its values
POLICY_TAKES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        name: {f.name: getattr(policy, f.name) for f in fields(Policy) if f.name != "name" and _is_taken(f.name, name)}
        for name, policy in POLICIES.items()
    }
)
