"""The weights that training starts from: ImageNet's, those of a file, or those of another run.

They are found before any data are read: what they are is then known, and damaged, missing or changed ones are refused. A run
records them in its manifest and in its bundle.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, final

import torch
from torch import Tensor

from striate.errors import RunError, SettingError, StriateError
from striate.models import Network, create_model, pretrained_input
from striate.models.file_digest import file_digest
from striate.models.imagenet import imagenet_file
from striate.models.pretrained import IMAGENET_CLASSES, PACKAGED, PRETRAINED, find_published, pretrained_name
from striate.models.weight_files import check_weights_file
from striate.models.weights import load_weights, read_weights
from striate.runs.bundle import Bundle, Preprocessing
from striate.runs.bundle_json import MODEL_JSON, digest_of, read_sealed
from striate.runs.folder import RunFolder
from striate.training import Recipe, ResolvedRecipe
from striate.views import Normalization

__all__ = [
    "StartingWeights",
    "find_starting_weights",
    "find_weights_again",
    "load_starting_weights",
    "network_of_weights",
]

WEIGHTS: Final = "model.safetensors"


@final
@dataclass(frozen=True)
class StartingWeights:
    """A file of weights, what it is, and the size and normalization of the input that it was trained on, where these are known.

    provenance: publisher, license, and url or package of published weights; of a run the digest of its bundle, and the
    weights that it started from itself, if any. path: the file or run as an absolute path, None for published weights.
    """

    kind: Literal["imagenet", "file", "run"]
    network: str
    file: Path
    sha256: str
    provenance: Mapping[str, Any]
    path: Path | None = None
    size: int | None = None
    normalization: Normalization | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the weights decide."""
        size = {} if self.size is None else {"size": self.size}
        if self.normalization is None:
            return size
        return {**size, "normalize": "weights", "channels": len(self.normalization.mean)}

    @property
    def input_reason(self) -> str:
        """Why a file that nobody published has this size and normalization, or none; empty for other weights."""
        if self.kind != "file" or self.provenance:
            return ""
        if self.normalization is None:
            return f"nothing tells which size and normalization {self.path} expects"
        return f"as for the published weights of {self.network}, whose {IMAGENET_CLASSES} classes {self.path} has too"

    def as_json(self) -> dict[str, Any]:
        """What a run records of them: `initial_weights` of manifest.json, and of `provenance` in its bundle."""
        return {
            "kind": self.kind,
            "network": self.network,
            "path": None if self.path is None else str(self.path),
            "sha256": self.sha256,
            "normalization": None if self.normalization is None else asdict(self.normalization),
            **self.provenance,
        }

    def tensors(self) -> dict[str, Tensor]:
        """The weights by name; those of a run from its bundle, verified as a whole. Raises StriateError."""
        if self.kind == "run":
            return Bundle.open(self.file.parent).model.state_dict()
        return read_weights(self.file)


def find_starting_weights(weights: str, model: str, download: bool = False) -> StartingWeights | None:
    """The weights that a recipe names, for the network `model`; None for "none". Raises SettingError where they cannot be used.

    A run's weights are for its own network, whatever `model` is. Of a run only model.json is opened, and of a file the beginning,
    unless its shapes have to tell what it is.
    """
    if weights == "none":
        return None
    if weights == "imagenet":
        return _published(model, download)
    with _explained(weights):
        path = Path(weights)
        folder = _bundle_folder(path)
        return _of_file(path, model) if folder is None else _of_bundle(path, folder)


def network_of_weights(weights: str) -> str | None:
    """The network of a run; None for a file of weights, which does not tell it. Raises SettingError where there is no such."""
    with _explained(weights):
        folder = _bundle_folder(Path(weights))
        return None if folder is None else str(read_sealed(folder / MODEL_JSON)["architecture"])


@contextmanager
def _explained(weights: str) -> Iterator[None]:
    """What is wrong with weights, as a fault of the setting."""
    try:
        yield
    except StriateError as error:
        raise SettingError(f"weights = {weights}: {str(error).removeprefix(f'{weights}: ')}") from None


def _bundle_folder(path: Path) -> Path | None:
    """The bundle that is meant by a path: of a run, itself, or that of its file; None for a file of weights alone."""
    if not path.exists():
        raise SettingError("there is no such file or run; give imagenet, a weights file or a run")
    if path.is_dir():
        if (path / MODEL_JSON).is_file():
            return path
        if not any((path / name).exists() for name in ("manifest.json", "folds.json")):
            raise SettingError("is neither a run nor a bundle; give imagenet, a weights file or a run")
        return RunFolder.open(path).finished_bundle_path()
    return path.parent if path.name == WEIGHTS and (path.parent / MODEL_JSON).is_file() else None


def _published(model: str, download: bool) -> StartingWeights:
    file = imagenet_file(model, download=download)
    return StartingWeights(
        kind="imagenet",
        network=model,
        file=file,
        sha256=file_digest(file),
        provenance=find_published(model).provenance(),
        **_published_input(model),
    )


