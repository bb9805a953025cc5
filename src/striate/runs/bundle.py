"""A bundle: the trained network in files that are safe to open. No pickle is written or read.

    bundle/model.safetensors   the weights
    bundle/model.json          architecture by name, classes, preprocessing, provenance, digests, a golden output

Opening verifies the digests, the names, shapes and finiteness of the weights, and that the network reproduces the golden
output.
"""

import hashlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast, final

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from striate.data import Canvas, Limits, TrainingStatistics
from striate.data.decoding.limits import DEFAULT_LIMITS
from striate.data.settings import TestTimeAugmentation, check_choice
from striate.errors import RunError, SettingError, StriateError
from striate.models import (
    HeadDescription,
    Network,
    build_head,
    classifier_features,
    create_model,
    replace_classifier,
)
from striate.runs.atomic import explained, write_bytes
from striate.runs.bundle_json import FORMAT, MODEL_JSON, read_sealed, sealed
from striate.tasks import Task, open_task
from striate.views import Normalization

GOLDEN_TOLERANCE = 1e-3
ARGUMENTS = frozenset({"classes", "channels", "size", "dropout"})  # of the network


@final
@dataclass(frozen=True)
class Preprocessing:
    """How training, evaluation, prediction, export and serving all prepare an image.

    It is rotated upright by its EXIF orientation, brought to the canvas (see Canvas), cropped at its center to `size`
    (height, width), scaled to 0..1 and normalized. Image files of more than `max_pixels` are not decoded. Once training is over,
    predictions are merged over the views of `tta`.
    """

    canvas: Canvas
    size: tuple[int, int]
    normalization: Normalization
    max_pixels: int = DEFAULT_LIMITS.max_pixels
    tta: TestTimeAugmentation = "none"

    @property
    def limits(self) -> Limits:
        """For new images: no stricter than those of training, nor than the default ones."""
        return Limits(max_pixels=max(self.max_pixels, DEFAULT_LIMITS.max_pixels))

    def as_json(self) -> dict[str, Any]:
        return {
            "canvas": self.canvas.as_json(),
            "size": list(self.size),
            "normalization": asdict(self.normalization),
            "max_pixels": self.max_pixels,
            "tta": self.tta,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Preprocessing":
        """The inverse of `as_json`. Raises SettingError, TypeError, KeyError or ValueError for anything else."""
        height, width = stored["size"]
        mean, std = (tuple(map(float, stored["normalization"][key])) for key in ("mean", "std"))
        max_pixels = Limits(max_pixels=stored["max_pixels"]).max_pixels
        tta = stored.get("tta", "none")  # bundles of earlier versions have none
        check_choice("tta", tta, TestTimeAugmentation)
        canvas = Canvas.from_json(stored["canvas"])
        return cls(canvas, (int(height), int(width)), Normalization(mean, std), max_pixels, tta)


@final
@dataclass(frozen=True)
class Bundle:
    """A network with all that is needed to use it. `head`: what stands in the place of its main classifier, if anything."""

    model: Network
    architecture: str
    arguments: dict[str, Any]
    task: Task
    preprocessing: Preprocessing
    license: str = "not stated"
    provenance: dict[str, Any] = field(default_factory=dict)
    statistics: TrainingStatistics | None = None
    head: HeadDescription | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Of the network's outputs, or names of numbers."""
        return self.task.classes

    def with_tta(self, tta: str | None) -> "Bundle":
        """The same with this test-time augmentation, unless it is None. Raises SettingError for an unknown one."""
        if tta is None:
            return self
        check_choice("tta", tta, TestTimeAugmentation)
        return replace(self, preprocessing=replace(self.preprocessing, tta=cast(TestTimeAugmentation, tta)))

    def save(self, folder: Path) -> None:
        """Write the two files: model.json, written last, has the digest of the weights."""
        weights = {name: value.detach().cpu().contiguous() for name, value in self.model.state_dict().items()}
        data = safetensors.torch.save(weights)
        stored = {
            "format": FORMAT,
            "architecture": self.architecture,
            "arguments": self.arguments,
            "head": None if self.head is None else self.head.as_json(),
            "task": self.task.name,
            "task_arguments": self.task.arguments(),
            "classes": list(self.classes),
            "preprocessing": self.preprocessing.as_json(),
            "license": self.license,
            "provenance": self.provenance,
            "statistics": None if self.statistics is None else self.statistics.as_json(),
            "weights": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
            "golden_output": golden_output(self.model, self.preprocessing),
        }
        with explained(folder, len(data)):
            folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / "model.safetensors", data)
        write_bytes(folder / MODEL_JSON, sealed(stored))

    @classmethod
    def open(cls, folder: Path, own_task: type[Task] | None = None) -> "Bundle":
        """Open and verify a bundle; the RunError names the first thing that is wrong. own_task: where it is none of striate's."""
        stored = read_sealed(folder / MODEL_JSON)
        try:
            data = (folder / "model.safetensors").read_bytes()
        except OSError as error:
            raise RunError(
                f"{folder / 'model.safetensors'}: cannot be read ({error.strerror}); copy the bundle again"
            ) from None
        if hashlib.sha256(data).hexdigest() != stored["weights"]["sha256"]:
            raise RunError(f"{folder / 'model.safetensors'}: was changed after it was written; copy the bundle again")
        try:
            preprocessing = Preprocessing.from_json(stored["preprocessing"])
        except (StriateError, TypeError, KeyError, ValueError) as error:
            raise RunError(f"{folder / MODEL_JSON}: has an unknown preprocessing ({error}); upgrade striate") from None
        try:
            task = open_task(stored["task"], tuple(stored["classes"]), stored["task_arguments"], own_task)
        except SettingError as error:
            raise RunError(f"{folder / MODEL_JSON}: {error}") from None
        except (TypeError, KeyError, ValueError) as error:
            raise RunError(f"{folder / MODEL_JSON}: has an unknown task ({error}); upgrade striate") from None
        # A bundle of unknown origin must not make us read or download other weights.
        if unknown := stored["arguments"].keys() - ARGUMENTS:
            raise RunError(
                f"{folder / MODEL_JSON}: has unknown arguments of the network ({', '.join(sorted(unknown))}); "
                "upgrade striate"
            )
        try:
            model = create_model(stored["architecture"], **stored["arguments"])
        except (StriateError, TypeError) as error:
            raise RunError(
                f"{folder / MODEL_JSON}: cannot build {stored['architecture']!r} ({error}); upgrade striate"
            ) from None
        head = _put_head(model, stored, folder)
        _load_exactly(model, safetensors.torch.load(data), folder)
        model.eval()
        golden = golden_output(model, preprocessing)
        if len(golden) != len(stored["classes"]):
            raise RunError(
                f"{folder}: has {len(stored['classes'])} classes and {len(golden)} outputs; it is not a striate bundle"
            )
        if not _close(golden, stored["golden_output"]):
            raise RunError(
                f"{folder}: does not reproduce its golden output; it was made by another version of striate: train again"
            )
        return cls(
            model=model,
            architecture=stored["architecture"],
            arguments=stored["arguments"],
            task=task,
            preprocessing=preprocessing,
            license=stored["license"],
            provenance=stored["provenance"],
            statistics=_statistics(stored["statistics"], folder),
            head=head,
        )


