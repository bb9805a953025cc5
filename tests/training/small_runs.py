"""Trainings of a second: three classes of small images that a few steps can tell apart."""

from collections.abc import Iterable
from dataclasses import replace

import torch

from striate.data import Batches, ClassTargets, LabeledImages, TensorImages
from striate.models import create_model
from striate.tasks import Classify
from striate.training import Diverged, Epoch, Recipe, Step, TrainingState, train
from striate.views import Normalization, Policy

TASK = Classify(("dark", "light", "striped"))
RECIPE = Recipe.of(
    model="bn_gap_cnn", epochs=3, batch_size=16, lr=0.01, device="cpu", precision="float32", ema=0.9, dropout=0.3
)


def images(count: int = 60) -> LabeledImages:
    """Three classes that a few steps can tell apart."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 3
    noise = torch.randint(0, 60, (count, 32, 32, 1), generator=generator)
    stripes = (torch.arange(32) % 8 < 4).view(1, 1, 32, 1) * 180
    base = torch.where((labels == 2).view(-1, 1, 1, 1), stripes, (labels * 180).view(-1, 1, 1, 1))
    return LabeledImages(
        TensorImages((base + noise).to(torch.uint8)),
        ClassTargets(labels.numpy()),
        tuple(map(str, range(count))),
        TASK.classes,
    )


def batches(recipe: Recipe) -> Batches:
    return Batches(
        images(),
        batch_size=recipe.training.batch_size,
        size=(32, 32),
        normalization=Normalization((0.4,), (0.3,)),
        policy=Policy(shift=0.1),
        seed=recipe.training.seed,
        device="cpu",
    )


def fresh(recipe: Recipe = RECIPE) -> TrainingState:
    torch.manual_seed(recipe.training.seed)
    return TrainingState(create_model(recipe.model.name, classes=3, channels=1), TASK, recipe)


def run(recipe: Recipe, state: TrainingState | None = None) -> tuple[TrainingState, list[Step | Epoch | Diverged]]:
    state = state or fresh(recipe)
    return state, list(train(state, TASK, batches(recipe), batches(recipe), recipe))


def same_weights(one: TrainingState, other: TrainingState) -> bool:
    a, b = one.tensors(), other.tensors()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def check_resuming(recipe: Recipe, stops: Iterable[int]) -> None:
    """A run that was stopped after any of `stops` records and resumed equals an uninterrupted one to the bit."""
    whole, _ = run(recipe)
    for stop in stops:
        _check_resuming(recipe, stop, whole)


def _check_resuming(recipe: Recipe, stop: int, whole: TrainingState) -> None:
    first = fresh(recipe)
    for count, _ in enumerate(train(first, TASK, batches(recipe), batches(recipe), recipe), start=1):
        if count == stop:
            break
    saved = {name: value.detach().contiguous().clone() for name, value in first.tensors().items()}
    scalars = first.scalars()

    torch.manual_seed(999)  # whatever this process did before
    second = TrainingState(create_model(recipe.model.name, classes=3, channels=1), TASK, recipe)
    second.load(saved, scalars)
    run(recipe, second)
    assert same_weights(whole, second), stop
    timeless = [replace(row, seconds=0, images_per_second=0) for row in whole.history]
    assert timeless == [replace(row, seconds=0, images_per_second=0) for row in second.history]
