"""The logits of the small networks equal their arithmetic, written out by hand from the pages and papers."""

import pytest
import torch
import torch.nn.functional as F
from tests.models.networks import image, native
from torch import Tensor


def weights(name: str) -> list[Tensor]:
    """Kernels, biases and statistics in the order in which they are used."""
    return [value for value in native(name).state_dict().values() if value.ndim > 0]


def digit_cnn_by_hand(x: Tensor) -> Tensor:
    c1, b1, c2, b2, c3, b3, w4, b4, w5, b5 = weights("digit_cnn")
    for kernel, bias in ((c1, b1), (c2, b2), (c3, b3)):
        x = F.max_pool2d(F.conv2d(x, kernel, bias).clamp(min=0), 2)
    return (x.flatten(1) @ w4.T + b4).clamp(min=0) @ w5.T + b5


def digit_cnn_strided_by_hand(x: Tensor) -> Tensor:
    c1, b1, c2, b2, c3, b3, w4, b4, w5, b5 = weights("digit_cnn_strided")
    for kernel, bias in ((c1, b1), (c2, b2), (c3, b3)):
        x = F.conv2d(x, kernel, bias)[:, :, ::2, ::2].clamp(min=0)  # a stride keeps every other position
    return (x.flatten(1) @ w4.T + b4).clamp(min=0) @ w5.T + b5


def lenet5_by_hand(x: Tensor) -> Tensor:
    c1, b1, c3, b3, c5, b5, f6, b6, w, b = weights("lenet5")
    x = F.pad(x, (2, 2, 2, 2))  # 28 x 28 digits on the paper's 32 x 32 retina
    x = F.avg_pool2d(torch.tanh(F.conv2d(x, c1, b1)), 2)
    x = F.avg_pool2d(torch.tanh(F.conv2d(x, c3, b3)), 2)
    x = torch.tanh(F.conv2d(x, c5.view(120, 16, 5, 5), b5))  # C5 as the paper has it: a convolution
    return torch.tanh(x[:, :, 0, 0] @ f6.T + b6) @ w.T + b


def norm_relu_by_hand(x: Tensor, *norm: Tensor) -> Tensor:
    gain, shift, mean, variance = (value.view(-1, 1, 1) for value in norm)
    return ((x - mean) / (variance + 1e-5).sqrt() * gain + shift).clamp(min=0)


def conv_bn_relu_by_hand(x: Tensor, kernel: Tensor, *norm: Tensor) -> Tensor:
    return norm_relu_by_hand(F.conv2d(x, kernel, padding=1), *norm)


def cifar_cnn_by_hand(x: Tensor) -> Tensor:
    *convolutions, w1, b1, w2, b2 = weights("cifar_cnn")
    for i in range(0, 30, 10):
        x = conv_bn_relu_by_hand(x, *convolutions[i : i + 5])
        x = F.max_pool2d(conv_bn_relu_by_hand(x, *convolutions[i + 5 : i + 10]), 2)
    return (x.flatten(1) @ w1.T + b1).clamp(min=0) @ w2.T + b2


def bn_gap_cnn_by_hand(x: Tensor) -> Tensor:
    *convolutions, w, b = weights("bn_gap_cnn")
    x = F.max_pool2d(conv_bn_relu_by_hand(x, *convolutions[0:5]), 2)
    x = F.max_pool2d(conv_bn_relu_by_hand(x, *convolutions[5:10]), 2)
    return conv_bn_relu_by_hand(x, *convolutions[10:15]).mean((2, 3)) @ w.T + b


def cosine_cnn_by_hand(x: Tensor) -> Tensor:
    patterns, stem_mean, stem_variance, k1, *norm1, k2, g2, s2, m2, v2, w, b = weights("cosine_cnn")
    x = F.conv2d(x, patterns, stride=2, padding=2)
    x = norm_relu_by_hand(x, torch.ones(32), torch.zeros(32), stem_mean, stem_variance)
    x = norm_relu_by_hand(F.max_pool2d(F.conv2d(x, k1, padding=1), 2), *norm1)
    x = norm_relu_by_hand(F.max_pool2d(F.conv2d(x, k2, padding=1), 2), g2, s2, m2, v2)
    return x.flatten(1) @ w.T + b


def dense_cnn_by_hand(x: Tensor) -> Tensor:
    values = iter(weights("dense_cnn"))

    def norm_relu(x: Tensor) -> Tensor:
        return norm_relu_by_hand(x, *(next(values) for _ in range(4)))

    x = F.conv2d(x, next(values), padding=1)
    for block in range(3):
        if block > 0:
            x = F.avg_pool2d(F.conv2d(norm_relu(x), next(values)), 2)
        for _ in range(7):
            new = F.conv2d(norm_relu(x), next(values))
            x = torch.cat((x, F.conv2d(norm_relu(new), next(values), padding=1)), 1)
    return norm_relu(x).mean((2, 3)) @ next(values).T + next(values)


def residual_cnn_by_hand(x: Tensor) -> Tensor:
    *convolutions, w, b = weights("residual_cnn")
    x = conv_bn_relu_by_hand(x, *convolutions[0:5])
    for i in (5, 20):
        kernel, *norm = convolutions[i : i + 5]
        x = norm_relu_by_hand(F.max_pool2d(F.conv2d(x, kernel, padding=1), 2), *norm)
        inner = conv_bn_relu_by_hand(x, *convolutions[i + 5 : i + 10])
        x = x + conv_bn_relu_by_hand(inner, *convolutions[i + 10 : i + 15])
    return x.amax((2, 3)) @ w.T + b


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("bn_gap_cnn", bn_gap_cnn_by_hand),
        ("cifar_cnn", cifar_cnn_by_hand),
        ("cosine_cnn", cosine_cnn_by_hand),
        ("dense_cnn", dense_cnn_by_hand),
        ("digit_cnn", digit_cnn_by_hand),
        ("digit_cnn_strided", digit_cnn_strided_by_hand),
        ("lenet5", lenet5_by_hand),
        ("residual_cnn", residual_cnn_by_hand),
    ],
)
@torch.no_grad()
def test_logits_equal_the_arithmetic_by_hand(name, by_hand):
    """There is no adaptive pool by hand: at the native size it must do nothing."""
    torch.testing.assert_close(native(name)(image(name)), by_hand(image(name)))