@torch.inference_mode()
def golden_output(model: Network, preprocessing: Preprocessing) -> list[float]:
    """The output of the network for a fixed input, of maps their means: the same on every machine up to rounding."""
    height, width = preprocessing.size
    channels = preprocessing.canvas.channels
    pattern = (torch.arange(channels * height * width) * 37 % 251).float() / 125 - 1
    model.eval()
    device = next(model.parameters()).device
    output = model(pattern.view(1, channels, height, width).to(device))[0]  # K, or K h w
    return (output.mean((1, 2)) if output.ndim == 3 else output).tolist()


def _put_head(model: Network, stored: dict[str, Any], folder: Path) -> HeadDescription | None:
    """Put the described head, if there is one, in the place of the network's classifier."""
    if stored["head"] is None:
        return None
    try:
        head = HeadDescription.from_json(stored["head"])
        sizes = classifier_features(model), len(stored["classes"])
        if (head.features, head.classes) != sizes:
            raise RunError(
                f"it takes {head.features} features to {head.classes} classes, the network {sizes[0]} to {sizes[1]}"
            )
        replace_classifier(model, build_head(head))
    except StriateError as error:
        raise RunError(f"{folder / MODEL_JSON}: has an unknown head ({error}); upgrade striate") from None
    return head


def _statistics(stored: Any, folder: Path) -> TrainingStatistics | None:
    if stored is None:
        return None
    try:
        return TrainingStatistics.from_json(stored)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RunError(
            f"{folder / MODEL_JSON}: its statistics of the training images are invalid ({error!r}); copy the bundle again"
        ) from None


def _close(output: list[float], expected: list[float]) -> bool:
    """Equal up to the rounding of another machine."""
    tolerance = GOLDEN_TOLERANCE * max(map(abs, expected), default=0.0) + 1e-6
    return len(output) == len(expected) and all(abs(a - b) <= tolerance for a, b in zip(output, expected, strict=True))


def _load_exactly(model: Network, weights: dict[str, Tensor], folder: Path) -> None:
    """Load weights whose names, shapes and types are exactly those of the model."""
    own = model.state_dict()
    wrong = [f"{name} missing" for name in own.keys() - weights.keys()]
    wrong += [f"{name} unknown" for name in weights.keys() - own.keys()]
    for name in own.keys() & weights.keys():
        given, wanted = weights[name], own[name]
        if given.shape != wanted.shape or given.dtype != wanted.dtype:
            wrong.append(f"{name} is {tuple(given.shape)} {given.dtype}, not {tuple(wanted.shape)} {wanted.dtype}")
        elif given.is_floating_point() and not torch.isfinite(given).all():
            wrong.append(f"{name} is not finite")
    if wrong:
        raise RunError(
            f"{folder}: the weights do not fit the network ({'; '.join(sorted(wrong)[:5])}); copy the bundle again"
        )
    model.load_state_dict(weights)
