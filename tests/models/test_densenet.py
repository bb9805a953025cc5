"""DenseNet's published names, of which there are two generations."""

import re

import pytest
import torch

from striate.models import create_model
from striate.models.weights import converted


@pytest.mark.parametrize(
    ("published", "own"),
    [
        ("features.conv0.weight", "stage1.conv0.weight"),
        ("features.norm0.running_var", "stage1.norm0.running_var"),
        ("features.denseblock1.denselayer6.norm.1.bias", "stage2.denseblock1.denselayer6.norm1.bias"),
        ("features.denseblock1.denselayer6.norm1.bias", "stage2.denseblock1.denselayer6.norm1.bias"),
        ("features.denseblock3.denselayer24.conv.2.weight", "stage4.denseblock3.denselayer24.conv2.weight"),
        ("features.transition2.conv.weight", "stage4.transition2.conv.weight"),
        ("features.norm5.weight", "stage5.norm5.weight"),
        ("classifier.bias", "classifier.bias"),
    ],
)
def test_a_published_name_becomes_ours(published, own):
    with torch.device("meta"):
        network = create_model("densenet121", classes=2)
    assert own in network.state_dict()
    assert list(converted(network, {published: torch.zeros(1)})) == [own]


@torch.no_grad()
def test_an_old_file_loads_whole():
    """With a dot before 1 and 2, and without the counters that batch norm did not have yet."""
    torch.manual_seed(1)
    trained, network = (create_model("densenet121", classes=2, channels=1, size=28).eval() for _ in range(2))
    old = {
        re.sub(r"(denselayer\d+\.[a-z]+)([12])", r"\1.\2", re.sub(r"^stage\d", "features", name)): value
        for name, value in trained.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert sum(bool(re.search(r"\.norm\.[12]\.weight$", name)) for name in old) == 2 * (6 + 12 + 24 + 16)
    network.load_state_dict(converted(network, old), strict=True)
    images = torch.rand(2, 1, 28, 28)
    assert torch.equal(network(images), trained(images))
