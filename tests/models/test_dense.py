"""Dense networks: maps of every size, trunks without a head and with dilation, and a trunk's weights from a file."""

import logging
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from tests.models.networks import image, native, on_meta, weights_of
from torch import nn

from striate.errors import SettingError
from striate.models import NETWORKS, DenseNetwork, create_model, local_weights, pretrained_input
from striate.models.dense import TrunkNetwork
from striate.models.trunks import dilate, without_head
from striate.models.weights import load_weights

DENSE = [name for name, entry in NETWORKS.items() if entry.dense]
ON_TRUNK = [name for name in DENSE if NETWORKS[name].trunk]


@pytest.mark.parametrize("name", DENSE)
def test_a_dense_network_has_a_map_of_the_size_of_its_input_and_no_accuracy_of_a_classification(name):
    network, entry = on_meta(name, classes=4), NETWORKS[name]
    assert isinstance(network, DenseNetwork)
    assert isinstance(network, TrunkNetwork) == bool(entry.trunk)
    assert entry.top1 is None
    smallest = (network.min_size, network.min_size + 1)
    for height, width in ((65, 90), smallest):
        images = torch.empty(2, entry.channels, height, width, device="meta")
        assert network(images).shape == (2, 4, height, width)


@settings(deadline=None, max_examples=20)
@given(height=st.integers(16, 60), width=st.integers(16, 60), name=st.sampled_from(["unet_half", "unet_small"]))
@torch.no_grad()
def test_a_decoder_takes_odd_maps_and_every_pixel_counts_where_it_is(height, width, name):
    """A pixel that changes moves the logits near it most."""
    network = native(name)
    images = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    changed = images.clone()
    row, column = height // 2, width // 3
    changed[..., row, column] += 1
    moved = (network(changed) - network(images)).abs().sum(1)[0]
    assert abs(int(moved.argmax()) // width - row) <= 4
    assert abs(int(moved.argmax()) % width - column) <= 4


@pytest.mark.parametrize("name", ["unet_small", pytest.param("unet_mobilenet_v2", marks=pytest.mark.large)])
def test_a_few_steps_learn_the_mask_of_a_bright_square(name):
    torch.manual_seed(3)
    network = create_model(name, classes=2, size=32).train()
    masks = torch.zeros(4, 32, 32, dtype=torch.int64)
    for i, mask in enumerate(masks):
        mask[3 + 4 * i : 13 + 4 * i, 16 - 3 * i : 26 - 3 * i] = 1
    images = 0.2 * torch.rand(4, 3, 32, 32) + 0.8 * masks[:, None]
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(25):
        loss = F.cross_entropy(network(images), masks)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    predicted = network(images).argmax(1)
    assert ((predicted == 1) & (masks == 1)).sum() > 0.8 * ((predicted == 1) | (masks == 1)).sum()


@pytest.mark.parametrize("name", ON_TRUNK)
def test_a_trunk_is_the_network_of_the_table_without_its_head(name):
    network, trunk = on_meta(name), on_meta(NETWORKS[name].trunk)
    assert isinstance(network, TrunkNetwork)
    own, whole = network.trunk.state_dict(), trunk.state_dict()
    assert {key: whole[key].shape for key in own} == {key: value.shape for key, value in own.items()}
    left = {key for key in whole if key not in own}
    assert left == {
        key for key in whole if key.startswith(tuple(f"{layer}." for layer in network.trunk.removed_layers))
    }
    assert {key.rpartition(".")[0] for key in left} >= set(trunk.classifier_layers)


@pytest.mark.parametrize(("name", "stride"), [("resnet18", 8), ("resnet18", 16), ("mobilenet_v2", 8)])
@torch.no_grad()
def test_dilation_keeps_the_finer_stages_and_every_coarse_position(name, stride):
    torch.manual_seed(0)
    network, dilated = (create_model(name, classes=2).eval() for _ in range(2))
    dilated.load_state_dict(network.state_dict())
    dilate(without_head(dilated, *dilated.classifier_layers), stride)
    images = torch.rand(1, 3, 128, 128)
    assert dilated.strides == tuple(min(stride, its) for its in network.strides)
    for coarse, fine, its in zip(network.features(images), dilated.features(images), network.strides, strict=True):
        step = max(its // stride, 1)
        if its <= stride:
            assert torch.equal(fine, coarse)
        assert fine[..., ::step, ::step].shape == coarse.shape


@torch.no_grad()
def test_a_dilated_stage_computes_what_the_stage_with_a_stride_does_at_its_positions():
    """Away from the borders, where less is padded."""
    stage = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, 2, padding=1, bias=False)),
        nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False)),
    )
    images = torch.rand(1, 3, 16, 16)
    images[..., :6, :] = images[..., 10:, :] = images[..., :6] = images[..., 10:] = 0  # nothing near the borders
    coarse = stage(images)
    fine = stage_dilated(stage)(images)
    torch.testing.assert_close(fine[..., ::2, ::2], coarse)


