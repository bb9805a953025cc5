"""Layer-wise learning rates and weight decay against timm's parameter groups, where its layers are our stages."""

import pytest
import timm
import torch
from timm.models.resnet import BasicBlock, ResNet
from timm.optim import param_groups_layer_decay
from torch import nn

from striate.models import Network, create_model
from striate.models.resnet import Basic
from striate.models.resnet import ResNet as OwnResNet
from striate.models.weights import converted
from striate.training import Recipe, create_optimizer
from striate.training.layer_groups import learning_rate_scales

pytestmark = pytest.mark.oracle

RECIPE = Recipe.of(optimizer="adamw", weight_decay=0.05, layer_decay=0.75)


def check_groups(network: Network, reference: nn.Module) -> None:
    """Every parameter of ours has the scale and the weight decay that timm gives it, told by the reference's own weights."""
    for field in ("lr_scale", "weight_decay"):
        for group in param_groups_layer_decay(reference, weight_decay=0.05, layer_decay=0.75):
            for parameter in group["params"]:
                nn.init.constant_(parameter, group[field])
        network.load_state_dict(converted(network, reference.state_dict()), strict=True)
        scales = learning_rate_scales(network, RECIPE.transfer.layer_decay)
        groups = create_optimizer(network, RECIPE.optimizer, scales, {}).param_groups
        assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))
        for group in groups:
            for parameter in group["params"]:
                assert torch.equal(parameter, torch.full_like(parameter, group[field]))


def test_the_groups_are_those_of_timm():
    """With one block in each stage, timm's layers, which are blocks, are our stages."""
    check_groups(
        OwnResNet(Basic, 1, (1, 1, 1, 1), classes=1000, channels=3, size=224), ResNet(BasicBlock, (1, 1, 1, 1))
    )


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("resnet18", "resnet18"),
        ("se_resnet18", "seresnet18"),
        ("preact_resnet18", "resnetv2_18"),
        ("repvgg_a0", "repvgg_a0"),
    ],
)
def test_the_groups_are_those_of_timm_by_stages(name, theirs, monkeypatch):
    reference = timm.create_model(theirs)
    by_stages = reference.group_matcher(coarse=True)
    monkeypatch.setattr(reference, "group_matcher", lambda **_: by_stages)
    check_groups(create_model(name, classes=1000), reference)
