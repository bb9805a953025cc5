"""Muon: kernels that mix channels take orthogonal steps, as torch's own Muon on the same matrices; AdamW trains the rest."""

import pytest
import torch
from torch import nn

from striate.models import create_model
from striate.training import Recipe, create_optimizer
from striate.training.muon import mixes_channels, orthogonalized


def settings(**values):
    given = {"momentum": 0.9, "lr": 0.01, "weight_decay": 0.1, **values}
    return Recipe.of(optimizer="muon", **given).optimizer


@pytest.mark.parametrize(("inputs", "outputs"), [(6, 24), (3, 64)])  # more columns than rows, and fewer
def test_steps_equal_those_of_torch_on_kernels_as_matrices(inputs, outputs):
    """torch's takes matrices alone, and multiplies them in bfloat16, whose rounding is the tolerance."""
    torch.manual_seed(0)
    ours = nn.Conv2d(inputs, outputs, 3, bias=False)
    ours.weight.data = ours.weight.data.contiguous(memory_format=torch.channels_last)
    theirs = nn.Parameter(ours.weight.detach().flatten(1).clone())
    optimizer = create_optimizer(ours, settings(), {}, {})
    reference = torch.optim.Muon([theirs], 0.01, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw")
    before = theirs.detach().clone()
    for _ in range(5):
        gradient = torch.randn_like(theirs)
        ours.weight.grad, theirs.grad = gradient.view(ours.weight.shape), gradient
        optimizer.step()
        reference.step()
    difference = (ours.weight.detach().flatten(1) - theirs.detach()).norm()
    assert difference < 0.02 * (theirs.detach() - before).norm()


@pytest.mark.parametrize("shape", [(4, 4), (3, 40), (40, 3)])
def test_an_orthogonal_step_has_the_singular_vectors_of_its_matrix_and_singular_values_near_1(shape):
    torch.manual_seed(1)
    matrices = torch.randn(2, *shape)
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    found = u.mT @ orthogonalized(matrices) @ v.mT  # diagonal where the singular vectors are the same
    values = found.diagonal(dim1=1, dim2=2)
    assert (found - torch.diag_embed(values)).abs().max() < 1e-4
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_kernels_of_one_channel_norms_and_layers_of_vectors_are_for_adamw():
    network = create_model("mobilenet_v2", classes=3)
    names = {name for name, value in network.named_parameters() if mixes_channels(value)}
    layers = dict(network.named_modules())
    wide = {
        f"{name}.weight"
        for name, layer in layers.items()
        if isinstance(layer, nn.Conv2d) and layer.in_channels > layer.groups
    }
    assert names == wide
    assert len(names) < len(list(network.parameters()))


def test_kernels_of_equal_shape_take_their_own_steps():
    torch.manual_seed(2)
    together = nn.Sequential(nn.Conv2d(4, 4, 3, bias=False), nn.Conv2d(4, 4, 3, bias=False))
    alone = nn.Conv2d(4, 4, 3, bias=False)
    alone.load_state_dict(together.get_submodule("1").state_dict())
    gradients = torch.randn(2, 4, 4, 3, 3)
    for parameter, gradient in zip(together.parameters(), gradients, strict=True):
        parameter.grad = gradient
    alone.weight.grad = gradients[1]
    for network in (together, alone):
        create_optimizer(network, settings(), {}, {}).step()
    torch.testing.assert_close(together.get_submodule("1").weight, alone.weight)
