"""The summary: facts of pencil and paper, torch's own flop counter, and a model that is left as it was."""

import math
import re

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.models.networks import on_meta, other_ways_marked
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from striate.analysis.receptive_field import WindowField
from striate.analysis.summary import Layer, Summary, output_size, summarize
from striate.models import NETWORKS, create_model


def summary_of(*layers: nn.Module, channels: int = 3, size: int | tuple[int, int] = 8) -> Summary:
    return summarize(nn.Sequential(*layers), channels=channels, size=size)


def test_64_kernels_of_3x3_have_1792_parameters_where_a_dense_layer_would_have_half_a_trillion():
    (layer,) = summary_of(nn.Conv2d(3, 64, 3, padding=1), size=224).layers
    assert layer.shape == (64, 224, 224)
    assert layer.parameters == 1792
    assert layer.formulas == (
        "height and width: floor((224 + 2*1 - 1*(3 - 1) - 1) / 1) + 1 = 224",
        "parameters: 3*3*3*64 + 64 = 1792",
        "receptive field: 1 + 1*(3 - 1)*1 = 3",
    )
    assert 3 * 224 * 224 * math.prod(layer.shape) == pytest.approx(4.8e11, rel=0.01)


def test_28_to_26_to_13_to_5408():
    summary = summary_of(nn.Conv2d(1, 32, 3), nn.MaxPool2d(2), nn.Flatten(), channels=1, size=28)
    assert [layer.shape for layer in summary.layers] == [(32, 26, 26), (32, 13, 13), (5408,)]
    assert summary.layers[1].formulas == (
        "height and width: floor((26 + 2*0 - 1*(2 - 1) - 1) / 2) + 1 = 13",
        "receptive field: 3 + 1*(2 - 1)*1 = 4, stride 1*2 = 2",
    )
    assert summary.image == (1, 28, 28)


@given(size=st.integers(1, 500))
def test_stride_1_padding_1_keeps_the_size_and_stride_2_halves_it(size):
    assert output_size(size, kernel_size=3, stride=1, padding=1) == size
    assert output_size(size, kernel_size=3, stride=2, padding=1) == math.ceil(size / 2)


@given(
    size=st.integers(1, 40),
    kernel_size=st.integers(1, 6),
    stride=st.integers(1, 5),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 4),
)
def test_the_size_formula_is_torchs(size, kernel_size, stride, padding, dilation):
    positions = output_size(size, kernel_size, stride, padding, dilation)
    convolution = nn.Conv1d(1, 1, kernel_size, stride=stride, padding=padding, dilation=dilation, device="meta")
    line = torch.empty(1, 1, size, device="meta")
    if positions >= 1:
        assert convolution(line).shape[-1] == positions
    else:
        with pytest.raises(RuntimeError):
            convolution(line)