def _published_input(model: str) -> dict[str, Any]:
    expected = pretrained_input(model)
    return {"size": expected.size, "normalization": Normalization(expected.mean, expected.std)}


def _of_file(path: Path, model: str) -> StartingWeights:
    """A file of weights; a published one is known by its digest. One of the same shapes is taken to expect the same input."""
    check_weights_file(path)
    digest = file_digest(path)
    own = pretrained_name(model)
    published = PACKAGED.get(own) or PRETRAINED.get(own)
    is_published = published is not None and digest.startswith(published.sha256.lower())
    is_alike = is_published or (published is not None and not _differs(path, model, digest))
    return StartingWeights(
        kind="file",
        network=model,
        file=path,
        sha256=digest,
        provenance=published.provenance() if published is not None and is_published else {},
        path=path.resolve(),
        **(_published_input(model) if is_alike else {}),
    )


@lru_cache(16)
def _differs(path: Path, model: str, sha256: str) -> bool:  # noqa: ARG001 - a key of the cache: a changed file is read anew
    """Whether a file has other classes, channels or patches than the published weights of its network.

    One of another network is refused once it is loaded, with more to say about it.
    """
    weights = read_weights(path)
    with torch.device("meta"):  # shapes without values
        network = create_model(model, classes=IMAGENET_CLASSES, size=pretrained_input(model).size)
    try:
        report = load_weights(network, weights, name=model, source=str(path))
    except SettingError:
        return False
    return bool(report.other_classes or report.other_heads or report.other_channels or report.other_patches)


def _of_bundle(path: Path, folder: Path) -> StartingWeights:
    """A bundle's weights: their digest is checked here, the rest when they are loaded."""
    stored, file = read_sealed(folder / MODEL_JSON), folder / WEIGHTS
    try:
        preprocessing = Preprocessing.from_json(stored["preprocessing"])
        digest = file_digest(file)
    except (StriateError, TypeError, KeyError, ValueError) as error:
        raise RunError(f"{folder / MODEL_JSON}: has an unknown preprocessing ({error}); upgrade striate") from None
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror}); copy the bundle again") from None
    if digest != stored["weights"]["sha256"]:
        raise RunError(f"{file}: was changed after it was written; copy the bundle again")
    before = stored["provenance"].get("initial_weights") or {}
    return StartingWeights(
        kind="run",
        network=stored["architecture"],
        file=file,
        sha256=digest,
        path=path.resolve(),
        size=preprocessing.size[0],
        normalization=preprocessing.normalization,
        provenance={
            "bundle": digest_of(stored),
            "data": (stored["provenance"].get("data") or {}).get("digest"),
            **{name: before[name] for name in ("publisher", "license") if name in before},
            "initial_weights": before or None,
        },
    )


def find_weights_again(path: Path, began: Mapping[str, Any] | None, recipe: Recipe) -> StartingWeights | None:
    """The weights that the run or the cross-validation in `path` began with, `began` as it recorded them.

    Raises RunError where they moved or changed.
    """
    if began is None:
        return None
    if began["path"] is not None and not Path(began["path"]).exists():
        raise RunError(
            f"{path}: still needs its initial weights, and {began['path']} are gone; "
            "bring them back, or train again with others"
        )
    try:
        found = find_starting_weights(began["path"] or began["kind"], recipe.model.name, recipe.transfer.download)
    except SettingError as error:
        raise RunError(f"{path}: still needs its initial weights: {error}") from None
    assert found is not None
    if found.sha256 != began["sha256"]:
        raise RunError(
            f"{found.path or found.file}: the weights changed since {path} began; bring them back, or train again"
        )
    return found


def _hint(weights: StartingWeights, settings: ResolvedRecipe) -> str:
    """What to do where weights are of another network than the one that a person typed or a recipe chose."""
    if weights.kind == "file" and settings.origins["model"] != "user":
        return "; name the network of the file with --model"
    if weights.kind == "run" and settings.recipe.model.name != weights.network:
        return f"; they are those of {weights.network}: leave model out"
    return ""


def load_starting_weights(network: Network, weights: StartingWeights | None, settings: ResolvedRecipe) -> list[str]:
    """Load weights into a network; lines on what was loaded, none where there are no weights.

    Raises SettingError for weights of another network, and StriateError for a file or bundle that is damaged.
    """
    if weights is None:
        return []
    name, tensors = settings.recipe.model.name, weights.tensors()
    try:
        report = load_weights(network, tensors, name=name, source=str(weights.path or weights.file))
    except SettingError as error:
        raise SettingError(f"{error}{_hint(weights, settings)}") from None
    decided = [f"network: {name}, that of the weights"] if settings.origins["model"] == "weights" else []
    return [*decided, f"weights: {settings.recipe.transfer.weights}, {report}"]
