"""Weights in networks: what fits is loaded, what nearly fits is adapted and logged, what does not leaves the network unchanged."""

from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.networks import weights_of
from torch import Tensor, nn

from striate.errors import SettingError
from striate.models import Network, create_model
from striate.models.weights import Mismatch, adapt_channels, converted, load_weights


class Small(Network):
    """Patches, a batch norm, a head, and an auxiliary head on the first stage."""

    widths = (4, 6)
    strides = (2, 4)
    min_size = 8
    input_layers = ("patches",)
    classifier_layers = ("last", "helper.2")
    auxiliary_weight = 0.3
    key_map = ((r"^net\.(\d)\.", r"stage\1."), (r"^side\.", "helper."))

    def __init__(self, classes: int = 5, channels: int = 3, patch: int = 2) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, 4, patch, stride=2)
        self.stage1 = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
        self.stage2 = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.Dropout(0.5))
        self.gain = nn.Parameter(torch.ones(()))
        self.register_buffer("index", torch.arange(4))
        self.helper = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, classes))
        self.last = nn.Linear(6, classes)

    def stem(self, x: Tensor) -> Tensor:
        return self.patches(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2

    def head(self, x: Tensor) -> Tensor:
        return self.last(self.gain * x.mean((2, 3)))

    def auxiliary(self, outputs: list[Tensor]) -> tuple[Tensor, ...]:
        return (self.helper(outputs[0].mean((2, 3))),)


def without(weights: dict[str, Tensor], *starts: str) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if not name.startswith(starts)}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def refusal(network: Network, weights: dict[str, Tensor], **names: str) -> str:
    """The refusal; checked to leave the network, its modes and the random numbers as they were."""
    network.stage1.eval() if isinstance(network, Small) else None
    before = deepcopy(network.state_dict())
    modes, drawn = [module.training for module in network.modules()], torch.get_rng_state()
    with pytest.raises(SettingError) as caught:
        load_weights(network, weights, **names)
    assert same(network.state_dict(), before)
    assert [module.training for module in network.modules()] == modes
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "googlenet", "squeezenet1_1"])
def test_a_network_loads_what_one_like_it_saved(name):
    network = create_model(name, classes=5)
    weights = weights_of(network)
    fit = load_weights(network, weights)
    assert same(network.state_dict(), weights)
    assert fit.complete
    assert set(fit.loaded) == set(weights)
    assert str(fit) == f"{len(weights)} weights loaded"


def test_published_names_are_translated():
    network = Small()
    ours = weights_of(network)
    theirs = {name.replace("stage", "net.").replace("helper", "side"): value for name, value in ours.items()}
    assert "net.1.0.weight" in theirs
    assert same(converted(network, theirs), ours)
    assert load_weights(network, theirs).complete
    assert same(network.state_dict(), ours)


@pytest.mark.parametrize("prefix", ["module.", "state_dict.", "model.small.", "a.b.c.d.", "encoder."])
@pytest.mark.parametrize("also", [{}, {"n_averaged": 3}, {"criterion.weight": 2, "val_acc.total": 1}])
def test_names_are_taken_without_what_wraps_them(prefix, also, caplog):
    caplog.set_level("INFO", "striate")
    network = Small()
    weights = weights_of(network)
    wrapped = {prefix + name.replace("stage", "net."): value for name, value in weights.items()}
    beside = {name: torch.ones(size) for name, size in also.items()}
    fit = load_weights(network, {**wrapped, **beside}, source="w.pth")
    assert fit.complete
    assert same(network.state_dict(), weights)
    messages = [f"w.pth: the prefix {prefix} is removed from its names"]
    if "criterion.weight" in also:
        messages.append("w.pth: not in the network, and not used: criterion.weight, val_acc.total")
    assert caplog.messages == messages


def test_a_head_may_lie_beside_the_wrapped_network():
    network = Small()
    weights = weights_of(network)
    wrapped = {name if name.startswith("last") else f"backbone.{name}": value for name, value in weights.items()}
    assert load_weights(network, wrapped).complete
    assert same(network.state_dict(), weights)


