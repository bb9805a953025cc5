"""The networks of the table: counts, shapes, arithmetic written out by hand, sizes, initialization, and refusals."""

import re
import subprocess
import sys
from importlib import import_module
from math import sqrt
from types import MappingProxyType

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.networks import REPRESENTATIVE, VERY_DEEP, image, native, on_meta, other_ways_marked, siblings_marked
from torch import Tensor, nn

from striate.errors import SettingError
from striate.models import NETWORKS, contract, create, create_model, list_models

SMALL = [
    "bn_gap_cnn",
    "cifar_cnn",
    "cosine_cnn",
    "cosine_cnn_small",
    "dense_cnn",
    "digit_cnn",
    "digit_cnn_strided",
    "lenet5",
    "residual_cnn",
    "unet_half",
    "unet_small",
]

# Counted by hand, layer by layer; the oracle tests count the others' twins.
BY_HAND = {
    "digit_cnn": 110_474,
    "digit_cnn_strided": (9 * 1 + 1) * 32 + (9 * 32 + 1) * 64 + (9 * 64 + 1) * 128 + (2 * 2 * 128 + 1) * 128 + 129 * 10,
    "lenet5": 61_706,
    "cifar_cnn": 9 * (3 * 64 + 64 * 64 + 64 * 128 + 128 * 128 + 128 * 256 + 256 * 256)
    + 2 * 2 * (64 + 128 + 256)
    + (256 * 4 * 4 + 1) * 512
    + 513 * 10,
    "bn_gap_cnn": 9 * (3 * 32 + 32 * 64 + 64 * 128) + 2 * (32 + 64 + 128) + 129 * 10,
    "cosine_cnn_small": 16 * 25 + 9 * (16 * 32 + 32 * 64) + 2 * (32 + 64) + (3 * 3 * 64 + 1) * 10,
    "cosine_cnn": 32 * 25 + 9 * (32 * 64 + 64 * 128) + 2 * (64 + 128) + (3 * 3 * 128 + 1) * 10,
    # 21 layers: batch norm, 1x1 to 32, batch norm, 3x3 to 8; their inputs grow by 8 from 16, 36 and 46
    "dense_cnn": 9 * 16
    + sum((2 + 32) * (first + 8 * i) + 2 * 32 + 9 * 32 * 8 for first in (16, 36, 46) for i in range(7))
    + (2 + 36) * 72
    + (2 + 46) * 92
    + 2 * 102
    + 103 * 10,
    # widths w, 2w .. 16w: pairs down, then for each step up an up-convolution with biases and a pair of 2w to w
    "unet": (9 * 1 + 1) * 64
    + (9 * 64 + 1) * 64
    + sum((9 * w + 1) * 2 * w + (9 * 2 * w + 1) * 2 * w for w in (64, 128, 256, 512))
    + sum((4 * 2 * w + 1) * w + (9 * 2 * w + 1) * w + (9 * w + 1) * w for w in (64, 128, 256, 512))
    + 65 * 2,
    "unet_half": (36 * 3 + 2) * 48
    + (9 * 48 + 2) * 48
    + sum((9 * v + 2) * w + (9 * w + 2) * w for v, w in ((48, 64), (64, 128), (128, 192)))
    + sum((4 * v + 1) * w + (9 * 2 * w + 2) * w for v, w in ((192, 128), (128, 64), (64, 48)))
    + (4 * 48 + 1) * 32
    + 33 * 21,
    "unet_small": (9 * 3 + 2) * 16
    + (9 * 16 + 2) * 16
    + sum((9 * w + 2) * 2 * w + (9 * 2 * w + 2) * 2 * w for w in (16, 32, 64, 128))
    + sum((4 * 2 * w + 1) * w + (9 * 2 * w + 2) * w + (9 * w + 2) * w for w in (16, 32, 64, 128))
    + 17 * 21,
    "residual_cnn": 9 * (1 * 24 + 24 * 32 + 2 * 32 * 32 + 32 * 56 + 2 * 56 * 56) + 2 * (24 + 3 * 32 + 3 * 56) + 57 * 10,
}
FOR_LARGE_IMAGES = [name for name, entry in NETWORKS.items() if entry.size >= 224]


