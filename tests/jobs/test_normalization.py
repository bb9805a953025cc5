"""Normalization: the figures of the training images, exact, whatever the threads; others by their name."""

import numpy as np
import pytest
import torch
from tests.jobs.conftest import QUICK

from striate.data import TensorImages
from striate.data.normalization import normalization_of
from striate.errors import SettingError
from striate.jobs import train
from striate.training import Recipe
from striate.views import Normalization


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_data_are_measured_exactly(kind):
    values = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (2100, 7, 5, 3)).astype(kind)
    values[..., 1] = 77
    found = normalization_of("data", TensorImages(torch.from_numpy(values)))
    scaled = values.astype(np.longdouble) / np.iinfo(kind).max
    mean, std = scaled.mean((0, 1, 2)), scaled.std((0, 1, 2))
    assert found.mean == pytest.approx(mean.astype(float), rel=1e-13)
    assert found.std == pytest.approx([float(std[0]), 1.0, float(std[2])], rel=1e-13)


def test_neither_order_nor_threads_change_a_bit():
    images = TensorImages(torch.randint(0, 256, (3000, 9, 9, 3)).to(torch.uint8))
    found = set()
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        for order in (torch.arange(3000), torch.randperm(3000)):
            found.add(normalization_of("data", images.subset(order)))
    torch.set_num_threads(1)
    assert len(found) == 1


def test_names_state_the_figures():
    images = TensorImages(torch.zeros(2, 3, 3, 2, dtype=torch.uint8))
    assert normalization_of("unit", images) == Normalization((0.0, 0.0), (1.0, 1.0))
    assert normalization_of("symmetric", images) == Normalization((0.5, 0.5), (0.5, 0.5))
    assert normalization_of("imagenet", images).mean == (0.485, 0.456, 0.406)


def test_imagenets_figures_need_three_channels(shapes, tmp_path):
    with pytest.raises(
        SettingError, match=r"has statistics for 3 channels and the images have 1; use --channels 3"
    ) as no:
        train(shapes, out=tmp_path / "run", progress=False, normalize="imagenet", channels=1, **QUICK)
    assert "\n" not in str(no.value)
    assert not (tmp_path / "run").exists()
    assert Recipe.of(normalize="imagenet").model.channels is None