def test_two_wrapped_networks_are_asked_about_and_what_is_unknown_within_one_is_refused():
    network = Small()
    weights = weights_of(network)
    both = {prefix + name: value for prefix in ("student.", "teacher.") for name, value in weights.items()}
    assert refusal(network, both, source="w.pth") == (
        "w.pth: contains several networks, student. and teacher.; save the state_dict() of one"
    )
    more = {"net." + name: value for name, value in {**weights, "stage9.weight": torch.ones(2)}.items()}
    assert "stage9.weight is in the file and not in Small" in refusal(network, more)


def test_names_of_ours_are_not_translated_again():
    network = Small()
    network.key_map = ((r"^stage1\.", "stage2."), (r"^stage2\.", "stage1."))
    weights = weights_of(network)
    load_weights(network, weights)
    assert same(network.state_dict(), weights)


def test_half_precision_becomes_the_networks_own():
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        network = Small(channels=1)
        weights = {n: v.to(dtype) if v.is_floating_point() else v for n, v in weights_of(Small()).items()}
        load_weights(network, weights)
        assert all(value.dtype == torch.float32 for value in network.parameters())
        assert torch.equal(network.state_dict()["stage2.0.weight"], weights["stage2.0.weight"].float())
        assert torch.equal(network.patches.weight, weights["patches.weight"].float().sum(1, keepdim=True))


def test_other_classes_leave_the_class_layers_fresh():
    network = Small(classes=2)
    fresh = deepcopy(network.state_dict())
    weights = weights_of(Small(classes=5))
    fit = load_weights(network, weights)
    assert fit.other_classes == (Mismatch("last", "5", "2"), Mismatch("helper.2", "5", "2"))
    assert not fit.complete
    for name, value in network.state_dict().items():
        assert torch.equal(value, (fresh if name.startswith(("last", "helper.2")) else weights)[name]), name
    assert "last not loaded: 5 classes in the file, 2 in the network; helper.2 not loaded" in str(fit)


def test_another_head_in_the_file_leaves_the_classifier_fresh():
    """As in a run whose head is a k-NN on the embeddings."""
    network = Small()
    fresh = deepcopy(network.state_dict())
    head = {"last.0.center": torch.ones(6), "last.1.samples": torch.ones(9, 6), "last.1.labels": torch.arange(9)}
    weights = without(weights_of(network), "last") | head
    fit = load_weights(network, weights)
    assert fit.other_heads == ("last",)
    assert not fit.complete
    assert "last not loaded: the file has another head there" in str(fit)
    for name, value in network.state_dict().items():
        assert torch.equal(value, (fresh if name.startswith("last") else weights)[name]), name
    assert "last.bias is in the file" not in str(fit)
    assert "last.weight is not in the file" in refusal(Small(), weights | {"last.bias": torch.ones(5)})


@pytest.mark.parametrize("name", ["preact_resnet18", "densenet121"])
def test_another_head_in_a_run_of_ours_does_not_hide_its_other_weights(name):
    network = create_model(name, classes=5)
    classifier = network.main_classifier
    weights = without(weights_of(network), f"{classifier}.") | {f"{classifier}.1.samples": torch.ones(9, 6)}
    fit = load_weights(network, weights)
    assert fit.other_heads == (classifier,)
    assert set(fit.loaded) == weights.keys() - {f"{classifier}.1.samples"}


def test_one_class_layer_that_is_no_class_layer_is_refused():
    weights = weights_of(Small()) | {"last.weight": torch.ones(9, 7), "last.bias": torch.ones(9)}
    assert "last.weight is 9x7 in the file and 5x6 in Small; last.bias is 9" in refusal(Small(), weights)
    weights = weights_of(Small()) | {"last.weight": torch.ones(9, 6), "last.bias": torch.ones(8)}
    assert "last.weight is 9x6 in the file and 5x6 in Small; last.bias is 8" in refusal(Small(), weights)


