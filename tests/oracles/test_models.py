"""Networks against torchvision's and timm's: equal weights give equal logits and equal steps, and new weights have equal moments.

One or two networks of each paper go through all of it; of the others, those of up to 100 million parameters give equal
logits, and the largest have equal names and shapes.
"""

from copy import deepcopy
from math import sqrt

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision.models
from tests.oracles.twins import TWINS
from torch import Tensor, nn

from striate.models import NETWORKS, Network, create_model
from striate.models.weights import converted

pytestmark = pytest.mark.oracle

THOROUGH = [
    "alexnet", "cbam_resnet18", "cbam_resnet50", "convnext_tiny", "densenet121", "eca_resnet18", "eca_resnet50",
    "efficientnet_b0", "efficientnet_lite0", "efficientnet_lite2", "ghostnet_100", "googlenet", "inception_v3",
    "mnasnet0_5", "mnasnet1_0", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small",
    "preact_resnet18", "preact_resnet50", "regnet_x_400mf", "regnet_y_400mf", "repvgg_a0", "repvgg_b1g4", "resnet18",
    "resnet50", "resnext50_32x4d", "se_resnet18", "se_resnet50", "shufflenet_v2_x1_0", "squeezenet1_0", "squeezenet1_1",
    "swin_t", "vgg11", "vgg13_bn", "vit_ti_16", "wide_resnet50_2", "xception",
]  # fmt: skip
LIGHT = [name for name in TWINS if NETWORKS[name].parameters <= 100e6]
TRAINING_SIZE = {"inception_v3": 299}  # of the reference: its auxiliary classifier needs a map of 17 x 17
FIXED_SIZE = {name: 224 for name in TWINS if name.startswith("vit")}  # of the reference


def pair(name: str) -> tuple[Network, nn.Module]:
    """Ours and theirs with the same weights, and statistics and gains that are not those of a new batch norm."""
    torch.manual_seed(4)
    reference = TWINS[name]()
    for key, value in reference.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.2)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.is_floating_point() and value.ndim == 2 and not value.any():  # a classifier that starts at zero
            value.normal_(0, 0.02)
        elif value.is_floating_point() and value.numel() == max(
            value.shape, default=1
        ):  # gains, biases, scales, tokens
            value.add_(0.2 * torch.randn(value.shape))
    network = create_model(name, classes=1000)
    load(network, reference)
    return network, reference


def load(network: Network, reference: nn.Module) -> None:
    network.load_state_dict(converted(network, reference.state_dict()), strict=True)


def relative_error(one: Tensor, other: Tensor) -> float:
    return ((one - other).abs().max() / other.abs().max().clamp(min=1e-12)).item()


def images_for(name: str, height: int, width: int) -> Tensor:
    fixed = FIXED_SIZE.get(name)
    return torch.randn(4 if fixed is None else 2, 3, fixed or height, fixed or width)


