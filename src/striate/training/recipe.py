"""A recipe: every setting of a training run in one flat record, each with its meaning and range beside it.

A value that the user typed wins over the named recipe, which wins over what the data suggest, which wins over the default.
`resolve` does that and remembers where each value came from; an unknown name or a value out of range is refused.
"""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Annotated, Any, Final, final, get_args, get_origin, get_type_hints

from striate.data.decoding.limits import DEFAULT_LIMITS, MOST_PIXELS
from striate.errors import SettingError, nearest

KINDS = MappingProxyType(
    {int: "a whole number", float: "a number", str: "text", bool: "true or false", NoneType: "auto"}
)


@final
@dataclass(frozen=True)
class Setting:
    """The meaning of a setting in one line, and which values it takes."""

    says: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()


@final
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a run. None is written `"auto"`: the data, the machine or the network decides."""

    # the network and what it sees
    model: Annotated[str, Setting("network, a name from `striate models`")] = "resnet18"
    size: Annotated[int | None, Setting("side of the square image that the network sees, in pixels", 4, 4096)] = None
    channels: Annotated[
        int | None, Setting("channels of the image: 1 gray, 3 RGB, 4 RGBA, others of arrays", 1, 64)
    ] = None
    bits: Annotated[int | None, Setting("bits of a channel that are kept: 8, or 16 where images have more", 8, 16)] = (
        None
    )
    background: Annotated[
        str,
        Setting("what lies behind transparent parts of images", choices=("auto", "white", "black", "gray")),
    ] = "auto"
    fit: Annotated[
        str,
        Setting(
            "images fill the square and lose their ends (cover), or are whole with black beside them (contain)",
            choices=("auto", "cover", "contain"),
        ),
    ] = "auto"
    normalize: Annotated[
        str,
        Setting(
            "pixels to [0,1], to [-1,1], or by the mean and deviation of the data or of ImageNet",
            choices=("unit", "symmetric", "data", "imagenet"),
        ),
    ] = "data"
    dropout: Annotated[float | None, Setting("share of units dropped, where the network has dropout", 0, 0.95)] = None

    # how long, and how big a step
    epochs: Annotated[int, Setting("passes over the training images", 1, 100_000)] = 20
    batch_size: Annotated[int, Setting("images a step", 1, 65_536)] = 64
    accumulate: Annotated[int, Setting("steps whose gradients are summed before one update", 1, 4096)] = 1
    optimizer: Annotated[str, Setting("how weights follow gradients", choices=("sgd", "adam", "adamw", "rmsprop"))] = (
        "adamw"
    )
    lr: Annotated[float, Setting("peak learning rate", 1e-8, 100)] = 1e-3
    momentum: Annotated[float, Setting("momentum of sgd and rmsprop, first beta of adam and adamw", 0, 0.9999)] = 0.9
    nesterov: Annotated[bool, Setting("Nesterov's momentum (sgd)")] = True
    beta2: Annotated[float, Setting("second beta of adam and adamw, smoothing of rmsprop", 0, 0.99999)] = 0.999
    schedule: Annotated[
        str,
        Setting(
            "course of the learning rate",
            choices=("constant", "step", "exponential", "linear", "cosine", "one_cycle", "plateau"),
        ),
    ] = "one_cycle"
    warmup: Annotated[float, Setting("share of the training in which the learning rate rises to its peak", 0, 0.9)] = (
        0.0
    )
    decay: Annotated[float, Setting("factor on the learning rate at each step, epoch or plateau", 0.001, 1)] = 0.1
    decay_epochs: Annotated[
        int, Setting("epochs between steps, or epochs without progress on a plateau", 1, 100_000)
    ] = 5

    # what keeps it from learning by heart
    weight_decay: Annotated[float, Setting("pull of the weights towards zero, none on biases and norms", 0, 10)] = 0.0
    label_smoothing: Annotated[float, Setting("share of certainty given to the wrong classes", 0, 0.9)] = 0.0
    clip: Annotated[float, Setting("longest gradient allowed, 0 for no limit", 0)] = 0.0
    ema: Annotated[
        float, Setting("decay of the averaged weights that are evaluated and kept, 0 for none", 0, 0.99999)
    ] = 0.0
    keep: Annotated[str, Setting("weights that are kept: of the best epoch or the last", choices=("best", "last"))] = (
        "best"
    )
    patience: Annotated[int, Setting("epochs without progress before stopping early, 0 for never", 0, 100_000)] = 0

    # what happens to a training image
    augment: Annotated[
        str,
        Setting(
            "policy of random views",
            choices=(
                "none",
                "light",
                "default",
                "strong",
                "randaugment",
                "trivialaugment",
                "autoaugment",
                "autoaugment-cifar10",
                "autoaugment-svhn",
                "augmix",
                "digits",
                "cifar",
            ),
        ),
    ] = "none"
    rotate: Annotated[float | None, Setting("largest rotation, degrees", 0, 180)] = None
    shift: Annotated[float | None, Setting("largest shift, share of the side", 0, 1)] = None
    shear: Annotated[float | None, Setting("largest shear, degrees", 0, 60)] = None
    zoom: Annotated[float | None, Setting("largest zoom in or out, share", 0, 0.9)] = None
    flip: Annotated[bool | None, Setting("mirror left and right by chance")] = None
    flip_vertical: Annotated[bool | None, Setting("mirror top and bottom by chance")] = None
    crop: Annotated[float | None, Setting("smallest area of a random resized crop, 1 for none", 0.01, 1)] = None
    perspective: Annotated[float | None, Setting("largest pull of a corner, share of the side", 0, 0.2)] = None
    elastic: Annotated[float | None, Setting("how far a smooth bend moves pixels, share of the side", 0, 0.1)] = None
    fill: Annotated[str | None, Setting("what is beyond the image", choices=("black", "nearest", "reflect"))] = None
    brightness: Annotated[float | None, Setting("largest change of brightness, share", 0, 1)] = None
    contrast: Annotated[float | None, Setting("largest change of contrast, share", 0, 1)] = None
    saturation: Annotated[float | None, Setting("largest change of saturation, share", 0, 1)] = None
    hue: Annotated[float | None, Setting("largest turn of the colors about gray, degrees", 0, 180)] = None
    gamma: Annotated[float | None, Setting("largest change of the exponent of the tones, share", 0, 0.9)] = None
    blur: Annotated[float | None, Setting("largest Gaussian blur, standard deviation in pixels", 0, 10)] = None
    noise: Annotated[float | None, Setting("largest noise, standard deviation as a share of full range", 0, 1)] = None
    equalize: Annotated[float | None, Setting("chance that the tones are equalized", 0, 1)] = None
    solarize: Annotated[float | None, Setting("chance that bright tones are inverted", 0, 1)] = None
    posterize: Annotated[float | None, Setting("chance that only 4 to 7 bits of the tones are kept", 0, 1)] = None
    erase: Annotated[float | None, Setting("chance that a rectangle is erased", 0, 1)] = None
    randaugment_count: Annotated[int | None, Setting("operations an image (augment = randaugment)", 1, 16)] = None
    randaugment_magnitude: Annotated[int | None, Setting("their strength (augment = randaugment)", 0, 30)] = None
    mixup: Annotated[float, Setting("alpha of Mixup, 0 for none", 0, 10)] = 0.0
    cutmix: Annotated[float, Setting("alpha of CutMix, 0 for none", 0, 10)] = 0.0
    mosaic: Annotated[float, Setting("chance that the images of a batch are shown in fours, as a mosaic", 0, 1)] = 0.0

    # which images, and on what machine
    source: Annotated[
        str,
        Setting(
            "how the data are read, where it is not told by what they hold",
            choices=(
                "auto",
                "folders",
                "table",
                "arrays",
                "webdataset",
                "coco",
                "voc",
                "yolo",
                "masks",
                "idx",
                "cifar",
                "rows",
            ),
        ),
    ] = "auto"
    class_level: Annotated[
        int | None,
        Setting("which folders are the classes: 1 those at the top (or in train, test), 2 those in them", 1, 2),
    ] = None
    follow_links: Annotated[bool, Setting("follow links to folders, and to files outside the data")] = False
    path_column: Annotated[str, Setting("column of a table that names the files; told by its name if left out")] = ""
    label_column: Annotated[str, Setting("column of a table with the label, or several parted by commas")] = ""
    split_column: Annotated[
        str,
        Setting(
            "column of a table that says train, val or test, or several such as is_valid,is_test; none for no column"
        ),
    ] = ""
    task: Annotated[
        str,
        Setting(
            "what labels mean where they leave it open: one class an image (what train learns so far), several, or numbers",
            choices=("auto", "classify", "multilabel", "regress"),
        ),
    ] = "auto"
    image_root: Annotated[str, Setting("folder in which a table's paths begin, relative to the table")] = ""
    val: Annotated[float, Setting("share held out for validation where the data have no such split", 0, 0.9)] = 0.15
    test: Annotated[float, Setting("share held out for the test where the data have no split at all", 0, 0.9)] = 0.15
    split: Annotated[
        str, Setting("stratified, random, or the folder of a run or a CSV (id,split) whose split is used again")
    ] = "stratified"
    group: Annotated[
        str,
        Setting("column, or regular expression with one group on the ids, whose samples stay together; empty for none"),
    ] = ""
    folds: Annotated[
        int, Setting("parts for cross-validation, each of which is the test part once; 0 for none", 0, 100)
    ] = 0
    fold: Annotated[int, Setting("the fold that is the test part, 0 to train all one after another", 0, 100)] = 0
    balance: Annotated[
        str,
        Setting(
            "rare classes as they are, weighing more in the loss, or drawn as often as others",
            choices=("none", "weights", "sampler"),
        ),
    ] = "none"
    leakage: Annotated[
        str, Setting("the same image in train and test: stop, or warn and go on", choices=("stop", "warn"))
    ] = "stop"
    max_bad: Annotated[float, Setting("largest share of unreadable files that is put up with", 0, 1)] = 0.05
    max_pixels: Annotated[
        int, Setting("largest height x width of an image file; larger ones are skipped undecoded", 1, MOST_PIXELS)
    ] = DEFAULT_LIMITS.max_pixels
    cache: Annotated[
        str,
        Setting(
            "where decoded images are kept while training; none decodes them anew each epoch",
            choices=("auto", "memory", "disk", "none"),
        ),
    ] = "auto"
    seed: Annotated[int, Setting("the same seed gives the same run", 0, 2**31 - 1)] = 0
    precision: Annotated[str, Setting("arithmetic of the training steps", choices=("auto", "float32", "bfloat16"))] = (
        "auto"
    )
    channels_last: Annotated[bool, Setting("keep the channels of a pixel side by side in memory")] = True
    device: Annotated[str, Setting("auto, cpu, cuda, cuda:1, mps ...")] = "auto"
    threads: Annotated[int | None, Setting("CPU threads; chosen by a short probe if left out", 1, 1024)] = None
    checkpoint_every: Annotated[int, Setting("steps between checkpoints, 0 for one each epoch", 0)] = 0


# the settings that say how data are read
READING: Final = (
    *("source", "class_level", "follow_links", "path_column", "label_column", "split_column", "task", "image_root"),
    "max_pixels",
)


@final
@dataclass(frozen=True)
class Settings:
    """A resolved recipe and where each value came from: "user", "recipe NAME", "data", "machine" or "default"."""

    recipe: Recipe
    source: Mapping[str, str]

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Name, value, source and meaning of each setting, for a person."""
        meanings = settings_taken()
        return [
            (name, written(getattr(self.recipe, name)), self.source[name], meanings[name][1].says) for name in meanings
        ]

    def filled(self, source: str, **found: object) -> "Settings":
        """These settings with `found` filled in where nothing was said."""
        open_names = [name for name in found if getattr(self.recipe, name) in (None, "auto")]
        values = {name: getattr(self.recipe, name) for name in settings_taken()}
        values.update({name: found[name] for name in open_names})
        return Settings(checked(values), {**self.source, **dict.fromkeys(open_names, source)})