@pytest.mark.parametrize(("theirs", "ours"), [(3, 1), (3, 2), (3, 5), (1, 3), (4, 3), (3, 7)])
def test_other_channels_adapt_the_first_layer(theirs, ours):
    network, weights = Small(channels=ours), weights_of(Small(channels=theirs))
    fit = load_weights(network, weights)
    assert fit.other_channels == (Mismatch("patches", str(theirs), str(ours)),)
    assert not fit.complete
    assert f"patches adapted from {theirs} channels to {ours}" in str(fit)
    assert torch.equal(network.state_dict()["patches.bias"], weights["patches.bias"])
    expected = torch.stack([weights["patches.weight"][:, i % theirs] for i in range(ours)], 1) * theirs / ours
    if ours == 1:
        expected = weights["patches.weight"].sum(1, keepdim=True)
    assert torch.allclose(network.patches.weight, expected)


@given(theirs=st.integers(1, 6), ours=st.integers(1, 9))
def test_a_gray_image_gives_the_same_whatever_the_channels(theirs, ours):
    """Of equal channels, when as many or a multiple of the file's: the sum of the weights stays."""
    weight = torch.randn(2, theirs, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    adapted = adapt_channels(weight, ours)
    assert adapted.shape == (2, ours, 3, 3)
    if ours == 1 or ours % theirs == 0:
        assert torch.allclose(adapted.sum(1), weight.sum(1))


def test_grouped_first_layers_are_not_adapted():
    network = Small(channels=2)
    network.patches = nn.Conv2d(2, 4, 2, stride=2, groups=2)
    assert "patches.weight is 4x3x2x2 in the file and 4x1x2x2 in Small" in refusal(network, weights_of(Small()))


def test_other_patches_leave_the_first_layer_fresh():
    network = Small(patch=4, channels=1)
    fresh = deepcopy(network.state_dict())
    fit = load_weights(network, weights_of(Small(patch=2)))
    assert fit.other_patches == (Mismatch("patches", "4x3x2x2", "4x1x4x4"),)
    assert not fit.complete
    assert fit.other_channels == ()
    assert torch.equal(network.patches.weight, fresh["patches.weight"])
    assert torch.equal(network.state_dict()["patches.bias"], fresh["patches.bias"])
    assert "patches not loaded: 4x3x2x2 in the file, 4x1x4x4 in the network" in str(fit)


def test_auxiliary_heads_may_be_missing_from_the_file():
    network = Small()
    fresh = deepcopy(network.state_dict())
    network.stage1.eval()
    weights = without(weights_of(network), "helper")
    fit = load_weights(network, weights)
    assert fit.missing == (
        "helper.1.weight", "helper.1.bias", "helper.1.running_mean", "helper.1.running_var", "helper.2.weight", "helper.2.bias",
    )  # fmt: skip
    assert not fit.complete
    assert "not in the file: helper.1.weight, helper.1.bias, helper.1.running_mean and 3 more" in str(fit)
    state = network.state_dict()
    assert same({name: state[name] for name in weights}, weights)
    assert all(torch.equal(state[name], fresh[name]) for name in fit.missing)
    assert network.training
    assert not network.stage1.training


def test_what_the_logits_depend_on_may_not_be_missing():
    for name in ("gain", "stage1.0.running_mean", "last.bias"):
        assert f"Small: {name} is not in the file" in refusal(Small(), without(weights_of(Small()), name))


def test_auxiliary_heads_in_the_file_may_be_left_over():
    network = create_model("lenet5", classes=5)
    weights = weights_of(network) | {"aux1.conv.weight": torch.ones(3), "AuxLogits.fc.bias": torch.ones(3)}
    fit = load_weights(network, weights)
    assert fit.unexpected == ("AuxLogits.fc.bias", "aux1.conv.weight")
    assert not fit.complete
    assert "in the file and not used: AuxLogits.fc.bias, aux1.conv.weight" in str(fit)


def test_what_a_network_computes_itself_may_be_missing_or_left_over():
    network = Small()
    weights = without(weights_of(network), "index", "stage1.0.num_batches_tracked")
    weights |= {"stage2.1.attn_mask": torch.ones(3), "last.num_batches_tracked": torch.tensor(3)}
    fit = load_weights(network, weights)
    assert fit.complete
    assert fit.computed == ("index", "last.num_batches_tracked", "stage1.0.num_batches_tracked", "stage2.1.attn_mask")


def test_another_architecture_is_refused_with_the_first_five_mismatches():
    network, theirs = create_model("resnet18", classes=5), weights_of(create_model("resnet50", classes=5))
    ours = network.state_dict()
    mismatches = sum(
        not name.endswith("num_batches_tracked")
        and (name not in ours or name not in theirs or ours[name].shape != theirs[name].shape)
        for name in ours.keys() | theirs.keys()
    )
    assert refusal(network, theirs, name="resnet18", source="some.pth") == (
        "some.pth: these are not the weights of resnet18: "
        "layer1.0.conv1.weight is 64x64x1x1 in the file and 64x64x3x3 in resnet18; "
        "layer1.1.conv1.weight is 64x256x1x1 in the file and 64x64x3x3 in resnet18; "
        "layer2.0.conv1.weight is 128x256x1x1 in the file and 128x64x3x3 in resnet18; "
        "layer2.0.downsample.0.weight is 512x256x1x1 in the file and 128x64x1x1 in resnet18; "
        f"layer2.0.downsample.1.weight is 512 in the file and 128 in resnet18; and {mismatches - 5} more"
    )


def test_unknown_weights_are_refused():
    weights = weights_of(Small()) | {"new.weight": torch.ones(3), "a\nb": torch.ones(3)}
    assert refusal(Small(), weights).endswith(
        "a b is in the file and not in Small; new.weight is in the file and not in Small"
    )


def test_other_kinds_of_numbers_are_refused():
    weights = weights_of(Small())
    for name, value in {
        "gain": torch.tensor(3),
        "index": torch.ones(4, dtype=torch.complex64),
        "last.bias": torch.ones(5, dtype=torch.complex64),
        "stage1.0.num_batches_tracked": torch.tensor(3.0),
    }.items():
        kinds = [str(kind).removeprefix("torch.") for kind in (value.dtype, Small().state_dict()[name].dtype)]
        assert f"{name} is {kinds[0]} in the file and {kinds[1]} in Small" in refusal(Small(), weights | {name: value})
    assert "gain is 1 in the file and a single number in Small" in refusal(Small(), weights | {"gain": torch.ones(1)})


class Reshapes(Small):
    def convert_state_dict(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        return weights | {"gain": weights["gain"].reshape(())}


def test_weights_that_cannot_be_brought_into_shape_are_refused():
    assert load_weights(Reshapes(), weights_of(Small()) | {"gain": torch.ones(1, 1)}).complete
    assert "Reshapes: gain is not in the file" in refusal(Reshapes(), without(weights_of(Small()), "gain"))
    assert "gain is 2 in the file and a single number" in refusal(
        Reshapes(), weights_of(Small()) | {"gain": torch.ones(2)}
    )


class NeedsMore(Small):
    def convert_state_dict(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        return weights | {"gain": weights["gain"] * weights["scale"]}


def test_weights_that_lack_what_the_translation_needs_are_refused():
    message = refusal(NeedsMore(), weights_of(Small()))
    assert message.endswith("NeedsMore: they cannot be converted to its shapes (KeyError('scale'))")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_loaded_completely_or_not_at_all(data):
    network = Small()
    weights = weights_of(network)
    for name in data.draw(st.lists(st.sampled_from(sorted(weights)), max_size=3, unique=True)):
        change = data.draw(st.sampled_from(["drop", "longer", "flat", "integer", "rename"]))
        value = weights.pop(name)
        match change:
            case "longer":
                weights[name] = (
                    torch.cat([value.reshape(1), value.reshape(1)]) if value.ndim == 0 else torch.cat([value] * 2)
                )
            case "flat":
                weights[name] = value.flatten()
            case "integer":
                weights[name] = value.long()
            case "rename":
                weights[f"{name}x"] = value
    before = deepcopy(network.state_dict())
    try:
        fit = load_weights(network, weights)
    except SettingError:
        assert same(network.state_dict(), before)
    else:
        for name, value in network.state_dict().items():
            assert torch.equal(value, weights[name] if name in fit.loaded else before[name])
