"""Swin: self-attention within local windows, which are shifted in every other block to connect neighboring windows.

Liu et al., "Swin Transformer: hierarchical vision transformer using shifted windows", ICCV 2021, arXiv:2103.14030.
Weights are torchvision's. Initialization and stochastic depth are torchvision's too: linear layers and relative position
biases from a normal with std 0.02, truncated at 2 (which has no effect), biases 0, PyTorch's default for the patch
embedding. The probability of stochastic depth grows linearly from 0 to 0.2, 0.3, 0.5, as in the paper's training on
ImageNet-1K.
For images below 128 pixels the patches have 2x2 pixels, below 64 they are single pixels.

    3x224x224 -> 4x4 patches -> 96x56x56 -> 192x28x28 -> 384x14x14 -> 768x7x7 -> mean -> 1000
    swin_b: 4/3 times as wide

    swin_t   28,288,354 parameters
    swin_s   49,606,258 parameters
    swin_b   87,768,224 parameters
"""

from typing import Final, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import Network, StochasticDepth

WINDOW: Final = 7  # patches along the side of a window, in every stage
HEAD_WIDTH: Final = 32


@final
class PatchEmbedding(nn.Module):
    """A linear projection of the pixels of each patch. From here on the channels are last."""

    def __init__(self, channels: int, width: int, side: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, width, kernel_size=side, stride=side)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B h w C
        return self.norm(self.project(x).permute(0, 2, 3, 1))


