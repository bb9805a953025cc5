"""Embeddings of a frozen network: those of the network as it is, the same whenever they are computed."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate.data import Batches, ClassTargets, LabeledImages, TensorImages
from striate.models import Network, create_model
from striate.training import feature_arithmetic, frozen_embeddings
from striate.training.frozen_features import TOLERANCE, _faster_if_equal, _trace
from striate.views import Normalization


def batches(count: int = 10, batch_size: int = 4, side: int = 32, channels: int = 3) -> Batches:
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (count, side, side, channels), dtype=torch.uint8, generator=generator)
    samples = LabeledImages(
        TensorImages(pixels), ClassTargets(np.zeros(count, np.int64)), tuple(map(str, range(count))), ("a", "b")
    )
    normalization = Normalization((0.5,) * channels, (0.25,) * channels)
    return Batches(
        samples,
        batch_size=batch_size,
        size=(side, side),
        normalization=normalization,
        policy=None,
        seed=0,
        device="cpu",
    )


def network(name: str, side: int = 32) -> Network:
    """With statistics of batch norm that are not those of a new one."""
    torch.manual_seed(0)
    made = create_model(name, classes=3, size=side)
    with torch.no_grad():
        for layer in made.modules():
            if isinstance(layer, nn.BatchNorm2d):
                assert layer.running_mean is not None
                assert layer.running_var is not None
                layer.running_mean.uniform_(-0.5, 0.5)
                layer.running_var.uniform_(0.5, 2)
    return made


@torch.inference_mode()
def eager(model: Network, data: Batches) -> Tensor:
    model.eval()
    return torch.cat([model.embed(batch.inputs) for batch in data.epoch(0)])


NETWORKS = ("efficientnet_lite0", "resnet18", "regnet_y_400mf", "squeezenet1_1", "vit_ti_16")


@pytest.mark.parametrize("name", NETWORKS)
def test_embeddings_equal_those_of_the_network_as_it_is(name):
    model, data = network(name), batches()
    expected = eager(model, data)
    found = frozen_embeddings(model, data)
    assert found.shape == expected.shape
    assert found.dtype == torch.float32
    assert (found - expected).norm() <= 1.01 * TOLERANCE * expected.norm()


@pytest.mark.parametrize("threads", [1, 2])
def test_embeddings_are_the_same_to_the_bit_whenever_and_with_however_many_threads(threads):
    model, data = network("efficientnet_lite0"), batches(40, 32)
    expected, before = frozen_embeddings(model, data), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert torch.equal(frozen_embeddings(model, data), expected)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_the_network_stays_as_it_was():
    model = network("resnet18").train()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    strides = {name: value.stride() for name, value in model.named_parameters()}
    frozen_embeddings(model, batches())
    assert model.training
    assert all(layer.training for layer in model.modules())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert {name: value.stride() for name, value in model.named_parameters()} == strides
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules())


def test_progress_counts_samples():
    counts: list[tuple[int, int]] = []
    frozen_embeddings(network("resnet18"), batches(), lambda done, total: counts.append((done, total)))
    assert counts == [(4, 10), (8, 10), (10, 10)]


class Branching(Network):
    """Needs what folding would change: a convolution with a second user, and one with an activation before batch norm."""

    widths, strides, min_size = (4,), (1,), 1
    input_layers, classifier_layers = ("first",), ("classifier",)

    def __init__(self, second_user: bool) -> None:
        super().__init__()
        self.second_user = second_user
        self.first, self.activation = nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True)
        self.norm, self.classifier = nn.BatchNorm2d(4), nn.Linear(4, 2)
        nn.init.uniform_(self.norm.weight, 2, 3)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return (nn.Identity(),)

    def head(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = x + self.norm(x) if self.second_user else self.norm(self.activation(x))
        return self.classifier(x.mean((2, 3)))


@torch.inference_mode()
@pytest.mark.parametrize("second_user", [True, False])
def test_what_cannot_be_folded_is_not(second_user):
    model, data = Branching(second_user).eval(), batches()
    image = next(data.epoch(0)).inputs
    trace = _trace(model, image[:1])
    assert trace.pairs == ([("first", "norm")] if second_user else [])
    assert (_faster_if_equal(model, trace, image) is model) == second_user
    torch.testing.assert_close(frozen_embeddings(model, data), eager(model, data))


@torch.inference_mode()
@pytest.mark.parametrize(
    "name", ["efficientnet_lite0", "resnet18", pytest.param("densenet121", marks=pytest.mark.large)]
)
def test_batch_norm_after_a_convolution_is_folded(name):
    model = network(name).eval()
    image = next(batches().epoch(0)).inputs
    faster = _faster_if_equal(model, _trace(model, image[:1]), image)
    before, after = [sum(isinstance(layer, nn.BatchNorm2d) for layer in one.modules()) for one in (model, faster)]
    assert after < before / 1.5


def test_sub_batches_are_as_large_as_caches_allow():
    model = network("efficientnet_lite0", 224).eval()
    with torch.inference_mode():
        assert _trace(model, torch.zeros(1, 3, 224, 224)).sub_batch() == 4
        assert _trace(network("resnet18").eval(), torch.zeros(1, 3, 32, 32)).sub_batch() == 32


@torch.inference_mode()
@pytest.mark.parametrize("name", ["efficientnet_lite0", "vit_ti_16"])
def test_embeddings_are_to_the_bit_those_of_the_folded_network(name):
    """Of the same views in the same sub-batches; the tolerance is for the network as it is."""
    model, data = network(name).eval(), batches(40, 32)
    views = [batch.inputs for batch in data.epoch(0)]
    trace = _trace(model, views[0][:1])
    size = trace.sub_batch()
    folded = _faster_if_equal(model, trace, views[0][:size])
    expected = torch.cat([folded.embed(few) for batch in views for few in batch.split(size)])
    assert torch.equal(frozen_embeddings(model, data), expected)


@pytest.mark.parametrize(
    "change",
    [
        ("torch.get_float32_matmul_precision", lambda: "high"),
        ("torch.backends.cpu.get_cpu_capability", lambda: "another"),
    ],
)
def test_the_arithmetic_of_embeddings_is_that_of_the_device_and_its_precision(change, monkeypatch):
    before = feature_arithmetic(torch.device("cpu"))
    assert feature_arithmetic(torch.device("meta")) != before
    monkeypatch.setattr(*change)
    assert feature_arithmetic(torch.device("cpu")) != before
