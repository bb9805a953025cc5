"""Networks that cut an image into patches: smaller patches for small images, positions of other grids, windows."""

import re
from itertools import chain

import pytest
import torch
from torch import Tensor

from striate.models import Network, create_model
from striate.models.swin import WindowAttention
from striate.models.vit import ViT, interpolated
from striate.models.weights import converted


def built(name: str, size: int, classes: int = 5) -> Network:
    torch.manual_seed(2)
    network = create_model(name, classes=classes, size=size).eval()
    for value in chain(network.parameters(), network.buffers()):
        value.data.add_(0.02 * torch.randn(value.shape))  # nothing is 0 or 1e-6, as if trained
    return network


@pytest.mark.parametrize(
    ("name", "size", "factor"),
    [("convnext_tiny", 56, 4), ("swin_t", 112, 2), ("vit_ti_16", 56, 4), ("vit_ti_16", 112, 2)],
)
@torch.no_grad()
def test_a_small_image_gives_what_it_gives_enlarged_to_the_size_of_the_published_weights(name, size, factor):
    native = built(name, size * factor)
    small = create_model(name, classes=5, size=size).eval()
    small.load_state_dict(converted(small, native.state_dict()))
    image = torch.rand(1, 3, size, size)
    enlarged = image.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)
    torch.testing.assert_close(small(image), native(enlarged), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["convnext_tiny", "swin_t", "vit_ti_16"])
def test_weights_of_the_same_size_are_adopted_as_they_are(name):
    network = built(name, 64)
    weights = network.state_dict()
    adopted = network.convert_state_dict(weights)
    assert adopted.keys() == weights.keys()
    assert all(adopted[key] is value for key, value in weights.items())


@torch.no_grad()
def test_positions_of_another_grid_are_interpolated_between_their_neighbors():
    rows, columns = torch.meshgrid(torch.arange(7.0), torch.arange(7.0), indexing="ij")
    grid = torch.stack([rows, columns, torch.full((7, 7), 3.0)], dim=2).view(1, 49, 3)
    positions = torch.cat([torch.full((1, 1, 3), -9.0), grid], dim=1)
    assert interpolated(positions, 7, 7) is positions
    larger = interpolated(positions, 21, 14)
    assert torch.equal(larger[:, :1], positions[:, :1])  # the summary lies nowhere
    row, column, constant = larger[0, 1:].view(21, 14, 3).unbind(2)
    torch.testing.assert_close(constant, torch.full((21, 14), 3.0))
    inner = slice(6, -6), slice(4, -4)  # at the border nothing lies beyond
    torch.testing.assert_close(row[inner], ((torch.arange(21.0) + 0.5) / 3 - 0.5)[:, None].expand(21, 14)[inner])
    torch.testing.assert_close(column[inner], ((torch.arange(14.0) + 0.5) / 2 - 0.5).expand(21, 14)[inner])


@torch.no_grad()
def test_a_vit_takes_positions_of_another_grid_from_a_file():
    small, large = built("vit_ti_16", 160), create_model("vit_ti_16", classes=5, size=256).eval()
    large.load_state_dict(converted(large, small.state_dict()))
    images = torch.rand(1, 3, 256, 256)
    torch.testing.assert_close(large(images), small(images))


def test_a_vit_knows_its_layers_under_torchvisions_names_and_timms():
    network = built("vit_ti_16", 32)
    assert isinstance(network, ViT)
    own = network.state_dict()

    def written(*patterns: tuple[str, str]) -> dict[str, Tensor]:
        names = dict.fromkeys(own, "")
        for name in own:
            names[name] = re.sub(
                r"^stage(\d)\.blocks\.(\d)\.", lambda found: f"blocks.{3 * int(found[1]) - 3 + int(found[2])}.", name
            )
            for pattern, replacement in patterns:
                names[name] = re.sub(pattern, replacement, names[name])
        return {names[name]: value for name, value in own.items()}

    torchvision = [
        (r"^blocks\.", "encoder.layers.encoder_layer_"),
        (r"^(pos_embedding|ln\.)", r"encoder.\1"),
        (r"in_proj\.", "in_proj_"),
        (r"^classifier", "heads.head"),
    ]
    timm = [
        (r"ln_(\d)", r"norm\1"),
        (r"^ln\.", "norm."),
        (r"self_attention\.in_proj", "attn.qkv"),
        (r"self_attention\.out_proj", "attn.proj"),
        (r"mlp\.0", "mlp.fc1"),
        (r"mlp\.3", "mlp.fc2"),
        (r"^class_token", "cls_token"),
        (r"^pos_embedding", "pos_embed"),
        (r"^conv_proj", "patch_embed.proj"),
        (r"^classifier", "head"),
    ]
    for patterns in (
        torchvision,
        [*torchvision, (r"mlp\.0", "mlp.linear_1"), (r"mlp\.3", "mlp.linear_2")],  # its files of 2022
        timm,
    ):
        published = written(*patterns)
        assert not {name for name in published if name.startswith("stage")}
        adopted = converted(network, published)
        assert adopted.keys() == own.keys()
        assert all(torch.equal(value, own[name]) for name, value in adopted.items())


@pytest.mark.parametrize(
    ("shift", "moved", "rows", "columns"),
    [
        (0, (8, 3), range(7, 14), range(7)),  # the windows are rows 0-6 and 7-13
        (3, (8, 4), range(3, 10), range(3, 10)),  # shifted: rows 0-2, 3-9 and 10-13
        (3, (0, 0), range(3), range(3)),  # in one window with rows and columns 10-13, but behind the barrier
        (3, (13, 5), range(10, 14), range(3, 10)),
    ],
)
@torch.no_grad()
def test_a_patch_affects_its_own_window_only(shift, moved, rows, columns):
    torch.manual_seed(1)
    attention = WindowAttention(64, shift)
    positions = torch.randn(1, 14, 14, 64)
    other = positions.clone()
    other[0, moved[0], moved[1]] += 1
    change = (attention(other) - attention(positions))[0].abs().amax(dim=2)
    inside = torch.zeros(14, 14, dtype=torch.bool)
    inside[rows.start : rows.stop, columns.start : columns.stop] = True
    assert (change[inside] > 0).all()
    assert (change[~inside] == 0).all()


@torch.no_grad()
def test_a_single_window_is_not_shifted():
    torch.manual_seed(1)
    attention, positions = WindowAttention(64, 3), torch.randn(1, 5, 6, 64)
    attention_at_rest = WindowAttention(64, 0)
    attention_at_rest.load_state_dict(attention.state_dict())
    assert torch.equal(attention(positions), attention_at_rest(positions))


@torch.no_grad()
def test_the_relative_position_bias_is_the_tables_entry_for_two_positions():
    attention = WindowAttention(64, 0)
    bias, table = attention.relative_position_bias(), attention.relative_position_bias_table
    for position, seen in ((0, 0), (0, 48), (48, 0), (17, 30), (6, 7)):
        below, right = position // 7 - seen // 7, position % 7 - seen % 7
        assert torch.equal(bias[:, position, seen], table[13 * (below + 6) + right + 6])
