"""Dense networks against torchvision's: equal weights give equal maps and equal steps, and names and counts agree."""

import pytest
import torch
import torch.nn.functional as F
import torchvision.models.segmentation
from torch import Tensor, nn

from striate.models import NETWORKS, DenseNetwork, create_model
from striate.models.weights import load_weights

pytestmark = pytest.mark.oracle

TWINS = {
    "fcn_resnet50": "fcn_resnet50",
    "fcn_resnet101": "fcn_resnet101",
    "deeplab_v3_resnet50": "deeplabv3_resnet50",
    "deeplab_v3_resnet101": "deeplabv3_resnet101",
}
CLASSES = 7


def reference_of(name: str, *, auxiliary: bool = True, classes: int = CLASSES) -> nn.Module:
    build = getattr(torchvision.models.segmentation, TWINS[name])
    return build(weights=None, weights_backbone=None, num_classes=classes, aux_loss=auxiliary)


def pair(name: str, *, auxiliary: bool = True) -> tuple[DenseNetwork, nn.Module]:
    """Ours and theirs with the same weights, statistics and gains that are not those of a new batch norm, and no dropout."""
    torch.manual_seed(4)
    reference = reference_of(name, auxiliary=auxiliary)
    for key, value in reference.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.2)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.is_floating_point() and value.ndim == 1:
            value.add_(0.2 * torch.randn(value.shape))
    network = create_model(name, classes=CLASSES)
    assert isinstance(network, DenseNetwork)
    report = load_weights(network, reference.state_dict(), name=name)
    assert report.complete == auxiliary
    for layer in (*network.modules(), *reference.modules()):
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0  # the auxiliary head draws before the main one here, and after it there
    return network, reference


def relative_error(one: Tensor, other: Tensor) -> float:
    return ((one - other).abs().max() / other.abs().max().clamp(min=1e-12)).item()


@pytest.mark.parametrize("name", TWINS)
@torch.no_grad()
def test_maps_are_equal_in_eval_mode(name):
    network, reference = pair(name)
    for height, width in ((65, 90), (64, 64)):
        images = torch.randn(2, 3, height, width)
        theirs = reference.eval()(images)["out"]
        assert theirs.shape == (2, CLASSES, height, width)
        assert relative_error(network.eval()(images), theirs) <= 1e-5


@pytest.mark.parametrize("name", ["fcn_resnet50", "deeplab_v3_resnet50"])
def test_maps_of_both_heads_and_one_step_of_sgd_are_equal_in_train_mode(name):
    """In float64: through fifty layers of batch norm the gradients of the first one have little of float32 left."""
    network, reference = (module.double().train() for module in pair(name))
    assert isinstance(network, DenseNetwork)
    images, masks = torch.randn(2, 3, 64, 64, dtype=torch.float64), torch.randint(CLASSES, (2, 64, 64))
    ours = [F.interpolate(each, (64, 64), mode="bilinear") for each in network.training_logits(images)]
    outputs = reference(images)
    theirs = [outputs["out"], outputs["aux"]]
    assert all(relative_error(mine, their) <= 1e-12 for mine, their in zip(ours, theirs, strict=True))
    for module, (main, auxiliary) in ((network, ours), (reference, theirs)):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
        loss = F.cross_entropy(main, masks) + network.auxiliary_weight * F.cross_entropy(auxiliary, masks)
        torch.autograd.backward(loss)
        optimizer.step()
    stepped = {key: value.clone() for key, value in network.state_dict().items()}
    load_weights(network, reference.state_dict(), name=name)
    assert all(
        relative_error(stepped[key].double(), value.double()) <= 1e-12 for key, value in network.state_dict().items()
    )


@torch.no_grad()
def test_weights_without_the_auxiliary_head_load():
    network, reference = pair("fcn_resnet50", auxiliary=False)
    images = torch.randn(1, 3, 64, 64)
    assert relative_error(network.eval()(images), reference.eval()(images)["out"]) <= 1e-5


@pytest.mark.parametrize("name", TWINS)
def test_parameters_and_multiply_accumulates_are_those_of_torchvision(name):
    """Theirs were counted with the auxiliary head, in thousand millions."""
    reference = reference_of(name, classes=NETWORKS[name].classes)
    published = torchvision.models.get_model_weights(TWINS[name]).DEFAULT.meta
    assert NETWORKS[name].parameters == published["num_params"] == sum(each.numel() for each in reference.parameters())
    auxiliary = (9 * 1024 * 256 + 256 * 21) * 65 * 65
    assert (NETWORKS[name].macs + auxiliary) / 1e9 == pytest.approx(published["_ops"], abs=0.01)
