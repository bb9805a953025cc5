"""The averaged weights."""

import pytest
import torch
from torch import nn

from striate.training import WeightAverage


def test_the_average_of_weights_that_stay_is_those_weights():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    average = WeightAverage(model, 0.99)
    for _ in range(5):
        average.update(model)
    for own, averaged in zip(model.parameters(), average.model.parameters(), strict=True):
        assert torch.allclose(own, averaged)


def test_follows_the_formula():
    model = nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, 0.5)
    (averaged,) = average.model.parameters()
    expected = model.weight.item()
    for update in range(1, 20):
        with torch.no_grad():
            model.weight.fill_(float(update))
        average.update(model)
        decay = min(0.5, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * update
        assert averaged.item() == pytest.approx(expected, rel=1e-5)


def test_buffers_are_those_of_now():
    model = nn.BatchNorm2d(2)
    average = WeightAverage(model, 0.999)
    model(torch.randn(4, 2, 3, 3))
    average.update(model)
    for name, value in average.model.named_buffers():
        assert torch.equal(value, model.get_buffer(name))
    assert average.model.get_buffer("num_batches_tracked") == 1
    assert not average.model.training