@final
@dataclass(frozen=True)
class NamedRecipe:
    """Settings under a name, with the result that they reached and the time that it took."""

    name: str
    settings: Mapping[str, Any]
    reaches: str


def settings_taken() -> Mapping[str, tuple[Any, Setting]]:
    """Name -> (type, meaning and range) of every setting, in the order of the recipe."""
    hints = get_type_hints(Recipe, include_extras=True)
    return MappingProxyType({f.name: (get_args(hints[f.name])[0], get_args(hints[f.name])[1]) for f in fields(Recipe)})


def resolve(user: Mapping[str, Any], named: NamedRecipe) -> Settings:
    """Layer what the user typed over the named recipe, over the defaults."""
    values = {f.name: f.default for f in fields(Recipe)}
    source = dict.fromkeys(values, "default")
    for layer, origin in ((named.settings, f"recipe {named.name}"), (user, "user")):
        for name, value in layer.items():
            if name not in values:
                raise SettingError(f"no setting is called {name!r}{nearest(name, values)}")
            values[name], source[name] = value, origin
    return Settings(checked(values), source)


def checked(values: Mapping[str, Any]) -> Recipe:
    """A recipe of these values; a wrong type, an unknown choice or a value out of range is a SettingError."""
    taken = settings_taken()
    return Recipe(**{name: _check(name, value, *taken[name]) for name, value in values.items()})


