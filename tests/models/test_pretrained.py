"""The addresses of published weights: whole, of networks that exist, and readable without torch."""

import re

import pytest

from striate.models import NETWORKS
from striate.models.pretrained import PRETRAINED


@pytest.mark.parametrize("name", PRETRAINED)
def test_an_address_is_of_a_network_of_the_table_and_ends_in_the_digest(name):
    published, entry = PRETRAINED[name], NETWORKS[name]
    assert re.fullmatch(
        r"https://(download\.pytorch\.org|github\.com|dl\.fbaipublicfiles\.com)/[\w./-]+-[0-9a-f]{8}([0-9a-f]{2})?\.pth",
        published.url,
    )
    assert published.url.endswith(f"-{published.sha256}.pth")
    assert (entry.channels, entry.size, entry.classes) == (3, published.size, 1000)
    assert 50 < published.top1 < 100
    assert 1 < published.megabytes < 3000


def test_no_two_networks_share_a_file():
    assert len({published.sha256 for published in PRETRAINED.values()}) == len(PRETRAINED)


def test_only_the_weights_that_tensorflow_trained_want_images_from_minus_one_to_one():
    symmetric = {name for name, published in PRETRAINED.items() if published.normalization == "symmetric"}
    assert symmetric == {"googlenet", "inception_v3"}