def output_shape(name: str, height: int, width: int) -> tuple[int, ...]:
    """Of the logits of one image of the network's own number of channels, for its own classes."""
    entry = NETWORKS[name]
    return (1, entry.classes, height, width) if entry.dense else (1, entry.classes)


@pytest.mark.parametrize("name", siblings_marked())
def test_a_network_is_what_its_row_its_page_and_its_declarations_state(name):
    """Parameters, and the layers that depend on channels and classes."""
    network, entry = on_meta(name), NETWORKS[name]
    count = sum(parameter.numel() for parameter in network.parameters())
    page = import_module(f"striate.models.{entry.module}").__doc__
    assert count == entry.parameters == BY_HAND.get(name, count)
    assert f"{count:,} parameters" in str(page)

    own = {key: value.shape for key, value in network.state_dict().items()}
    for other, declared in (
        (on_meta(name, channels=entry.channels + 1), network.input_layers),
        (on_meta(name, classes=entry.classes + 2), network.classifier_layers),
    ):
        changed = {key.rpartition(".")[0] for key, value in other.state_dict().items() if value.shape != own[key]}
        if name.startswith("cosine_cnn") and declared == network.input_layers:
            continue  # a mean and a standard std for each channel's cosines besides
        assert changed == set(declared)


@pytest.mark.parametrize("name", other_ways_marked(name for name in NETWORKS if name not in VERY_DEEP))
def test_a_network_has_the_stages_that_it_declares(name):
    """Widths and strides, the smallest image and the embedding; very deep ones are made of the blocks of shallower ones."""
    network, entry = on_meta(name), NETWORKS[name]
    features = network.features(torch.empty(1, entry.channels, entry.size, entry.size, device="meta"))
    assert tuple(feature.shape[1] for feature in features) == network.widths
    for feature, stride in zip(features, network.strides, strict=True):
        assert feature.shape[2] == feature.shape[3]
        assert feature.shape[2] == pytest.approx(entry.size / stride, abs=4)  # without padding a few are lost
    contract._too_small_is_refused(network, torch.empty(1, entry.channels, 1, 1, device="meta"))
    smallest = torch.empty(1, entry.channels, network.min_size, network.min_size, device="meta")
    assert network(smallest).shape == output_shape(name, network.min_size, network.min_size)
    classifier = network.get_parameter(f"{network.main_classifier}.weight")
    assert network.embed(smallest).shape == (1, classifier.shape[1])


@pytest.mark.parametrize("size", [28, 64])
@pytest.mark.parametrize("name", other_ways_marked(name for name in FOR_LARGE_IMAGES if name in REPRESENTATIVE))
def test_networks_for_large_images_take_small_ones_without_losing_them(name, size):
    network = on_meta(name, channels=1, size=size).train()
    assert network.min_size <= size
    if name != "unet" and not name.startswith("vgg"):  # their first layers keep the size anyway
        assert network.strides[-1] <= size // 3 + 4  # three positions a side, or nearly
    outputs = network.stage_outputs(torch.empty(2, 1, size, size, device="meta"))
    assert min(network.to_feature_map(outputs[-1]).shape[2:]) >= 1
    logits, *auxiliary = network.training_logits(torch.empty(2, 1, size, size, device="meta"))
    assert logits.shape[1:] == output_shape(name, size, size)[1:]
    assert all(each.shape[:2] == (2, NETWORKS[name].classes) for each in auxiliary)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("digit_cnn", [(32, 13, 13), (64, 5, 5), (128, 1, 1)]),
        ("digit_cnn_strided", [(32, 13, 13), (64, 6, 6), (128, 2, 2)]),
        ("lenet5", [(6, 14, 14), (16, 5, 5)]),
        ("cifar_cnn", [(64, 16, 16), (128, 8, 8), (256, 4, 4)]),
        ("bn_gap_cnn", [(32, 16, 16), (64, 8, 8), (128, 8, 8)]),
        ("cosine_cnn_small", [(32, 7, 7), (64, 3, 3)]),
        ("cosine_cnn", [(64, 7, 7), (128, 3, 3)]),
        ("dense_cnn", [(72, 28, 28), (92, 14, 14), (102, 7, 7)]),
        ("residual_cnn", [(32, 14, 14), (56, 7, 7)]),
        ("resnet18", [(64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]),
        ("resnet50", [(256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7)]),
        ("unet_half", [(48, 64, 64), (64, 32, 32), (128, 16, 16), (192, 8, 8)]),
        ("unet_small", [(16, 128, 128), (32, 64, 64), (64, 32, 32), (128, 16, 16), (256, 8, 8)]),
    ],
)
@torch.no_grad()
def test_features_have_the_shapes_of_the_page(name, shapes):
    assert [tuple(feature.shape[1:]) for feature in native(name).features(image(name, 1))] == shapes


