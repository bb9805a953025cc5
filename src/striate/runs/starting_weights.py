"""The weights that training starts from: ImageNet's, those of a file, or those of another run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from striate.data import Source
from striate.data.images import Images
from striate.data.normalization import normalization_of
from striate.errors import SettingError, StriateError
from striate.models import Network, pretrained_input
from striate.models.imagenet import imagenet_file
from striate.models.weights import load_weights, read_weights
from striate.runs.bundle import Bundle
from striate.training import NamedRecipe, Recipe, ResolvedRecipe
from striate.training.data_defaults import resolve_with_data
from striate.training.recipe import resolve
from striate.views import Normalization

__all__ = [
    "check_starting_weights",
    "find_starting_weights",
    "load_starting_weights",
    "normalization_for",
    "resolve_with_weights",
    "with_model_of_weights",
]


@final
@dataclass(frozen=True)
class StartingWeights:
    """A file of weights, and the size and normalization of the input that they were trained on, where these are known."""

    file: Path
    size: int | None = None
    normalization: Normalization | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the weights decide."""
        size = {} if self.size is None else {"size": self.size}
        return size if self.normalization is None else {**size, "normalize": "weights", "channels": self._channels}

    @property
    def _channels(self) -> int | None:
        return None if self.normalization is None else len(self.normalization.mean)


def find_starting_weights(weights: str, model: str, download: bool = False) -> StartingWeights | None:
    """The weights that a recipe names for its network; None for "none". Raises SettingError where they are not there."""
    if weights == "none":
        return None
    if weights == "imagenet":
        expected = pretrained_input(model)
        return StartingWeights(
            imagenet_file(model, download=download), expected.size, Normalization(expected.mean, expected.std)
        )
    path = Path(weights)
    if _checked(path).is_file():
        return StartingWeights(path)
    bundle = _open(path)
    height, _ = bundle.preprocessing.size
    return StartingWeights(_bundle_path(path) / "model.safetensors", height, bundle.preprocessing.normalization)


def _model_of(weights: str) -> str:
    """The network of a run's weights; a file of weights does not tell its network."""
    if _checked(Path(weights)).is_file():
        raise SettingError(f"weights = {weights}: a file does not tell its network; name it with model")
    return _open(Path(weights)).architecture


def _checked(path: Path) -> Path:
    if not path.exists():
        raise SettingError(f"weights = {path}: there is no such file or run; give imagenet, a weights file or a run")
    return path


def _open(run: Path) -> Bundle:
    try:
        return Bundle.open(_bundle_path(run))
    except StriateError as error:
        raise SettingError(f"weights = {run}: {error}") from None


def _bundle_path(run: Path) -> Path:
    return run if (run / "model.json").is_file() else run / "bundle"


def with_model_of_weights(user: Mapping[str, Any], named: NamedRecipe | None) -> dict[str, Any]:
    """What the user typed, and the network that goes with the weights where the user names weights and no network.

    Asked before any data are read. Raises SettingError where there are no such weights.
    """
    weights = user.get("weights", "none")
    if named is None or "model" in user or weights in ("none", "imagenet"):
        return dict(user)
    return {**user, "model": _model_of(weights)}


def check_starting_weights(user: Mapping[str, Any], named: NamedRecipe | None) -> None:
    """Raise SettingError where the weights are not there, before any data are read; what is downloaded is so later."""
    if named is None:
        return
    recipe = resolve(user, named).recipe
    if recipe.transfer.weights == "imagenet" and recipe.transfer.download:
        pretrained_input(recipe.model.name)
    else:
        find_starting_weights(recipe.transfer.weights, recipe.model.name)


def resolve_with_weights(source: Source, named: NamedRecipe, user: dict[str, Any]) -> ResolvedRecipe:
    """Every setting that the initial weights and the data decide."""
    recipe = resolve(user, named).recipe
    starting = find_starting_weights(recipe.transfer.weights, recipe.model.name, recipe.transfer.download)
    if recipe.data.normalize in ("auto", "weights"):
        _check_normalization(starting, recipe)
    return resolve_with_data(source, named, user, {} if starting is None else starting.settings)


def _check_normalization(starting: StartingWeights | None, recipe: Recipe) -> None:
    """Raise SettingError where the weights do not tell their normalization, or it is for another number of channels."""
    known, channels = None if starting is None else starting.normalization, recipe.model.channels
    if known is None and recipe.data.normalize == "weights":
        raise SettingError(
            f"normalize = weights: weights = {recipe.transfer.weights} do not tell their normalization; "
            "give normalize = imagenet, symmetric, unit or data"
        )
    if known is not None and channels not in (None, len(known.mean)):
        raise SettingError(
            f"channels = {channels}: the normalization of the weights is for {len(known.mean)}; "
            "leave channels out, or give normalize = data"
        )


def normalization_for(recipe: Recipe, images: Images) -> Normalization:
    """The normalization that the recipe names, by the weights or by the images themselves. Raises SettingError."""
    if recipe.data.normalize != "weights":
        return normalization_of(recipe.data.normalize, images)
    starting = find_starting_weights(recipe.transfer.weights, recipe.model.name, recipe.transfer.download)
    _check_normalization(starting, recipe)
    assert starting is not None
    assert starting.normalization is not None
    return starting.normalization


def load_starting_weights(network: Network, recipe: Recipe) -> list[str]:
    """Load the recipe's weights into its network; a line on what was loaded, none where there are no weights.

    Raises SettingError for weights of another network.
    """
    starting = find_starting_weights(recipe.transfer.weights, recipe.model.name, recipe.transfer.download)
    if starting is None:
        return []
    tensors = read_weights(starting.file)
    report = load_weights(network, tensors, name=recipe.model.name, source=str(starting.file))
    return [f"weights: {recipe.transfer.weights}, {report}"]
