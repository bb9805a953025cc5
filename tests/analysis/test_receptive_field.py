"""Receptive fields: by rule, against gradients of the running network, published figures, and pencil and paper."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.networks import REPRESENTATIVE, other_ways_marked
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from striate.analysis import small_receptive_field, summarize
from striate.analysis.receptive_field import UNKNOWN, WHOLE, AxisField, FlattenedField, WindowField
from striate.models import NETWORKS, Network, create_model


class MeansDetached(TorchFunctionMode):
    """No gradient passes global pooling, through which attention adds context."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        pools = (F.adaptive_avg_pool2d, F.adaptive_max_pool2d, torch.mean, torch.amax, Tensor.mean, Tensor.amax)
        if func not in pools or args[0].ndim != 4:
            return output
        whole = output.ndim == 2 or output.shape[-2:] == (1, 1)
        return output.detach() if whole else output


def rows_that_count(
    features: Callable[[Tensor], Tensor], image: tuple[int, ...], position: int, expected: list[int]
) -> list[int]:
    """First and last row of the image on which the features in row `position` depend, by gradients.

    A max pooling passes the gradient of one position, so several random images are tried until the `expected` rows are reached.
    """
    touched = torch.zeros(image[2], dtype=torch.float64)
    for _ in range(8):
        pixels = torch.randn(image, dtype=torch.float64, requires_grad=True)
        rows = features(pixels)[:, :, position]
        (gradient,) = torch.autograd.grad((rows * torch.rand_like(rows)).sum(), pixels)
        touched += gradient.abs().sum((0, 1, 3))
        rows_found = touched.nonzero().flatten().tolist()
        reached = [min(rows_found), max(rows_found)]
        if reached == expected:
            break
    return reached


