"""ViT: a transformer encoder on the sequence of image patches and a class token.

Dosovitskiy et al., "An image is worth 16x16 words: transformers for image recognition at scale", ICLR 2021, arXiv:2010.11929.
Ti and S are of Touvron et al., "Training data-efficient image transformers", ICML 2021, arXiv:2012.12877, and of Steiner et
al., "How to train your ViT?", TMLR 2022, arXiv:2106.10270.
Weights are torchvision's; timm's load too. Initialization is torchvision's, of Ti and S as well: patch embedding from a
normal with variance 1 / fan_in, attention and MLP Glorot uniform (the projection after attention PyTorch's default),
position embeddings from a normal with std 0.02, class token and classifier zero, as in the authors' code; timm draws all
linear layers from a normal with std 0.02. Dropout is where the paper has it, but 0 by default: the paper has 0.1 on ImageNet.
Below 128 pixels patches have half the side, below 64 a quarter. Position embeddings are interpolated to other grids.

    3x224x224 -> 16x16 patches -> 768x14x14 and a class token of 768 -> 12 blocks, 4 stages of 3 -> class token -> 1000

               patch  blocks  heads  width
    vit_ti_16   16      12      3      192     5,717,416 parameters
    vit_s_16    16      12      6      384    22,050,664 parameters
    vit_b_16    16      12     12      768    86,567,656 parameters
    vit_b_32    32      12     12      768    88,224,232 parameters
    vit_l_16    16      24     16     1024   304,326,632 parameters
    vit_l_32    32      24     16     1024   306,535,400 parameters
    vit_h_14    14      32     16     1280   632,045,800 parameters
"""

from math import isqrt, sqrt
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import Network


@final
class Tokens(NamedTuple):
    """The patch tokens on their grid, and the class token."""

    grid: Tensor  # B C h w
    class_token: Tensor  # B 1 C

    def sequence(self) -> Tensor:  # B 1+hw C
        return torch.cat([self.class_token, self.grid.flatten(2).transpose(1, 2)], dim=1)


def tokens(sequence: Tensor, height: int, width: int) -> Tokens:
    return Tokens(sequence[:, 1:].transpose(1, 2).unflatten(2, (height, width)), sequence[:, :1])


@final
class SelfAttention(nn.Module):
    """Multi-head self-attention.

    Vaswani et al., "Attention is all you need", NeurIPS 2017, arXiv:1706.03762.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj = nn.Linear(width, 3 * width)  # queries, keys, values
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj.weight)
        nn.init.zeros_(self.in_proj.bias)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor) -> Tensor:  # B N C
        query, key, value = self.in_proj(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(query, key, value)  # B heads N C/heads
        x = x.permute(2, 0, 1, 3).flatten(2)  # N B C in memory: dropout then draws in torchvision's order
        return self.out_proj(x).transpose(0, 1)


@final
class Block(nn.Module):
    """Self-attention and an MLP, each with a layer norm before it and a shortcut around it."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.self_attention = SelfAttention(width, heads)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        widen, narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for layer in (widen, narrow):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.bias, std=1e-6)
        self.mlp = nn.Sequential(widen, nn.GELU(), nn.Dropout(dropout), narrow, nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:  # B N C
        x = x + self.dropout(self.self_attention(self.ln_1(x)))
        return x + self.mlp(self.ln_2(x))


@final
class Stage(nn.Module):
    """A quarter of the blocks."""

    def __init__(self, depth: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(depth)))

    def forward(self, x: Tokens) -> Tokens:
        return tokens(self.blocks(x.sequence()), *x.grid.shape[2:])


def interpolated(positions: Tensor, height: int, width: int) -> Tensor:
    """Position embeddings, 1 1+n*n C, for a grid of another height and width; that of the class token stays."""
    side = isqrt(positions.shape[1] - 1)
    old = tokens(positions, side, side)
    if old.grid.shape[2:] == (height, width):
        return positions
    grid = F.interpolate(old.grid.float(), (height, width), mode="bicubic", antialias=True)
    return Tokens(grid.to(positions.dtype), old.class_token).sequence()