def counted_by_torch(network: nn.Module, image: Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(image)
    return counter.get_total_flops()


@given(
    groups=st.integers(1, 4),
    inputs=st.integers(1, 3),
    outputs=st.integers(1, 3),
    kernel_size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    transposed=st.booleans(),
)
def test_macs_of_any_convolution(groups, inputs, outputs, kernel_size, stride, dilation, transposed):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    layer = kind(
        groups * inputs, groups * outputs, kernel_size, stride=stride, dilation=dilation, groups=groups, device="meta"
    )
    summary = summary_of(layer, channels=groups * inputs, size=(9, 11))
    assert 2 * summary.macs == counted_by_torch(layer, torch.empty(1, groups * inputs, 9, 11, device="meta"))


@pytest.mark.parametrize("name", ["alexnet", "digit_cnn", "resnet18", "se_resnet18", "shufflenet_v2_x0_5", "vit_ti_16"])
def test_layers_come_in_the_order_of_a_real_forward_with_its_shapes(name):
    entry = NETWORKS[name]
    network = create_model(name, classes=3, channels=entry.channels).eval()
    recorded: list[tuple[str, tuple[int, ...]]] = []
    for path, layer in network.named_modules():
        if not list(layer.children()):
            layer.register_forward_hook(
                lambda _, __, output, path=path: recorded.append((path, tuple(output.shape[1:])))
            )
    size = (entry.size // 2 + 14, entry.size // 2 + 11)
    with torch.no_grad():
        network(torch.zeros(1, entry.channels, *size))
    expected = list(recorded)  # the summary runs a copy, hooks and all
    summary = summarize(network, channels=entry.channels, size=size)
    layers = {path for path, _ in expected}
    assert [(layer.name, layer.shape) for layer in summary.layers if layer.name in layers] == expected


FORMULA = re.compile(r"^(parameters|receptive field|)(?:: |)(height and width|height|width|)(?:: |)(.+?) = (\d+)")
ROUNDING = {"floor": math.floor, "ceil": math.ceil}


def figures(layer: Layer, what: str, axis: int) -> int:
    """What a formula speaks of, as the row has it."""
    if what == "receptive field":
        assert isinstance(layer.receptive_field, WindowField)
        return layer.receptive_field.axes[axis].size
    return layer.parameters if what == "parameters" else layer.shape[axis]


@pytest.mark.parametrize("name", other_ways_marked(NETWORKS))
def test_counts_are_those_of_the_table_and_of_torch_and_every_formula_is_true(name):
    entry, network = NETWORKS[name], on_meta(name)
    summary = summarize(network, channels=entry.channels, size=entry.size)
    flops = counted_by_torch(network, torch.empty(1, entry.channels, entry.size, entry.size, device="meta"))
    assert summary.macs == entry.macs == flops // 2 == sum(layer.macs for layer in summary.layers)
    assert summary.parameters == entry.parameters
    if not network.auxiliary_weight:  # auxiliary heads do not run
        assert summary.parameters == sum(layer.parameters for layer in summary.layers)
    assert summary.memory == sum(layer.memory for layer in summary.layers)
    assert summary.receptive_field is None or summary.receptive_field[0].stride == network.strides[-1]
    formulas = [(layer, formula) for layer in summary.layers for formula in layer.formulas]
    for layer, formula in formulas:
        what, axis, left, right = FORMULA.findall(formula)[0]
        assert eval(left, ROUNDING) == int(right)
        assert int(right) == figures(layer, what or "side", -2 if axis == "height" else -1)
    assert len(formulas) >= 8


def test_a_grouped_rectangle_has_a_formula_for_each_side():
    grouped = nn.Conv2d(3, 6, (3, 1), stride=(2, 1), padding=(1, 0), groups=3, bias=False)
    (layer,) = summary_of(grouped, size=(9, 5)).layers
    assert layer.shape == (6, 5, 5)
    assert layer.parameters == grouped.weight.numel()
    assert layer.formulas == (
        "height: floor((9 + 2*1 - 1*(3 - 1) - 1) / 2) + 1 = 5",
        "width: floor((5 + 2*0 - 1*(1 - 1) - 1) / 1) + 1 = 5",
        "parameters: 3*1*1*6 = 18",
        "receptive field: height: 1 + 1*(3 - 1)*1 = 3, stride 1*2 = 2",
        "receptive field: width: 1 + 1*(1 - 1)*1 = 1",
    )


@given(size=st.integers(1, 40), kernel_size=st.integers(1, 5), stride=st.integers(1, 5), padding=st.integers(0, 2))
def test_ceil_mode_is_torchs(size, kernel_size, stride, padding):
    assume(padding <= kernel_size // 2)
    assume(size + 2 * padding >= kernel_size)
    pool = nn.MaxPool1d(kernel_size, stride, padding, ceil_mode=True)
    positions = output_size(size, kernel_size, stride, padding, ceil_mode=True)
    assert pool(torch.empty(1, 1, size, device="meta")).shape[-1] == positions


def test_a_formula_for_ceil_mode_tells_when_the_last_window_would_begin_outside():
    rounded, outside = (
        summary_of(nn.MaxPool2d(2, stride, ceil_mode=True), size=size) for size, stride in ((5, 2), (4, 3))
    )
    assert rounded.layers[0].formulas[0] == "height and width: ceil((5 + 2*0 - 1*(2 - 1) - 1) / 2) + 1 = 3"
    assert outside.layers[0].shape == (3, 2, 2)
    assert summary_of(nn.MaxPool2d(1, 3, ceil_mode=True), size=6).layers[0].formulas[0] == (
        "height and width: ceil((6 + 2*0 - 1*(1 - 1) - 1) / 3) + 1 - 1, whose window would begin outside, = 2"
    )


def test_no_formula_is_better_than_a_wrong_one():
    (layer,) = summary_of(nn.Conv2d(3, 4, 3, padding="same"), size=9).layers
    assert layer.shape == (4, 9, 9)
    assert layer.formulas == ("parameters: 3*3*3*4 + 4 = 112",)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, 1, 1))
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x) * self.scale + x, x], 1)


def test_what_a_forward_computes_between_its_layers_has_a_row():
    conv, rest = summary_of(Residual(), nn.Flatten(0)).layers[:2]
    assert (conv.name, conv.kind, conv.parameters) == ("0.conv", "Conv2d", 84)
    assert (rest.name, rest.kind, rest.parameters, rest.shape) == ("0", "mul, add, cat", 3, (6, 8, 8))
    assert rest.memory == 4 * 64 * (3 + 3 + 6)


def test_memory_counts_what_is_new():
    summary = summary_of(
        nn.Conv2d(3, 4, 1),  # 4 x 8 x 8 numbers of 4 bytes
        nn.ReLU(inplace=True),
        nn.Identity(),
        nn.Dropout(0.5),
        nn.ReLU(),
        nn.Flatten(),
    )
    assert [layer.memory for layer in summary.layers] == [1024, 0, 0, 0, 1024, 0]
    assert summary.memory == 2048


def test_a_layer_that_runs_twice_has_two_rows_and_its_parameters_once():
    shared = nn.Conv2d(3, 3, 3, padding=1)
    summary = summary_of(shared, nn.ReLU(), shared)
    assert [(layer.name, layer.parameters) for layer in summary.layers] == [("0", 84), ("1", 0), ("0", 0)]
    assert summary.parameters == 84
    assert summary.layers[0].macs == summary.layers[2].macs == 3 * 8 * 8 * 3 * 9


def test_the_model_is_left_as_it_was():
    network = create_model("bn_gap_cnn", classes=4)
    network.stages()[0].eval()  # a frozen batch norm must stay frozen, and the rest must go on training
    modes = [module.training for module in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    summarize(network, channels=3, size=32)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
