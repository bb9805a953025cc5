"""ResNet against torchvision's: equal weights give equal logits and equal steps, and new weights have equal moments."""

from copy import deepcopy
from math import sqrt

import pytest
import torch
import torch.nn.functional as F
import torchvision.models
from torch import Tensor, nn

from striate.models import NETWORKS, create_model

pytestmark = pytest.mark.oracle

RESNETS = ["resnet18", "resnet34", "resnet50"]


def theirs(name: str) -> nn.Module:
    return getattr(torchvision.models, name)(weights=None)


def pair(name: str) -> tuple[nn.Module, nn.Module]:
    """Ours and torchvision's with the same weights, and statistics and gains that are not those of a new batch norm."""
    torch.manual_seed(4)
    reference = theirs(name)
    for key, value in reference.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.2)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.ndim == 1:  # gains and biases
            value.add_(0.2 * torch.randn(len(value)))
    network = create_model(name, classes=1000)
    network.load_state_dict(reference.state_dict(), strict=True)
    return network, reference


def relative_error(one: Tensor, other: Tensor) -> float:
    return ((one - other).abs().max() / other.abs().max().clamp(min=1e-12)).item()


@pytest.mark.parametrize("name", RESNETS)
@pytest.mark.parametrize("size", [(96, 96), (75, 110)])
@torch.no_grad()
def test_logits_are_equal_in_eval_and_in_train_mode(name, size):
    network, reference = pair(name)
    pictures = torch.randn(4, 3, *size)
    assert relative_error(network.eval()(pictures), reference.eval()(pictures)) <= 1e-5
    assert relative_error(network.train()(pictures), reference.train()(pictures)) <= 1e-5
    ours, their = network.state_dict(), reference.state_dict()
    assert all(relative_error(ours[key].float(), their[key].float()) <= 1e-5 for key in their)  # the new statistics


@pytest.mark.parametrize("name", RESNETS)
def test_one_step_of_sgd_gives_equal_weights(name):
    pictures, labels = torch.randn(4, 3, 64, 64), torch.tensor([1, 20, 300, 999])
    stepped: list[dict[str, Tensor]] = []
    for network in pair(name):
        before = deepcopy(network.state_dict())
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
        torch.autograd.backward(F.cross_entropy(network.train()(pictures), labels))
        optimizer.step()
        assert all(not torch.equal(before[key], parameter) for key, parameter in network.named_parameters())
        stepped.append(network.state_dict())
    ours, their = stepped
    assert all(relative_error(ours[key].float(), their[key].float()) <= 1e-5 for key in their)


@pytest.mark.parametrize("name", RESNETS)
def test_new_weights_have_the_same_moments_layer_by_layer(name):
    torch.manual_seed(5)
    ours = create_model(name, classes=1000).state_dict()
    torch.manual_seed(6)  # another draw: equal weights would prove less
    their = theirs(name).state_dict()
    assert ours.keys() == their.keys()
    for key, value in their.items():
        mine = ours[key].float()
        if value.float().std(correction=0) == 0:  # batch norm
            assert torch.equal(mine, value.float()), key
        else:
            deviation, noise = value.std().item(), 6 / sqrt(value.numel())
            assert mine.std().item() == pytest.approx(deviation, rel=noise), key
            assert mine.mean().item() == pytest.approx(value.mean().item(), abs=2 * noise * deviation), key


@pytest.mark.parametrize("name", RESNETS)
def test_parameters_are_as_many(name):
    assert NETWORKS[name].parameters == sum(parameter.numel() for parameter in theirs(name).parameters())
