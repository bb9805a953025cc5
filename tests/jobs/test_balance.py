"""A rare class that overlaps with a common one: weights and sampler make it found more often."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from striate.data import ClassTargets, LabeledImages, MultiLabelTargets, TensorImages
from striate.jobs import train
from striate.jobs.start_from_weights import _weights_and_draws
from striate.tasks import class_weights
from striate.training import Recipe


def unequal(folder: Path) -> Path:
    """240 images of one gray and 16 of a lighter one; each gray varies so much that no network tells all of them."""
    random = np.random.default_rng(1)
    for kind, count, gray in (("common", 240, 100), ("rare", 16, 145)):
        for split, number in (("train", count), ("test", 60)):
            (folder / split / kind).mkdir(parents=True)
            for i in range(number):
                pixels = random.normal(random.normal(gray, 30), 10, (28, 28))
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / split / kind / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def recalls(tmp_path_factory) -> dict[str, list[float]]:
    """Recall of common and of rare, by balance."""
    folder = tmp_path_factory.mktemp("unequal")
    data, found = unequal(folder / "data"), {}
    for balance in ("none", "weights", "sampler"):
        run = train(
            data, out=folder / balance, progress=False, balance=balance, model="lenet5", epochs=6, batch_size=16,
            lr=0.001, threads=1, precision="float32", augment="none", val=0.0, keep="last", weight_decay=0.0, seed=1,
        )  # fmt: skip
        found[balance] = [row["recall"]["value"] for row in run.metrics["test"]["per_class"]]
    return found


@pytest.mark.parametrize("balance", ["weights", "sampler"])
def test_the_rare_class_is_found_more_often(recalls, balance):
    assert recalls[balance][1] > recalls["none"][1] + 0.2
    assert np.mean(recalls[balance]) > np.mean(recalls["none"]) + 0.05


def test_the_weights_of_a_run_are_those_of_its_training_images():
    assert torch.allclose(class_weights([200, 12]), torch.tensor([212 / 400, 212 / 24]))


@pytest.mark.parametrize("labels", [[0] * 30 + [1] * 6, [[True, False, False]] * 20 + [[True, True, False]] * 5])
def test_a_fitted_head_weighs_samples_as_the_sampler_draws_them(labels):
    targets = (ClassTargets if isinstance(labels[0], int) else MultiLabelTargets)(np.array(labels))
    count = len(targets)
    images = TensorImages(torch.zeros(count, 4, 4, 3, dtype=torch.uint8))
    samples = LabeledImages(images, targets, tuple(map(str, range(count))), ("a", "b", "c"))
    weights, draws = _weights_and_draws(samples, Recipe.of(balance="sampler"))
    _, stratum = torch.from_numpy(targets.strata()).unique(return_inverse=True)
    of_weights, of_draws = stratum.bincount(weights), stratum[draws].bincount()
    torch.testing.assert_close(of_weights, torch.full_like(of_weights, count / len(of_weights)))
    assert of_draws.max() - of_draws.min() <= 1
    weights, draws = _weights_and_draws(samples, Recipe.of(balance="weights"))  # which the task knows
    assert torch.equal(weights, torch.ones(count))
    assert torch.equal(draws, torch.arange(count))
