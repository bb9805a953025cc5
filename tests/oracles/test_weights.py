"""Published files against what torchvision and timm make of them."""

from pathlib import Path

import pytest
import torch
import torchvision.models
from timm.models._manipulate import adapt_input_conv

from striate.models import create_model
from striate.models.weights import adapt_channels

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("theirs", [1, 3, 4])
@pytest.mark.parametrize("ours", [1, 2, 3, 4, 5, 6, 8, 13])
def test_other_channels_as_timm_does_it(theirs, ours):
    weight = torch.randn(8, theirs, 7, 5)
    assert torch.allclose(adapt_channels(weight, ours), adapt_input_conv(ours, weight.clone(), theirs), atol=1e-6)


@pytest.mark.parametrize("name", ["resnet18", "googlenet"])
@torch.no_grad()
def test_a_file_that_torchvision_saved_gives_its_logits(tmp_path: Path, name: str):
    more = {"aux_logits": True, "transform_input": False, "init_weights": False} if name == "googlenet" else {}
    reference = torchvision.models.get_model(name, weights=None, **more).eval()
    path = tmp_path / f"{name}.pth"
    torch.save(reference.state_dict(), path)
    images = torch.randn(2, 3, 96, 96)
    logits = create_model(name, classes=1000, weights=path).eval()(images)
    expected = reference(images)
    assert (logits - expected).abs().max() <= 1e-5 * expected.abs().max()