@pytest.mark.parametrize("name", ["nin", "squeezenet1_1"])
@torch.no_grad()
def test_the_embedding_of_a_convolution_is_the_mean_of_its_input(name):
    network = native(name)
    last = network.features(image(name))[-1]
    assert torch.equal(network.embed(image(name)), last.mean((2, 3)))


@torch.no_grad()
def test_an_embedding_is_computed_in_the_present_mode_and_leaves_no_hook():
    network = create_model("cifar_cnn", classes=10)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        logits = network(image("cifar_cnn"))
        torch.manual_seed(5)
        embedding = network.embed(image("cifar_cnn"))  # after batch norm of this batch and the same dropout
    classifier = network.get_submodule(network.main_classifier)
    torch.testing.assert_close(classifier(embedding), logits)
    with pytest.raises(SettingError, match="too small"):
        network.embed(torch.zeros(1, 3, 2, 2))
    assert not classifier._forward_pre_hooks


@pytest.mark.parametrize("name", SMALL)
@settings(deadline=None)
@given(data=st.data())
@torch.no_grad()
def test_every_size_is_either_taken_or_refused_with_the_smallest_that_fits(name, data):
    network, entry = native(name), NETWORKS[name]
    height, width = (data.draw(st.integers(1, 48), label=side) for side in ("height", "width"))
    images = torch.zeros(1, entry.channels, height, width)
    if min(height, width) >= network.min_size:
        assert network(images).shape == output_shape(name, height, width)
    else:
        fits = f"{network.min_size} x {network.min_size}"
        for module in (network, network.features):
            with pytest.raises(SettingError, match=rf"^an image of {height} x {width} pixels .* {fits}$"):
                module(images)


@pytest.mark.parametrize("name", SMALL)
@torch.no_grad()
def test_one_pixel_below_the_smallest_leaves_nothing(name):
    network = native(name)

    def last_feature(size: int) -> Tensor:
        x = network.stem(torch.zeros(1, NETWORKS[name].channels, size, size))
        for stage in network.stages():
            x = stage(x)
        return x

    assert last_feature(network.min_size).shape[-2:] == (1, 1)
    with pytest.raises(RuntimeError):
        last_feature(network.min_size - 1)


@pytest.mark.parametrize("name", ["digit_cnn", "digit_cnn_strided", "lenet5"])
def test_glorot_networks_start_inside_glorots_limits(name):
    for layer in native(name).modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            positions = layer.weight[0, 0].numel() if layer.weight.ndim == 4 else 1
            limit = sqrt(6 / (positions * (layer.weight.shape[0] + layer.weight.shape[1])))
            assert layer.weight.abs().max() <= limit
            assert layer.weight.abs().max() > 0.9 * limit
            assert layer.bias is not None
            assert not layer.bias.any()