def training_logits(reference: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """The logits, then the auxiliary ones from the earliest head on; torchvision names them from the last."""
    given = reference(images)
    return (given,) if isinstance(given, Tensor) else (given[0], *reversed(given[1:]))


@pytest.mark.parametrize("name", LIGHT)
@torch.no_grad()
def test_logits_are_equal_in_eval_mode(name):
    network, reference = pair(name)
    for height, width in ((96, 96), (80, 110)) if name in THOROUGH else ((80, 80),):
        images = images_for(name, height, width)
        assert relative_error(network.eval()(images), reference.eval()(images)) <= 1e-5


@pytest.mark.parametrize("name", THOROUGH)
@torch.no_grad()
def test_logits_are_equal_in_train_mode_and_so_are_the_new_statistics(name):
    network, reference = pair(name)
    side = TRAINING_SIZE.get(name, 96)
    images = images_for(name, side, side)
    torch.manual_seed(7)  # dropout and stochastic depth
    ours = network.train().training_logits(images)
    torch.manual_seed(7)
    theirs = training_logits(reference.train(), images)
    for mine, their in zip(ours, theirs, strict=True):
        assert relative_error(mine, their) <= 1e-5
    states = network.state_dict(), converted(network, reference.state_dict())
    assert all(relative_error(states[0][key].float(), value.float()) <= 1e-5 for key, value in states[1].items())


@pytest.mark.parametrize("name", THOROUGH)
def test_one_step_of_sgd_gives_equal_weights(name):
    side = TRAINING_SIZE.get(name, 96)
    images, labels = images_for(name, side, side), torch.tensor([1, 20, 300, 999])
    labels = labels[: len(images)]
    network, reference = pair(name)
    stepped: list[dict[str, Tensor]] = []
    for each in (network, reference):
        before = deepcopy(dict(each.named_parameters()))
        optimizer = torch.optim.SGD(each.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
        torch.manual_seed(7)
        logits = each.train().training_logits(images) if each is network else training_logits(each.train(), images)
        torch.autograd.backward(torch.stack([F.cross_entropy(one, labels) for one in logits]).sum())
        optimizer.step()
        assert all(not torch.equal(before[key], parameter) for key, parameter in each.named_parameters())
        stepped.append(each.state_dict())
    ours, theirs = stepped[0], converted(network, stepped[1])
    assert all(relative_error(ours[key].float(), value.float()) <= 1e-5 for key, value in theirs.items())


@pytest.mark.parametrize("name", THOROUGH)
def test_new_weights_have_the_same_moments_layer_by_layer(name):
    torch.manual_seed(5)
    network = create_model(name, classes=1000)
    ours = network.state_dict()
    torch.manual_seed(6)  # another draw: equal weights would prove less
    theirs = converted(network, TWINS[name]().state_dict())
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        mine = ours[key].float()
        if value.float().std(correction=0) == 0:  # batch norm
            assert torch.equal(mine, value.float()), key
        else:
            std, noise = value.float().std().item(), 6 / sqrt(value.numel())
            assert mine.std().item() == pytest.approx(std, rel=noise), key
            assert mine.mean().item() == pytest.approx(value.float().mean().item(), abs=2 * noise * std), key


@pytest.mark.parametrize("name", TWINS)
def test_names_and_shapes_are_the_same(name):
    with torch.device("meta"):
        network = create_model(name, classes=1000)
    with torch.device(
        "cpu" if name.startswith("regnet") else "meta"
    ):  # torchvision's RegNet reads tensors as it is built
        reference = TWINS[name]()
    theirs = converted(network, reference.state_dict())
    assert {key: value.shape for key, value in network.state_dict().items()} == {
        key: value.shape for key, value in theirs.items()
    }
    assert NETWORKS[name].parameters == sum(parameter.numel() for parameter in reference.parameters())


@pytest.mark.parametrize(
    ("name", "theirs"), [("vit_ti_16", "vit_tiny_patch16_224"), ("vit_b_32", "vit_base_patch32_224")]
)
@torch.no_grad()
def test_transformers_take_timms_names_too(name, theirs):
    torch.manual_seed(4)
    reference, network = timm.create_model(theirs, pretrained=False), create_model(name, classes=1000)
    for parameter in reference.parameters():
        parameter.add_(0.02 * torch.randn(parameter.shape))
    load(network, reference)
    images = torch.randn(2, 3, 224, 224)
    assert relative_error(network.eval()(images), reference.eval()(images)) <= 1e-5


@pytest.mark.parametrize("name", [name for name in TWINS if name in torchvision.models.list_models()])
def test_multiply_accumulates_are_those_that_torchvision_publishes(name):
    """Theirs were counted on their own networks, in thousand millions."""
    published = min(
        weights.meta["_ops"] for weights in torchvision.models.get_model_weights(name)
    )  # some are for 518 pixels
    assert NETWORKS[name].macs / 1e9 == pytest.approx(published, abs=0.002)