def _check(name: str, value: Any, kind: Any, meaning: Setting) -> Any:
    allowed = get_args(kind) if get_origin(kind) else (kind,)
    if NoneType in allowed and value in (None, "auto"):
        return None
    value = _as_number(value, allowed)
    if type(value) not in allowed:
        expected = " or ".join(KINDS[kind] for kind in allowed)
        raise SettingError(f"{name} = {value!r}: takes {expected} ({meaning.says})")
    if meaning.choices and value not in meaning.choices:
        raise SettingError(f"{name} = {value!r}: takes one of {', '.join(meaning.choices)} ({meaning.says})")
    if isinstance(value, int | float) and not isinstance(value, bool) and not meaning.low <= value <= meaning.high:
        between = f"at least {meaning.low:g}" if meaning.high == math.inf else f"{meaning.low:g} to {meaning.high:g}"
        shown = str(value) if isinstance(value, int) else f"{value:g}"
        raise SettingError(f"{name} = {shown}: out of range, takes {between} ({meaning.says})")
    return value


def _as_number(value: Any, allowed: tuple[Any, ...]) -> Any:
    """Numbers of any library as Python's own, and 2 or 2.0 as the kind that is asked for; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    try:
        number = float(value)
    except OverflowError:  # of a whole number with hundreds of digits, which is out of any range
        return value
    if float in allowed:
        return number
    return int(number) if int in allowed and number.is_integer() else value


def written(value: object) -> str:
    """A setting's value as TOML writes it; None is "auto"."""
    if value is None:
        return '"auto"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML's strings are JSON's but for DEL
    return repr(value)


def to_toml(settings: Settings) -> str:
    """The settings as a TOML file that `--recipe` reads again; the [origin] table says where each value came from."""
    rows = settings.rows()
    lines = ["# the settings of a run; `striate train DATA --recipe FILE` uses them again", ""]
    lines += [f"{name} = {value}".ljust(34) + f"# {says}" for name, value, _, says in rows]
    lines += ["", "[origin]"] + [f"{name} = {written(source)}" for name, _, source, _ in rows]
    return "\n".join(lines) + "\n"


def read_toml(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings of a recipe file, and where each value came from: by its [origin] table, else "default".

    A file of an earlier version lacks the settings that came later; they have their defaults.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"{path}: cannot be read as a recipe: {error}") from None
    # the table was called source before there was a setting of that name
    origin = said.pop("source") if isinstance(said.get("source"), dict) else said.pop("origin", {})
    taken = settings_taken()
    for name in said:
        if name not in taken:
            raise SettingError(f"{path}: no setting is called {name!r}{nearest(name, taken)}")
    written_origin = origin if isinstance(origin, dict) else {}
    return said, {**dict.fromkeys(taken, "default"), **written_origin}
