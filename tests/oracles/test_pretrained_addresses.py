"""The addresses of published weights against those that torchvision has."""

import pytest
import torchvision.models

from striate.models.pretrained import PRETRAINED

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("name", [name for name in PRETRAINED if name in torchvision.models.list_models()])
def test_an_address_is_torchvisions_default(name):
    weights, published = torchvision.models.get_model_weights(name).DEFAULT, PRETRAINED[name]
    transforms, meta = weights.transforms(), weights.meta
    assert published.url == weights.url
    assert published.top1 == meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert published.megabytes == pytest.approx(meta["_file_size"] * 2**20 / 1e6, abs=0.1)
    assert (published.size,) == tuple(transforms.crop_size)
    assert "license" not in meta  # of its own, which torchvision's weights from SWAG have
