"""MobileNet: the table of the paper's layers, its parameters and its arithmetic, each counted from the layers alone."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models import create_model

# Table 1 of the paper without its mistake (the last depthwise layer keeps the size): inputs, outputs, stride
LAYERS = [
    (32, 64, 1),
    (64, 128, 2),
    (128, 128, 1),
    (128, 256, 2),
    (256, 256, 1),
    (256, 512, 2),
    *5 * [(512, 512, 1)],
    (512, 1024, 2),
    (1024, 1024, 1),
]
# Tables 6 and 7: the width multiplier, million parameters, million multiply-accumulates at 224 x 224
PAPER = {
    "mobilenet_v1": (1.0, 4.2, 569),
    "mobilenet_v1_075": (0.75, 2.6, 325),
    "mobilenet_v1_050": (0.5, 1.3, 149),
    "mobilenet_v1_025": (0.25, 0.5, 41),
}


def counted(multiplier: float) -> tuple[int, int]:
    """Parameters and multiply-accumulates from the table of layers."""
    first, last = int(32 * multiplier), int(1024 * multiplier)
    side = 112
    parameters = 9 * 3 * first + 2 * first + (last + 1) * 1000
    macs = 9 * 3 * first * side**2 + last * 1000
    for native_inputs, native_outputs, stride in LAYERS:
        inputs, outputs = int(native_inputs * multiplier), int(native_outputs * multiplier)
        side //= stride
        parameters += 9 * inputs + inputs * outputs + 2 * (inputs + outputs)
        macs += (9 * inputs + inputs * outputs) * side**2
    return parameters, macs


@pytest.mark.parametrize("name", PAPER)
def test_parameters_and_arithmetic_are_the_papers(name):
    multiplier, millions, mega = PAPER[name]
    parameters, macs = counted(multiplier)
    assert round(parameters / 1e6, 1) == millions
    assert macs / 1e6 == pytest.approx(mega, rel=0.01)
    with torch.device("meta"):
        network = create_model(name, classes=1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.mark.parametrize("name", PAPER)
@torch.no_grad()
def test_logits_equal_the_arithmetic_by_hand(name):
    torch.manual_seed(1)
    network = create_model(name, classes=10).eval()
    for key, value in network.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.2)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.ndim == 1 and value.is_floating_point():
            value.add_(0.2 * torch.randn(len(value)))
    weights = [value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")]
    images = torch.randn(2, 3, 70, 80)

    def conv_bn_relu6(x: Tensor, kernel: Tensor, stride: int) -> Tensor:
        gain, shift, mean, variance = (weights.pop(0).view(-1, 1, 1) for _ in range(4))
        padding, groups = kernel.shape[-1] // 2, x.shape[1] // kernel.shape[1]
        x = F.conv2d(x, kernel, stride=stride, padding=padding, groups=groups)
        return ((x - mean) / (variance + 1e-5).sqrt() * gain + shift).clamp(0, 6)

    x = conv_bn_relu6(images, weights.pop(0), 2)
    for _, _, stride in LAYERS:
        x = conv_bn_relu6(x, weights.pop(0), stride)
        x = conv_bn_relu6(x, weights.pop(0), 1)
    matrix, bias = weights
    torch.testing.assert_close(network(images), x.mean((2, 3)) @ matrix.T + bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", PAPER)
def test_a_depthwise_filter_starts_with_the_variance_of_what_it_reaches(name):
    torch.manual_seed(2)
    for layer in create_model(name, classes=1000).modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 1000:
            reached = 9 if layer.groups > 1 else layer.out_channels * layer.weight[0, 0].numel()
            assert layer.weight.std().item() == pytest.approx((2 / reached) ** 0.5, rel=0.1)
