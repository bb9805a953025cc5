"""RepVGG's fusion: the same function with one convolution a layer, and leaving out a branch changes it."""

from copy import deepcopy
from math import floor

import pytest
import torch
from torch import Tensor, nn

from striate.models import check_model, repvgg
from striate.models.repvgg import Branches, RepVGG, Row

# Table 4 of the paper, in millions and cut off, not rounded, at two decimals: the fused networks.
PUBLISHED = {
    "repvgg_a0": 8.30, "repvgg_a1": 12.78, "repvgg_a2": 25.49, "repvgg_b0": 14.33, "repvgg_b1": 51.82,
    "repvgg_b1g4": 36.12, "repvgg_b2": 80.31, "repvgg_b2g4": 55.77, "repvgg_b3": 110.96, "repvgg_b3g4": 75.62,
}  # fmt: skip


def trained(network: RepVGG) -> RepVGG:
    """As if trained: gains and shifts of its own, and the statistics that these give, so that every branch matters."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.2, 0.6)
        nn.init.normal_(norm.bias, 0, 0.2)
        norm.momentum = 1.0
    network.train()(images(28, 28))
    return network.eval()


def named(name: str, size: int) -> RepVGG:
    torch.manual_seed(1)
    return trained(getattr(repvgg, name)(classes=10, channels=3, size=size))


def small(groups: int) -> RepVGG:
    torch.manual_seed(1)
    return trained(RepVGG(Row((2, 3, 2, 1), (8, 16, 24, 40), groups), classes=10, channels=3, size=64))


def images(height: int, width: int) -> Tensor:
    return torch.randn(4, 3, height, width, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
def relative_error(network: RepVGG, other: RepVGG, images: Tensor) -> float:
    """The largest one, of the logits and of all features."""
    ours, theirs = ([*each.features(images), each(images)] for each in (network, other))
    return max(((one - two).abs().max() / two.abs().max()).item() for one, two in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(("name", "size"), [("repvgg_a0", 28), ("repvgg_a0", 128), ("repvgg_b1g4", 28)])
@torch.no_grad()
def test_the_fused_network_gives_the_same_logits(name, size):
    network, shown = named(name, size), images(size, size + 5)
    logits = network(shown)
    assert (network.fused()(shown) - logits).abs().max() <= 1e-5 * logits.abs().max()


@pytest.mark.parametrize("groups", [1, 4])
def test_in_double_precision_logits_and_features_are_the_same_but_for_rounding(groups):
    network = small(groups).double()
    assert relative_error(network.fused(), network, images(64, 51).double()) <= 1e-12


@pytest.mark.parametrize("branch", ["identity", "conv_1x1.bn", "conv_kxk.bn"])
@pytest.mark.parametrize("groups", [1, 4])
def test_leaving_out_a_branch_in_one_layer_changes_the_logits(branch, groups):
    network = small(groups)
    assert relative_error(network.fused(), network, images(64, 64)) <= 1e-5
    lacking = deepcopy(network)
    norm = lacking.get_submodule(f"stage2.1.{branch}")
    for parameter in norm.parameters():
        nn.init.zeros_(parameter)
    assert relative_error(lacking.fused(), network, images(64, 64)) > 0.01


@torch.no_grad()
def test_the_filter_is_the_sum_of_the_branches_by_hand():
    """Two channels, each its own group, and norms of 2 x + 1, 3 x + 10 and 5 x + 100."""
    layer = Branches(2, 2, 1, 2, nn.BatchNorm2d(2)).eval()
    assert layer.identity is not None
    norms = (layer.conv_kxk.bn, 2.0, 1.0), (layer.conv_1x1.bn, 3.0, 10.0), (layer.identity, 5.0, 100.0)
    for norm, gain, shift in norms:
        norm.eps = 0.0
        norm.weight.fill_(gain)
        norm.bias.fill_(shift)
    layer.conv_kxk.conv.weight.copy_(torch.arange(18.0).view(2, 1, 3, 3))
    layer.conv_1x1.conv.weight.copy_(torch.tensor([7.0, -7.0]).view(2, 1, 1, 1))
    filters = [
        [[0, 2, 4], [6, 8 + 3 * 7 + 5, 10], [12, 14, 16]],
        [[18, 20, 22], [24, 26 - 3 * 7 + 5, 28], [30, 32, 34]],
    ]
    fused = layer.fused().state_dict()
    assert torch.equal(fused["0.weight"], torch.tensor(filters)[:, None].float())
    assert torch.equal(fused["0.bias"], torch.tensor([111.0, 111.0]))


def test_the_network_itself_stays_as_it_is():
    network = small(1).train()
    before = deepcopy(network.state_dict())
    fused = network.fused()
    assert network.training
    assert not fused.training
    for parameter in fused.parameters():
        nn.init.zeros_(parameter)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], value) for key, value in after.items())
    assert network.input_layers == ("first.conv_kxk.conv", "first.conv_1x1.conv")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_fused_network_is_a_stack_of_3x3_convolutions_of_the_published_size(name):
    with torch.device("meta"):
        network: RepVGG = getattr(repvgg, name)(classes=1000, channels=3, size=224)
        fused = network.fused()
    kinds = {type(layer) for layer in fused.modules() if not list(layer.children())}
    assert kinds == {nn.Conv2d, nn.ReLU, nn.AdaptiveAvgPool2d, nn.Linear}
    convolutions = [layer for layer in fused.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == (22 if name[7] == "a" else 28)
    assert all(layer.kernel_size == (3, 3) and layer.bias is not None for layer in convolutions)
    assert floor(sum(parameter.numel() for parameter in fused.parameters()) / 1e4) / 100 == PUBLISHED[name]


def test_the_fused_network_keeps_the_contract_and_fuses_to_itself():
    check_model(lambda: small(4).fused(), channels=3, size=64)
    fused = small(4).fused()
    assert fused.input_layers == ("first.0",)
    assert relative_error(fused.fused(), fused, images(64, 64)) == 0


def test_the_first_layer_of_a_stage_has_two_branches_even_where_its_shape_stays():
    """As at 224 pixels, so that the weights fit: a0's stem and first stage are equally wide, and take no stride at 28."""
    network = repvgg.repvgg_a0(classes=10, channels=48, size=28)
    for branches in (network.first, *(stage.get_submodule("0") for stage in network.stages())):
        assert isinstance(branches, Branches)
        assert branches.identity is None