@final
class PatchMerging(nn.Module):
    """Concatenates 2x2 neighboring patches and projects them to twice the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # B h w C
        x = padded(x, 2)
        four = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(four, dim=3)))


def padded(x: Tensor, multiple: int) -> Tensor:
    """Pad with zeros below and to the right, so that `multiple` divides height and width."""
    _, height, width, _ = x.shape
    below, right = -height % multiple, -width % multiple
    return F.pad(x, (0, 0, 0, right, 0, below)) if below or right else x


def window_partition(x: Tensor) -> Tensor:
    """B h w C -> B n 49 C: the patches of each window, row by row."""
    batch, height, width, channels = x.shape
    rows = x.reshape(batch, height // WINDOW, WINDOW, width // WINDOW, WINDOW, channels)
    return rows.transpose(2, 3).reshape(batch, -1, WINDOW * WINDOW, channels)


def window_reverse(x: Tensor, height: int, width: int) -> Tensor:
    """The inverse of `window_partition`: B n 49 C -> B h w C."""
    rows = x.view(x.shape[0], height // WINDOW, width // WINDOW, WINDOW, WINDOW, x.shape[3])
    return rows.transpose(2, 3).reshape(x.shape[0], height, width, x.shape[3])


def attention_mask(height: int, width: int, down: int, right: int, device: torch.device) -> Tensor:
    """n 1 49 49: -100, which gives an attention weight of 0, between patches of a window that are not adjacent in the image.

    The cyclic shift by `down` and `right` patches moves the first rows and columns behind the last ones, into their windows.
    """
    rows = torch.arange(height, device=device) >= height - down
    columns = torch.arange(width, device=device) >= width - right
    regions = window_partition((2 * rows[:, None] + columns)[None, :, :, None])[0]  # n 49 1
    return -100.0 * (regions != regions.transpose(1, 2))[:, None]


@final
class WindowAttention(nn.Module):
    """Multi-head self-attention within (shifted) windows, with a relative position bias."""

    def __init__(self, width: int, shift: int) -> None:
        super().__init__()
        self.heads, self.shift = width // HEAD_WIDTH, shift
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        offsets = 2 * WINDOW - 1  # relative positions along an axis: -6 to 6
        self.relative_position_bias_table = nn.Parameter(torch.empty(offsets**2, self.heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def relative_position_bias(self) -> Tensor:
        """Heads 49 49: for a query at (row, column) and a key at (r, c), the table's entry (row - r + 6, column - c + 6)."""
        offsets = 2 * WINDOW - 1
        table = self.relative_position_bias_table.view(offsets, offsets, self.heads)
        shifted = table.unfold(0, WINDOW, 1).unfold(1, WINDOW, 1)  # row column head 6-r 6-c
        return shifted.flip(3, 4).permute(2, 0, 1, 3, 4).reshape(self.heads, WINDOW**2, WINDOW**2)

    def forward(self, x: Tensor) -> Tensor:  # B h w C
        _, height, width, _ = x.shape
        x = padded(x, WINDOW)
        rows, columns = x.shape[1:3]
        down, right = (self.shift if side > WINDOW else 0 for side in (rows, columns))  # no shift with a single window
        shifted, bias = bool(down or right), self.relative_position_bias()
        if shifted:
            x = x.roll((-down, -right), (1, 2))
            bias = bias + attention_mask(rows, columns, down, right, x.device)
        query, key, value = self.qkv(window_partition(x)).unflatten(3, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        # Written out: with a trainable bias, scaled_dot_product_attention is slower in training.
        similarity = (query * HEAD_WIDTH**-0.5) @ key.transpose(3, 4)  # B n heads 49 49
        weights = (similarity + bias).softmax(dim=4)
        x = window_reverse(self.proj((weights @ value).transpose(2, 3).flatten(3)), rows, columns)
        if shifted:
            x = x.roll((down, right), (1, 2))
        return x[:, :height, :width]


@final
class Block(nn.Module):
    """(Shifted) window attention and an MLP, each with a layer norm before it and a shortcut around it."""

    def __init__(self, width: int, shift: int, drop: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, shift)
        self.drop1 = StochasticDepth(drop)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop2 = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:  # B h w C
        x = x + self.drop1(self.attn(self.norm1(x)))
        return x + self.drop2(self.mlp(self.norm2(x)))


@final
class Stage(nn.Module):
    """Patch embedding or merging, then the blocks; every other one has shifted windows."""

    def __init__(self, reduce: nn.Module, width: int, drops: list[float]) -> None:
        super().__init__()
        self.reduce = reduce
        self.blocks = nn.Sequential(*(Block(width, i % 2 * (WINDOW // 2), drop) for i, drop in enumerate(drops)))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.reduce(x))


@final
class Swin(Network):
    input_layers = ("stage1.reduce.project",)
    classifier_layers = ("classifier",)
    key_map = (
        (r"^features\.0\.0\.", "stage1.reduce.project."),
        (r"^features\.0\.2\.", "stage1.reduce.norm."),
        *((rf"^features\.{2 * i}\.", f"stage{i + 1}.reduce.") for i in range(1, 4)),
        *((rf"^features\.{2 * i + 1}\.", f"stage{i + 1}.blocks.") for i in range(4)),
        (r"\.mlp\.3\.", ".mlp.2."),
        (r"^head\.", "classifier."),
    )

    def __init__(
        self, depths: tuple[int, int, int, int], width: int, drop: float, *, classes: int, channels: int, size: int
    ) -> None:
        super().__init__()
        self.patch = 4 if size >= 128 else 2 if size >= 64 else 1
        self.widths = (width, 2 * width, 4 * width, 8 * width)
        self.strides = (self.patch, 2 * self.patch, 4 * self.patch, 8 * self.patch)
        self.min_size = self.patch  # patch merging pads
        total = sum(depths)
        drops = [[drop * i / (total - 1) for i in range(sum(depths[:n]), sum(depths[: n + 1]))] for n in range(4)]
        self.stage1 = Stage(PatchEmbedding(channels, width, self.patch), self.widths[0], drops[0])
        self.stage2 = Stage(PatchMerging(self.widths[0]), self.widths[1], drops[1])
        self.stage3 = Stage(PatchMerging(self.widths[1]), self.widths[2], drops[2])
        self.stage4 = Stage(PatchMerging(self.widths[2]), self.widths[3], drops[3])
        self.norm = nn.LayerNorm(self.widths[3])
        self.classifier = nn.Linear(self.widths[3], classes)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.norm(x).mean((1, 2)))

    def to_feature_map(self, x: Tensor) -> Tensor:
        return x.permute(0, 3, 1, 2)

    def convert_state_dict(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Drop the relative position index, which is computed here.

        For smaller patches the kernel is summed: its response to an image is that of the published kernel to the image enlarged.
        """
        own = {name: value for name, value in weights.items() if not name.endswith(".relative_position_index")}
        name = "stage1.reduce.project.weight"
        kernel = own.get(name)
        if kernel is not None and kernel.ndim == 4 and kernel.shape[-1] != self.patch:
            own[name] = F.adaptive_avg_pool2d(kernel, self.patch) * (kernel.shape[-1] / self.patch) ** 2
        return own


def swin_t(*, classes: int, channels: int, size: int) -> Swin:
    return Swin((2, 2, 6, 2), 96, 0.2, classes=classes, channels=channels, size=size)


def swin_s(*, classes: int, channels: int, size: int) -> Swin:
    return Swin((2, 2, 18, 2), 96, 0.3, classes=classes, channels=channels, size=size)


def swin_b(*, classes: int, channels: int, size: int) -> Swin:
    return Swin((2, 2, 18, 2), 128, 0.5, classes=classes, channels=channels, size=size)
