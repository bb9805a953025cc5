"""Networks that classify as trunks of dense ones: without their head, and with dilation in place of their last strides."""

from torch import nn

from striate.models.blocks import Network

__all__ = ["dilate", "without_head"]


def without_head(network: Network, *layers: str) -> Network:
    """The network with identities in the place of its head's layers, which as those of a trunk would get no gradient."""
    for layer in layers:
        network.set_submodule(layer, nn.Identity())
    network.removed_layers = layers
    network.classifier_layers = ()
    return network


def dilate(network: Network, stride: int) -> Network:
    """The network with no stage coarser than `stride`: later strides become 1, and the dilation of what follows doubles.

    Chen, Papandreou, Kokkinos, Murphy, Yuille, "Semantic image segmentation with deep convolutional nets, atrous
    convolution and fully connected CRFs", 2014, arXiv:1412.7062. The shapes of the weights stay, so published weights
    fit. As in torchvision, the first block of a stage has the dilation of the stage before.
    """
    before = 1
    for stage, its in zip(network.stages(), network.strides, strict=True):
        dilation = max(its // stride, 1)
        for i, block in enumerate(stage.children()):
            for layer in block.modules():
                if isinstance(layer, nn.Conv2d) and dilation > 1:
                    rate = dilation if i else before
                    layer.stride = (1, 1)
                    layer.dilation = (rate, rate)
                    layer.padding = tuple(rate * (size // 2) for size in layer.kernel_size)
        before = dilation
    network.strides = tuple(min(its, stride) for its in network.strides)
    return network