def stage_dilated(stage: nn.Sequential) -> nn.Module:
    """The one stage of a network, of stride 2, dilated to stride 1."""

    class OneStage(nn.Module):
        strides: tuple[int, ...] = (2,)

        def stages(self) -> tuple[nn.Module, ...]:
            return (stage,)

    dilate(OneStage(), 1)  # type: ignore[arg-type]
    return stage


@pytest.fixture
def saved_resnet18(tmp_path) -> Path:
    path = tmp_path / "resnet18.safetensors"
    save_file(weights_of(create_model("resnet18", classes=5)), path)
    return path


def test_weights_of_a_classification_network_load_into_the_trunk_alone(saved_resnet18, caplog):
    caplog.set_level(logging.INFO, logger="striate")
    torch.manual_seed(3)
    fresh = create_model("unet_resnet18", classes=2, channels=1).state_dict()
    torch.manual_seed(3)
    network = create_model("unet_resnet18", classes=2, channels=1, weights=saved_resnet18)
    expected = weights_of(create_model("resnet18", classes=5))
    for key, value in network.state_dict().items():
        if key == "trunk.conv1.weight":
            torch.testing.assert_close(value, expected["conv1.weight"].sum(1, keepdim=True))
        else:
            other = expected[key.removeprefix("trunk.")] if key.startswith("trunk.") else fresh[key]
            assert torch.equal(value, other), key
    ((_, level, message),) = caplog.record_tuples
    assert level == logging.WARNING
    assert message == (
        f"unet_resnet18 from {saved_resnet18}: 120 weights loaded; conv1 adapted from 3 channels to 1; "
        "not in the file: ups.0.conv1.0.weight, ups.0.conv1.1.weight, ups.0.conv1.1.bias and 59 more; "
        "in the file and not used: fc.bias, fc.weight"
    )


@pytest.mark.parametrize("prefix", ["backbone.", "model.encoder.", "trunk."])
def test_a_trunk_is_found_behind_the_prefix_of_training_code_and_without_a_head(prefix):
    trunk = {key: value for key, value in weights_of(create_model("resnet18", classes=5)).items() if key[:3] != "fc."}
    network = create_model("unet_resnet18", classes=2)
    report = load_weights(network, {f"{prefix}{key}": value for key, value in trunk.items()})
    own = network.state_dict()
    assert {key.removeprefix("trunk.") for key in report.loaded} == trunk.keys()
    assert all(torch.equal(own[f"trunk.{key}"], value) for key, value in trunk.items())
    assert set(report.missing) == {key for key in own if not key.startswith("trunk.")}
    assert not report.unexpected


def test_a_dense_networks_own_weights_load_whole_and_with_other_classes(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="striate")
    path = tmp_path / "own.safetensors"
    given_weights = weights_of(create_model("unet_resnet18", classes=5))
    save_file(given_weights, path)
    network = create_model("unet_resnet18", classes=5, weights=path)
    assert all(torch.equal(value, given_weights[key]) for key, value in network.state_dict().items())
    other = create_model("unet_resnet18", classes=2, weights=path)
    assert torch.equal(other.state_dict()["ups.0.conv1.0.weight"], given_weights["ups.0.conv1.0.weight"])
    levels, messages = zip(*((level, message) for _, level, message in caplog.record_tuples), strict=True)
    assert levels == (logging.INFO, logging.WARNING)
    assert messages[1].endswith("180 weights loaded; last not loaded: 5 classes in the file, 2 in the network")


def test_weights_of_another_trunk_are_refused(saved_resnet18, tmp_path):
    with pytest.raises(
        SettingError, match="these are not the weights of the trunk of unet_mobilenet_v2: first.0.weight is not"
    ):
        create_model("unet_mobilenet_v2", classes=5, weights=saved_resnet18)
    path = tmp_path / "other.safetensors"
    save_file(weights_of(create_model("unet_resnet18", classes=5)), path)
    with pytest.raises(SettingError, match="these are not the weights of resnet18"):
        create_model("resnet18", classes=5, weights=path)


@pytest.mark.large
@torch.no_grad()
def test_imagenet_weights_of_a_dense_network_are_those_of_its_trunk():
    network = create_model("unet_efficientnet_lite0", classes=3, weights="imagenet").eval()
    trunk = create_model("efficientnet_lite0", classes=1000, weights="imagenet").eval()
    images = image("unet_efficientnet_lite0", 1)[..., :96, :96]
    for ours, theirs in zip(network.features(images), trunk.features(images), strict=True):
        assert torch.equal(ours, theirs)
    assert local_weights("unet_efficientnet_lite0") == local_weights("efficientnet_lite0")
    assert pretrained_input("unet_efficientnet_lite0") == pretrained_input("efficientnet_lite0")
    with pytest.raises(SettingError, match="the ImageNet weights of resnet50 are not in"):
        create_model("fcn_resnet50", classes=3, weights="imagenet")
    with pytest.raises(SettingError, match="there are no ImageNet weights of unet_small"):
        create_model("unet_small", classes=3, weights="imagenet")