@pytest.mark.parametrize("name", ["bn_gap_cnn", "cifar_cnn", "resnet18"])
def test_he_networks_start_with_hes_std(name):
    for layer in native(name).modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.out_channels * layer.weight[0, 0].numel()
            assert layer.weight.std().item() == pytest.approx(sqrt(2 / fan_out), rel=0.1)
            assert layer.bias is None


def test_cosine_patterns_are_orthonormal_of_both_signs_and_fixed():
    network = create_model("cosine_cnn", classes=10, channels=3)
    first = next(network.parameters())
    patterns = first.flatten(1)[:16]
    torch.testing.assert_close(patterns @ patterns.T, torch.eye(16))
    torch.testing.assert_close(patterns[0], torch.full((25,), 0.2))  # frequency 0
    assert torch.equal(first.flatten(1), torch.cat([patterns, -patterns]).repeat(3, 1))
    assert [name for name, p in network.named_parameters() if not p.requires_grad] == ["filters.0.weight"]


@pytest.mark.parametrize("name", [name for name in SMALL if not NETWORKS[name].dense])
def test_a_few_steps_overfit_one_batch(name):
    torch.manual_seed(3)
    entry = NETWORKS[name]
    network = create_model(name, classes=4, channels=entry.channels)
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0  # its noise would hide what is learnt
    images, labels = image(name, 4), torch.arange(4)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(20):
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_dropout_is_the_networks_own_unless_set():
    def shares(network: nn.Module) -> list[float]:
        return [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)]

    assert shares(create_model("cifar_cnn", classes=10)) == [0.25, 0.25, 0.25, 0.5]
    assert shares(create_model("cifar_cnn", classes=10, dropout=0.2)) == [0.1, 0.1, 0.1, 0.2]
    assert shares(create_model("bn_gap_cnn", classes=10)) == [0.5]
    assert shares(create_model("bn_gap_cnn", classes=10, dropout=0)) == [0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "resnet81", "classes": 10}, "there is no model 'resnet81'; did you mean resnet"),
        ({"name": "LeNet-5", "classes": 10}, "there is no model 'LeNet-5'; did you mean lenet5"),
        ({"name": "lenet5", "classes": 0}, "classes must be at least 1, not 0"),
        ({"name": "lenet5", "classes": 10, "channels": 0}, "channels must be at least 1, not 0"),
        ({"name": "cifar_cnn", "classes": 10, "dropout": 1.0}, "dropout = 1: out of range, takes 0 to 0.95"),
        ({"name": "cifar_cnn", "classes": 10, "dropout": -0.1}, "dropout = -0.1: out of range"),
        (
            {"name": "cifar_cnn", "classes": 10, "dropout": float("nan")},
            "dropout = nan: out of range",
        ),
        (
            {"name": "resnet18", "classes": 10, "dropout": 0.5},
            "dropout = 0.5: resnet18 has no dropout; leave it out, or choose a network with it",
        ),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(settings, message):
    with pytest.raises(SettingError, match=re.escape(message)) as refusal:
        create_model(**settings)
    assert "\n" not in str(refusal.value)


def test_names_come_in_natural_order_and_match_shell_patterns(monkeypatch):
    assert sorted(list_models()) == sorted(NETWORKS)
    assert list_models("VGG*3") == ["vgg13"]
    assert list_models("no such") == []
    row = NETWORKS["resnet18"]
    names = ("resnet152", "resnet34", "resnet9", "vgg11", "resnet", "vgg11_bn")
    monkeypatch.setattr(create, "NETWORKS", MappingProxyType(dict.fromkeys(names, row)))
    assert list_models() == ["resnet", "resnet9", "resnet34", "resnet152", "vgg11", "vgg11_bn"]


def test_a_network_loads_only_its_own_file():
    script = """
import sys
import striate.models as models
models.create_model("lenet5", classes=10, channels=1)
print(*sorted(name for name in sys.modules if name.startswith("striate.models.")))
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == [
        "striate.models.architectures",
        "striate.models.blocks",
        "striate.models.create",
        "striate.models.lenet",
        "striate.models.settings",
    ]