@final
class ViT(Network):
    input_layers = ("conv_proj",)
    classifier_layers = ("classifier",)

    def __init__(
        self, patch: int, depth: int, heads: int, width: int, *, classes: int, channels: int, size: int, dropout: float
    ) -> None:
        super().__init__()
        self.patch = patch if size >= 128 else patch // 2 if size >= 64 else patch // 4
        self.side = max(1, size // self.patch)  # of the grid of position embeddings
        self.widths, self.strides, self.min_size = (width,) * 4, (self.patch,) * 4, self.patch
        self.key_map = (
            (r"^encoder\.layers\.encoder_layer_", "blocks."),  # torchvision's, then timm's
            (r"^encoder\.", ""),
            (r"\.mlp\.linear_(\d)\.", r".mlp.fc\1."),  # torchvision's oldest files
            (r"^heads\.head\.", "classifier."),
            (r"^cls_token$", "class_token"),
            (r"^pos_embed$", "pos_embedding"),
            (r"^patch_embed\.proj\.", "conv_proj."),
            (r"^norm\.", "ln."),
            (r"^head\.", "classifier."),
            (r"\.norm(\d)\.", r".ln_\1."),
            (r"\.attn\.qkv\.", ".self_attention.in_proj."),
            (r"\.attn\.proj\.", ".self_attention.out_proj."),
            (r"\.in_proj_", ".in_proj."),
            (r"\.mlp\.fc1\.", ".mlp.0."),
            (r"\.mlp\.fc2\.", ".mlp.3."),
            *((rf"^blocks\.{i}\.", f"stage{4 * i // depth + 1}.blocks.{i % (depth // 4)}.") for i in range(depth)),
        )
        self.conv_proj = nn.Conv2d(channels, width, kernel_size=self.patch, stride=self.patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embedding = nn.Parameter(torch.empty(1, 1 + self.side**2, width).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        self.stage1, self.stage2, self.stage3, self.stage4 = (
            Stage(depth // 4, width, heads, dropout) for _ in range(4)
        )
        self.ln = nn.LayerNorm(width, eps=1e-6)
        self.classifier = nn.Linear(width, classes)
        nn.init.trunc_normal_(self.conv_proj.weight, std=1 / sqrt(channels * self.patch**2))
        for zero in (self.conv_proj.bias, self.classifier.weight, self.classifier.bias):
            if zero is not None:
                nn.init.zeros_(zero)

    def stem(self, x: Tensor) -> Tokens:
        grid = self.conv_proj(x)  # B C h w: a linear layer on the pixels of each patch
        height, width = grid.shape[2:]
        sequence = Tokens(grid, self.class_token.expand(x.shape[0], -1, -1)).sequence()
        return tokens(self.dropout(sequence + interpolated(self.pos_embedding, height, width)), height, width)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4

    def head(self, x: Tokens) -> Tensor:
        return self.classifier(self.ln(x.class_token[:, 0]))

    def to_feature_map(self, x: Tokens) -> Tensor:
        return x.grid

    def convert_state_dict(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Interpolate the position embeddings of another grid.

        For smaller patches the kernel is summed: its response to an image is that of the published kernel to the image enlarged.
        """
        own = dict(weights)
        positions, kernel = weights.get("pos_embedding"), weights.get("conv_proj.weight")
        if (
            positions is not None
            and positions.ndim == 3
            and isqrt(positions.shape[1] - 1) ** 2 == positions.shape[1] - 1
        ):
            own["pos_embedding"] = interpolated(positions, self.side, self.side)
        if kernel is not None and kernel.ndim == 4 and kernel.shape[-1] != self.patch:
            area = (kernel.shape[-1] / self.patch) ** 2
            own["conv_proj.weight"] = F.adaptive_avg_pool2d(kernel, self.patch) * area
        return own


def vit_ti_16(*, classes: int, channels: int, size: int, dropout: float = 0.0) -> ViT:
    return ViT(16, 12, 3, 192, classes=classes, channels=channels, size=size, dropout=dropout)


def vit_s_16(*, classes: int, channels: int, size: int, dropout: float = 0.0) -> ViT:
    return ViT(16, 12, 6, 384, classes=classes, channels=channels, size=size, dropout=dropout)


def vit_b_16(*, classes: int, channels: int, size: int, dropout: float = 0.0) -> ViT:
    return ViT(16, 12, 12, 768, classes=classes, channels=channels, size=size, dropout=dropout)


def vit_b_32(*, classes: int, channels: int, size: int, dropout: float = 0.0) -> ViT:
    return ViT(32, 12, 12, 768, classes=classes, channels=channels, size=size, dropout=dropout)


def vit_l_16(*, classes: int, channels: int, size: int, dropout: float = 0.0) -> ViT:
    return ViT(16, 24, 16, 1024, classes=classes, channels=channels, size=size, dropout=dropout)


def vit_l_32(*, classes: int, channels: int, size: int, dropout: float = 0.0) -> ViT:
    return ViT(32, 24, 16, 1024, classes=classes, channels=channels, size=size, dropout=dropout)


def vit_h_14(*, classes: int, channels: int, size: int, dropout: float = 0.0) -> ViT:
    return ViT(14, 32, 16, 1280, classes=classes, channels=channels, size=size, dropout=dropout)
