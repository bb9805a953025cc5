"""The plan of a training that starts from weights: how many images, which weights, and about how long it takes here and now.

A probe of a few seconds measures it: a few images through the frozen network, as features are computed and as a network is
evaluated, and one step of the layers that are trained.
"""

import copy
import itertools
import math
import time
from dataclasses import dataclass
from typing import Final, final

import torch

from striate.data import Batches
from striate.models import Network
from striate.number_format import count, duration
from striate.training.freezing import FrozenLayers
from striate.training.frozen_features import frozen_embeddings
from striate.training.machine import training_step
from striate.training.recipe import Recipe

__all__ = ["PROBE_IMAGES", "Speed", "TransferPlan", "measure_speed"]

PROBE_IMAGES: Final = 16  # through the frozen network, and in a step
MOST_STEPS, STEPS_SECONDS = 3, 0.7  # that are timed, and after which time no other is begun
LOADING_SECONDS: Final = 3.0  # of Python and its libraries, before the run begins and can measure time
START_SECONDS: Final = 2.0  # to prepare the frozen network, and to load scikit-learn
FIT_SECONDS: Final = 7e-5  # of a head, for each image and class; measured with 8 and 100 classes
FIT_IMAGES: Final = 2000  # that its cross-validation takes at most
END_SECONDS: Final = 4.0  # to write the checkpoint, the bundle, the results and the report


@final
@dataclass(frozen=True)
class Speed:
    """Seconds for each image: its features, its prediction in evaluation, and a training step with its augmentation."""

    embedding: float
    inference: float
    training: float


@final
@dataclass(frozen=True)
class TransferPlan:
    """What is trained from which weights, and the seconds that it takes at a measured speed. outputs: "8 classes"."""

    training_images: int
    validation_images: int
    test_images: int
    outputs: str
    heads: int  # that are fitted: one for each class or number
    weights: str
    model: str
    size: int
    epochs: int
    speed: Speed
    passed: float  # seconds since the run began: reading the images, and the probe
    views: int = 1  # of each image, that are predicted once training is over

    @property
    def first_seconds(self) -> float:
        """From now until the classifier is fitted on the features of the frozen network."""
        fit = FIT_SECONDS * min(self.training_images, FIT_IMAGES) * self.heads
        return START_SECONDS + self.training_images * self.speed.embedding + fit

    @property
    def seconds(self) -> float:
        """Of the whole process: what has passed, the features, the epochs, evaluation and report."""
        epoch = self.training_images * self.speed.training + self.validation_images * self.speed.inference
        at_the_end = self.views * (self.validation_images + self.test_images)
        held_out = self.validation_images + at_the_end  # epoch 0, and evaluation
        passed = LOADING_SECONDS + self.passed
        return passed + self.first_seconds + self.epochs * epoch + held_out * self.speed.inference + END_SECONDS

    @property
    def messages(self) -> tuple[str, str]:
        """Two lines for a person."""
        then = f", then {count(self.epochs, 'epoch')} of fine-tuning" if self.epochs else ""
        return (
            f"plan:    {count(self.training_images, 'training image')}, {self.outputs}, "
            f"{self.size} x {self.size} pixels; {self.model} from {self.weights}: a head on its features{then}",
            f"         here and now about {_about(self.first_seconds)} to the first result, {_about(self.seconds)} in all "
            f"with the {_about(LOADING_SECONDS + self.passed)} so far",
        )


def measure_speed(network: Network, training: Batches, features: Batches, evaluation: Batches, recipe: Recipe) -> Speed:
    """Measure the seconds for each image on the device of the batches, with the threads that are set.

    training: augmented batches of PROBE_IMAGES at most. features: a few images in two batches or more. evaluation: the same in
    batches as evaluation takes them. The network and the random generators are not changed.
    """
    device = evaluation.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        probe = copy.deepcopy(network).to(device)
        embedding = _embedding_seconds(probe, features)
        if recipe.machine.channels_last:
            for parameter in probe.parameters():
                if parameter.ndim == 4:
                    parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return Speed(
            embedding=embedding,
            inference=_inference_seconds(probe, evaluation),
            training=_training_seconds(probe, training, recipe) if recipe.training.epochs else 0.0,
        )


def _embedding_seconds(network: Network, batches: Batches) -> float:
    """Of all batches but the first, which has the cost of the preparations, unless it is the only one."""
    moments = [(0, time.perf_counter())]
    frozen_embeddings(network, batches, lambda done, _: moments.append((done, time.perf_counter())))
    (first, began), *_, (last, ended) = moments[1:] if len(moments) > 2 else moments
    return (ended - began) / (last - first)


@torch.inference_mode()
def _inference_seconds(network: Network, batches: Batches) -> float:
    network.eval()
    epoch = batches.epoch(0)
    first = next(epoch)
    network(first.inputs)  # builds the kernels
    done, began = 0, time.perf_counter()
    for batch in itertools.chain(epoch, [first]):
        network(batch.inputs).sum().item()  # reading it waits for a GPU
        done += len(batch.inputs)
        if time.perf_counter() - began > STEPS_SECONDS:
            break
    return (time.perf_counter() - began) / done


def _training_seconds(network: Network, batches: Batches, recipe: Recipe) -> float:
    FrozenLayers(network, recipe.transfer).start_epoch(recipe.training.epochs // 2)  # some are unfrozen later
    bfloat16 = recipe.machine.precision == "bfloat16"
    epoch = batches.epoch(0)
    first = next(epoch)
    training_step(network, first.inputs[:2], bfloat16)  # builds the kernels
    best, began = math.inf, time.perf_counter()
    started = began
    # One epoch may be a single batch; others are taken again, so that each step is timed with its augmentation.
    for batch in itertools.islice(itertools.chain(epoch, batches.epoch(1), batches.epoch(2)), MOST_STEPS):
        for _ in range(2 if recipe.training.sam else 1):
            training_step(network, batch.inputs, bfloat16)
        ended = time.perf_counter()
        best, started = min(best, (ended - started) / len(batch.inputs)), ended
        if ended - began > STEPS_SECONDS:
            break
    return best


def _about(seconds: float) -> str:
    """As exact as an estimate is: 7.3 -> "7 s", 43 -> "45 s", 112 -> "2 min", 5000 -> "1 h 25 min"."""
    steps = {10: 1, 60: 5, 600: 30, 3600: 60}
    step = next((step for limit, step in steps.items() if seconds < limit), 300)
    return duration(max(1, round(seconds / step)) * step).replace(".0 s", " s").removesuffix(" 0 s")