def randomized(network: Network) -> Network:
    """Some branches start with a gain of zero, through which no gradient passes."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.GroupNorm) and layer.affine:
            nn.init.uniform_(layer.weight, 0.5, 1.5)
    return network.double().eval()


# Not those that have no window that is the same everywhere, nor those whose stages are another network's, and, to save time,
# not the largest.
WITH_WINDOW = [
    name
    for name in REPRESENTATIVE
    if not name.startswith(("vit", "swin"))
    and NETWORKS[name].module != "unet_encoder"
    and NETWORKS[name].parameters <= 50e6
]


@pytest.mark.parametrize("name", other_ways_marked(WITH_WINDOW))
def test_gradients_reach_just_as_far_as_the_receptive_field(name):
    """In an image that is higher than the field; a narrow one, since height and width go the same way."""
    torch.manual_seed(0)
    channels = NETWORKS[name].channels
    network = randomized(create_model(name, classes=2, channels=channels))
    width = max(network.min_size, network.strides[-1])
    axis = field(network, width, channels)
    position = -(axis.first // axis.stride) + 1  # the first row whose field lies in the image, and one more
    positions = position + -(-axis.last // axis.stride) + 2
    height = max(axis.stride * positions, width) + width % axis.stride  # TensorFlow's padding depends on the remainder
    expected = [axis.stride * position + axis.first, axis.stride * position + axis.last]
    with MeansDetached():
        assert (
            rows_that_count(lambda x: network.features(x)[-1], (1, channels, height, width), position, expected)
            == expected
        )
    assert axis.stride == network.strides[-1]


def field(network: nn.Module, size: int, channels: int = 3) -> AxisField:
    axes = summarize(network, channels=channels, size=size).receptive_field
    assert axes is not None
    assert axes[0] == axes[1]
    return axes[0]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("vgg16", 212),
        ("resnet50", 427),
        ("resnet101", 971),
        ("inception_v3", 1311),
        ("mobilenet_v1", 315),
        ("alexnet", 195),
    ],
)
def test_published_receptive_fields(name, size):
    """Araujo et al., Distill 2019, table 1; their resnets take the stride in conv1 or conv3, so 483 and 1027 there."""
    with torch.device("meta"):
        network = create_model(name, classes=2)
    assert field(network, 299).size == size


def test_squeeze_and_excitation_adds_context_and_keeps_the_window():
    plain, gated = (
        summarize(create_model(name, classes=2), channels=3, size=128) for name in ("resnet18", "se_resnet18")
    )
    assert plain.receptive_field == gated.receptive_field
    for summary, context in ((plain, False), (gated, True)):
        (field,) = [layer.receptive_field for layer in summary.layers if layer.name == "layer1.0.relu2"]
        assert isinstance(field, WindowField)
        assert field.context == context


window = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(1, 4),
        "stride": st.integers(1, 3),
        "padding": st.integers(0, 1),
        "dilation": st.integers(1, 2),
        "kind": st.sampled_from(["convolution", "grouped", "max", "average"]),
    }
)


def layer_of(kind: str, kernel_size: int, stride: int, padding: int, dilation: int) -> nn.Module:
    padding = min(padding, kernel_size // 2)
    if kind == "max":
        return nn.MaxPool2d(kernel_size, stride, padding, dilation, ceil_mode=True)
    if kind == "average":
        return nn.AvgPool2d(kernel_size, stride, padding, ceil_mode=True)
    return nn.Conv2d(4, 4, kernel_size, stride, padding, dilation, groups=2 if kind == "grouped" else 1)


class Branches(nn.Module):
    """A chain, then a wide and a narrow branch whose sum and concatenation are mixed."""

    def __init__(self, chain: list[nn.Module], wide: nn.Module, narrow: nn.Module) -> None:
        super().__init__()
        self.chain, self.wide, self.narrow = nn.Sequential(*chain), wide, narrow
        self.mix = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.chain(x)
        one, other = self.wide(x), self.narrow(x)
        return self.mix(torch.cat([one + other, one.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)], 1))


@given(chain=st.lists(window, max_size=2), reach=st.integers(0, 2), dilation=st.integers(1, 2))
@settings(deadline=None, max_examples=40)
def test_the_receptive_field_of_any_chain_with_branches_is_that_of_gradients(chain, reach, dilation):
    torch.manual_seed(1)
    wide = nn.Conv2d(4, 4, 2 * reach + 1, padding=dilation * reach, dilation=dilation)
    network = Branches([layer_of(**each) for each in chain], wide, nn.Conv2d(4, 4, 1)).double().eval()
    axes = summarize(network, channels=4, size=64).receptive_field
    assert axes is not None
    axis = axes[0]
    position = -(axis.first // axis.stride) + 1
    expected = [axis.stride * position + axis.first, axis.stride * position + axis.last]
    height = expected[1] + 1 + 2 * axis.stride
    assert rows_that_count(network, (8, 4, height, 28), position, expected) == expected


class Sliced(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.pad(x[:, :, 2::3], (0, 0, 1, 0)) * 1.0


def fields_of(*layers: nn.Module, size: int = 12) -> list[object]:
    return [layer.receptive_field for layer in summarize(nn.Sequential(*layers), channels=3, size=size).layers]


def test_slices_and_pads_move_the_window():
    (field,) = fields_of(Sliced())
    assert isinstance(field, WindowField)
    assert field.axes == (
        AxisField(stride=3, first=-1, last=-1),
        AxisField(stride=1, first=0, last=0),
    )  # row 1 is the old row 2


def test_offsets_by_hand():
    assert [AxisField(1, 0, 0).offset, AxisField(1, 0, 0).after_window(2, 2, 0, 1).offset] == [0.5, 1.0]
    assert AxisField(1, 0, 0).after_window(3, 2, 1, 1).offset == 0.5  # centered on the first pixel
    assert AxisField(1, 0, 0).after_window(3, 1, 2, 2).size == 5


@pytest.mark.parametrize(
    "kind", [nn.ReLU6, nn.SiLU, nn.ELU, nn.GELU, nn.Hardswish, nn.Hardsigmoid, nn.LeakyReLU, nn.PReLU, nn.Tanh]
)
def test_activations_keep_the_window(kind):
    assert fields_of(kind()) == fields_of(nn.Identity())


def test_other_operations_have_no_window():
    assert fields_of(nn.AdaptiveAvgPool2d(5)) == [UNKNOWN]  # 12 positions to 5: windows of different sizes
    assert isinstance(fields_of(nn.AdaptiveAvgPool2d(4))[0], WindowField)
    assert fields_of(nn.AdaptiveAvgPool2d(1)) == [WHOLE]
    assert fields_of(nn.Flatten(), nn.Linear(432, 2)) == [FlattenedField((1,)), WHOLE]
    assert fields_of(nn.Flatten(2), nn.Linear(144, 2)) == [FlattenedField((2,)), WHOLE]
    assert fields_of(nn.Flatten(2), nn.Softmax(2)) == [FlattenedField((2,)), UNKNOWN]
    assert fields_of(nn.ConvTranspose2d(3, 3, 2)) == [UNKNOWN]
    assert fields_of(nn.PixelUnshuffle(2)) == [UNKNOWN]
    assert fields_of(nn.ChannelShuffle(3)) == fields_of(nn.ReLU())


def test_a_field_smaller_than_the_objects_is_a_finding_and_a_larger_one_is_none():
    summary = summarize(create_model("digit_cnn", classes=10, channels=1), channels=1, size=28)
    assert small_receptive_field(summary, object_size=22) == []
    (finding,) = small_receptive_field(summary, object_size=23)
    assert finding.id == "small-receptive-field"
    assert finding.evidence == {"receptive_field": [22, 22], "object_size": 23}


def test_a_transformer_with_global_attention_is_never_too_small():
    with torch.device("meta"):
        network = create_model("vit_ti_16", classes=2)
    summary = summarize(network, channels=3, size=224)
    assert WHOLE in [layer.receptive_field for layer in summary.layers]
    assert small_receptive_field(summary, object_size=200) == []
