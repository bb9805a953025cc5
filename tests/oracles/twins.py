"""The independent implementation of each network that torchvision or timm has: how to build it, untrained."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

import timm
import torchvision.models
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn

from striate.models import NETWORKS

IN_TIMM: Final = {
    "ghostnet_050": "ghostnet_050",
    "ghostnet_100": "ghostnet_100",
    "ghostnet_130": "ghostnet_130",
    "mobilenet_v1": "mobilenetv1_100",
    "xception": "legacy_xception",
    **{f"preact_resnet{depth}": f"resnetv2_{depth}" for depth in (18, 34, 50, 101, 152)},
    **{f"se_resnet{depth}": f"seresnet{depth}" for depth in (18, 34, 50, 101, 152)},
    **{name: name for name in NETWORKS if name.startswith("repvgg")},
}


def with_attention(attention: str, depth: int) -> nn.Module:
    """timm's ResNet with an attention layer in each block, as its own builders make it."""
    block = BasicBlock if depth < 50 else Bottleneck
    layers = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}[depth]
    return ResNet(block, layers, block_args={"attn_layer": attention})


TWINS: Final[Mapping[str, Callable[[], nn.Module]]] = MappingProxyType(
    {
        **{
            name: partial(torchvision.models.get_model, name, weights=None)
            for name in NETWORKS
            if name in torchvision.models.list_models(torchvision.models) and name not in ("googlenet", "inception_v3")
        },
        **{
            name: partial(
                torchvision.models.get_model,
                name,
                weights=None,
                aux_logits=True,
                transform_input=False,
                init_weights=True,
            )
            for name in ("googlenet", "inception_v3")
        },
        **{name: partial(timm.create_model, theirs, pretrained=False) for name, theirs in IN_TIMM.items()},
        # torchvision names only the larger ones, and draws the initialization of all in the same way; timm does not.
        "vit_ti_16": partial(torchvision.models.VisionTransformer, 224, 16, 12, 3, 192, 768),
        "vit_s_16": partial(torchvision.models.VisionTransformer, 224, 16, 12, 6, 384, 1536),
        # The published weights are TensorFlow's, whose padding is not symmetric; timm has both kinds.
        **{
            f"efficientnet_lite{i}": partial(
                timm.create_model, f"tf_efficientnet_lite{i}", drop_rate=dropout, drop_path_rate=0.2
            )
            for i, dropout in enumerate((0.2, 0.2, 0.3))
        },
        **{f"eca_resnet{depth}": partial(with_attention, "eca", depth) for depth in (18, 34, 50, 101, 152)},
        **{f"cbam_resnet{depth}": partial(with_attention, "cbam", depth) for depth in (18, 34, 50, 101)},
    }
)
