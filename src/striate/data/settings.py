"""Settings of images, splits and batches."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, final, get_args

from striate.data.decoding.limits import DEFAULT_LIMITS, MAX_BAD
from striate.errors import SettingError
from striate.settings import Setting

__all__ = [
    "COLUMNS",
    "ROWS",
    "Background",
    "DataSettings",
    "FitMode",
    "Place",
    "TestTimeAugmentation",
    "check_choice",
    "check_shares",
]

Background = Literal["white", "black", "gray"]
# the canvas is filled and ends are cut off; all is shown with black beside it; or images keep their size, with black around
FitMode = Literal["cover", "contain", "window"]
Place = Literal["auto", "memory", "disk", "none"]  # of decoded images
TestTimeAugmentation = Literal["none", "flip"]
ROWS, COLUMNS = 6, 8  # of a sheet of augmented views: images, and views of each


@final
@dataclass(frozen=True, kw_only=True)
class DataSettings:
    # images
    bits: Annotated[
        int | None, Setting("bits kept of each channel: 8, or 16 where the files have more than 8", 8, 16)
    ] = None
    background: Annotated[str, Setting("color behind transparent pixels", choices=("auto", *get_args(Background)))] = (
        "auto"
    )
    fit: Annotated[
        str,
        Setting(
            "rectangular images are cropped (cover) or padded with black (contain); or images with masks keep their size, and a "
            "window of `size` pixels is moved over them (window)",
            choices=("auto", *get_args(FitMode)),
        ),
    ] = "auto"
    normalize: Annotated[
        str,
        Setting(
            "pixel values scaled to [0,1] or [-1,1], or standardized by the mean and std of the data, of ImageNet, or of what the "
            "initial weights were trained on; auto: of the weights, or else of the data",
            choices=("auto", "unit", "symmetric", "data", "imagenet", "weights"),
        ),
    ] = "auto"
    tta: Annotated[
        str,
        Setting(
            "test-time augmentation: the trained network predicts an image together with its mirror image (flip); not in the "
            "validation of each epoch",
            choices=get_args(TestTimeAugmentation),
            source="Krizhevsky et al. 2012",
        ),
    ] = "none"
    max_bad: Annotated[float, MAX_BAD] = DEFAULT_LIMITS.max_bad
    cache: Annotated[
        str,
        Setting(
            "where decoded images are kept during training, none to decode them every epoch",
            choices=get_args(Place),
        ),
    ] = "auto"

    # splits
    val: Annotated[float, Setting("share held out for validation, if the data have no validation split", 0, 0.9)] = 0.15
    test: Annotated[float, Setting("share held out for testing, if the data have no splits", 0, 0.9)] = 0.15
    split: Annotated[
        str, Setting("stratified, random, or a run folder or CSV file (id,split) whose split is used again")
    ] = "stratified"
    group: Annotated[
        str,
        Setting(
            r"what must stay in one split, such as a patient: a table column, or a regular expression such as 'patient(\d+)'"
        ),
    ] = ""
    folds: Annotated[int, Setting("folds of a cross-validation, 0 for none", 0, 100)] = 0
    fold: Annotated[int, Setting("fold used as test split, 0 to train all folds", 0, 100)] = 0
    leakage: Annotated[str, Setting("what to do about the same image in train and test", choices=("stop", "warn"))] = (
        "stop"
    )

    @property
    def trains_all_folds(self) -> bool:
        """Whether this asks for a cross-validation, a run for each fold, and not for one run."""
        return self.folds > 0 and self.fold == 0

    def __post_init__(self) -> None:
        check_shares(self.val, 0.0 if self.folds else self.test)


def check_choice(name: str, value: str, choices: Any) -> None:
    """SettingError where a value from a file is none of a Literal."""
    if value not in get_args(choices):
        raise SettingError(f"{name} = {value!r}: takes one of {', '.join(get_args(choices))}")


def check_shares(val: float, test: float) -> None:
    """SettingError where the shares that are held out leave nothing to train on."""
    if not (val >= 0 and test >= 0):
        raise SettingError(f"val = {val:g} and test = {test:g}: are no shares; give numbers from 0 to below 1")
    if val + test >= 1:
        raise SettingError(
            f"val = {val:g} and test = {test:g}: sum to {val + test:g}, and must be below 1 together; try 0.15 for each"
        )
