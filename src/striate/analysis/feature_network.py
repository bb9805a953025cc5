"""The network whose embeddings are asked for: one with published weights, with those of a file, or that of a run."""

from dataclasses import dataclass, replace
from typing import Final, final

from striate.data import Canvas, LabeledImages, Source, load_images
from striate.data.decoding.canvas import CONVERTED_CHANNELS
from striate.data.threads import Progress
from striate.errors import SettingError
from striate.models import Network, create_model
from striate.models.pretrained import IMAGENET_CLASSES
from striate.runs import Bundle, Preprocessing
from striate.runs.starting_weights import StartingWeights, find_starting_weights
from striate.training import RECIPES, available_cores

__all__ = ["FeatureNetwork", "find_feature_weights", "open_feature_network"]

PHOTOS: Final = RECIPES["photos"].settings  # features are those that its classifier is fitted on


def find_feature_weights(weights: str, model: str | None, *, download: bool) -> StartingWeights:
    """`weights` is "imagenet", a file of weights of `model`, or a run or its bundle. Raises SettingError, before data are read.

    ImageNet weights that are not here are downloaded only with `download`.
    """
    found = find_starting_weights(weights, model or str(PHOTOS["model"]), download)
    if found is None:
        raise SettingError("weights = none: random weights have no features; give imagenet, a weights file or a run")
    if found.normalization is None:
        raise SettingError(
            f"weights = {weights}: {found.input_reason}; give a run of them, "
            f"as `striate train DATA --weights {weights} --model {found.network} --epochs 0` makes one"
        )
    if model not in (None, found.network):
        raise SettingError(f"model = {model!r}: the run {weights} has a {found.network}; leave --model out")
    return found


@final
@dataclass(frozen=True)
class FeatureNetwork:
    """A network, its name, and the preprocessing of its images; for a run also its own way to read pixels."""

    network: Network
    name: str
    preprocessing: Preprocessing
    as_stored: bool = False  # the preprocessing knows the levels of arrays

    def load(self, source: Source, progress: Progress) -> dict[str, LabeledImages]:
        """The images of every split on the canvas of the network."""
        source = source.as_stored() if self.as_stored else source
        return load_images(source, self.preprocessing.canvas, threads=available_cores(), progress=progress)


def open_feature_network(weights: StartingWeights, source: Source) -> FeatureNetwork:
    """The network with these weights, and the preprocessing of the source's images. Raises StriateError."""
    if weights.kind == "run":
        return _of_run(weights, source)
    name, size = weights.network, weights.size
    assert size is not None
    assert weights.normalization is not None
    network = create_model(name, classes=IMAGENET_CLASSES, size=size, weights=weights.file)
    preprocessing = Preprocessing(_canvas(source, size), (size, size), weights.normalization, source.limits.max_pixels)
    return FeatureNetwork(network, name, preprocessing)


def _of_run(weights: StartingWeights, source: Source) -> FeatureNetwork:
    bundle = Bundle.open(weights.file.parent)
    canvas = bundle.preprocessing.canvas
    if canvas.fit == "window":
        raise SettingError(
            f"weights = {weights.path}: the run slides a window over images (fit = window), which gives no features of a whole "
            "image; give a run with fit contain or cover"
        )
    rendering = canvas.rendering.with_defaults(source.survey.rendering_of_new_images())
    preprocessing = replace(bundle.preprocessing, canvas=replace(canvas, rendering=rendering))
    return FeatureNetwork(bundle.model, bundle.architecture, preprocessing, as_stored=True)


def _canvas(source: Source, size: int) -> Canvas:
    """Images on the network's input as the recipe `photos` trains on them."""
    native = source.native()
    if native.channels not in CONVERTED_CHANNELS:
        raise SettingError(
            f"{source.location}: has images of {native.channels} channels, and published weights take 3; "
            "train a network on them and give its run as --weights"
        )
    rendering = source.survey.rendering(native.rendering.background)
    return Canvas(size, size, 3, 8, rendering, PHOTOS["fit"])
