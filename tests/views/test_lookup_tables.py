"""Lookup tables: each table against the operation done on the image."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.views import lookup_tables

VALUES = torch.arange(256, dtype=torch.uint8)
IMAGES = torch.randint(0, 256, (5, 3, 11, 13), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("shared", [True, False])
def test_look_up_is_indexing(channels: int, shared: bool):
    images = IMAGES[:, :channels].contiguous(memory_format=torch.channels_last)
    tables = torch.randint(0, 256, (5, 1 if shared else channels, 256), dtype=torch.uint8)
    result = lookup_tables.look_up(images, tables)
    for sample in range(5):
        for channel in range(channels):
            table = tables[sample, 0 if shared else channel]
            assert torch.equal(result[sample, channel], table[images[sample, channel].long()])


def test_tables_that_change_nothing():
    one = torch.ones(5, dtype=torch.float64)
    for table in (
        lookup_tables.brighten(one),
        lookup_tables.gamma(one),
        lookup_tables.posterize(8 * one),
        lookup_tables.solarize(256 * one),
        lookup_tables.change_contrast(IMAGES, one),
    ):
        assert torch.equal(table, VALUES.expand(5, 1, -1))
    inverted = lookup_tables.invert(5, IMAGES.device)
    assert torch.equal(lookup_tables.look_up(lookup_tables.look_up(IMAGES, inverted), inverted), IMAGES)


@given(exponent=st.floats(0.1, 1.9), bits=st.integers(0, 8), threshold=st.integers(0, 256))
@settings(max_examples=40, deadline=None)
def test_gamma_posterize_and_solarize_in_plain_arithmetic(exponent: float, bits: int, threshold: int):
    def tensor(value: float) -> torch.Tensor:
        return torch.tensor([value], dtype=torch.float64)

    for level, to in enumerate(lookup_tables.gamma(tensor(exponent))[0, 0].tolist()):
        assert abs(to - 255 * (level / 255) ** exponent) <= 0.5 + 1e-6
    kept = [level >> (8 - bits) << (8 - bits) for level in range(256)]
    assert lookup_tables.posterize(tensor(bits))[0, 0].tolist() == kept
    assert lookup_tables.solarize(tensor(threshold))[0, 0].tolist() == [
        n if n < threshold else 255 - n for n in range(256)
    ]


def test_equalize_makes_values_even():
    images = (torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)) ** 3 * 90 + 20).to(torch.uint8)
    result = lookup_tables.look_up(images, lookup_tables.equalize(images)).double()
    assert abs(result.mean() - 127.5) < 12
    assert result.amin() == 0
    assert result.amax() == 255
    assert torch.equal(lookup_tables.equalize(torch.full((1, 3, 8, 8), 7, dtype=torch.uint8))[0, 0], VALUES)


def test_auto_contrast_reaches_both_ends():
    images = (IMAGES // 3 + 40).to(torch.uint8)
    result = lookup_tables.look_up(images, lookup_tables.auto_contrast(images)).flatten(2)
    assert (result.amin(2) == 0).all()
    assert (result.amax(2) >= 254).all()
    assert torch.equal(lookup_tables.auto_contrast(torch.full((1, 3, 8, 8), 7, dtype=torch.uint8))[0, 0], VALUES)


def test_contrast_scales_about_the_mean_of_any_channels():
    for channels in (1, 2, 3):
        images = IMAGES[:, :channels]
        flat = lookup_tables.look_up(images, lookup_tables.change_contrast(images, torch.zeros(5, dtype=torch.float64)))
        expected = lookup_tables.gray(images).mean((1, 2, 3)).to(torch.uint8)
        assert torch.equal(flat, expected.view(-1, 1, 1, 1).expand_as(flat))
