"""The table of all networks: file, paper, input, parameters, multiply-accumulates and accuracy.

One entry a paper, one row a network. Parameters and MACs are those of the network with the channels, size and classes that
it was made for; the tests count them again. `top1` is the accuracy in percent on ImageNet's validation images of the
weights that `weights="imagenet"` loads, or else as timm, the authors' repository or the paper give it (for MobileNet v1
below full width, GhostNet 0.5 and 1.3 and CBAM, as other sites quote it).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

__all__ = ["NETWORKS", "Entry"]


@final
@dataclass(frozen=True)
class Entry:
    """A network of the table."""

    module: str  # the file in this folder; its function has the network's name
    year: int
    idea: str  # in a few words
    paper: str
    channels: int  # of the images it was made for
    size: int  # their height and width, pixels
    classes: int
    parameters: int
    macs: int  # multiply-accumulates for one image
    top1: float | None
    dense: bool = False  # a class for each pixel, not for the image
    trunk: str = ""  # of a dense network: the network of the table whose published weights it starts from


@final
@dataclass(frozen=True)
class Row:
    parameters: int
    macs: int
    top1: float | None = None
    size: int = 224
    channels: int = 3
    classes: int = 1000
    trunk: str = ""


@final
@dataclass(frozen=True)
class Paper:
    module: str
    year: int
    idea: str
    source: str
    networks: Mapping[str, Row]
    dense: bool = False


PAPERS: Final = (
    Paper(
        "lenet",
        1998,
        "5x5 convolutions, tanh, avg pooling",
        "LeCun et al., Proc. IEEE",
        {
            "lenet5": Row(61_706, 416_520, size=28, channels=1, classes=10),
        },
    ),
    Paper(
        "alexnet",
        2012,
        "deep, ReLU, dropout, on GPUs",
        "Krizhevsky et al., arXiv:1404.5997",
        {
            "alexnet": Row(61_100_840, 714_188_480, 56.52),
        },
    ),
    Paper(
        "digit_cnn",
        2012,
        "convolution, ReLU, max pooling",
        "after Krizhevsky et al., NeurIPS",
        {
            "digit_cnn": Row(110_474, 3_106_176, size=28, channels=1, classes=10),
        },
    ),
    Paper(
        "digit_cnn",
        2014,
        "strides in place of pooling",
        "Springenberg et al., arXiv:1412.6806",
        {
            "digit_cnn_strided": Row(159_626, 1_073_952, size=28, channels=1, classes=10),
        },
    ),
    Paper(
        "nin",
        2013,
        "an MLP at every position",
        "Lin et al., arXiv:1312.4400",
        {
            "nin": Row(966_986, 222_486_528, size=32, classes=10),
        },
    ),
    Paper(
        "vgg",
        2014,
        "only 3x3 convolutions, deep",
        "Simonyan & Zisserman, arXiv:1409.1556",
        {
            "vgg11": Row(132_863_336, 7_609_090_048, 69.02),
            "vgg11_bn": Row(132_868_840, 7_609_090_048, 70.37),
            "vgg13": Row(133_047_848, 11_308_466_176, 69.93),
            "vgg13_bn": Row(133_053_736, 11_308_466_176, 71.59),
            "vgg16": Row(138_357_544, 15_470_264_320, 71.59),
            "vgg16_bn": Row(138_365_992, 15_470_264_320, 73.36),
            "vgg19": Row(143_667_240, 19_632_062_464, 72.38),
            "vgg19_bn": Row(143_678_248, 19_632_062_464, 74.22),
        },
    ),
    Paper(
        "googlenet",
        2014,
        "inception modules of four branches",
        "Szegedy et al., arXiv:1409.4842",
        {
            "googlenet": Row(13_004_888, 1_498_376_192, 69.78),
        },
    ),
    Paper(
        "cifar_cnn",
        2014,
        "3x3 pairs, batch norm, dropout",
        "after VGG, arXiv:1409.1556",
        {
            "cifar_cnn": Row(3_249_098, 154_866_688, size=32, classes=10),
        },
    ),
    Paper(
        "bn_gap_cnn",
        2015,
        "global average pooling",
        "after NiN, arXiv:1312.4400",
        {
            "bn_gap_cnn": Row(94_762, 10_323_200, size=32, classes=10),
        },
    ),
    Paper(
        "inception",
        2015,
        "factorized convolutions",
        "Szegedy et al., arXiv:1512.00567",
        {
            "inception_v3": Row(27_161_264, 5_713_216_096, 77.29, size=299),
        },
    ),
    Paper(
        "resnet",
        2015,
        "blocks add a residual to their input",
        "He et al., arXiv:1512.03385",
        {
            "resnet18": Row(11_689_512, 1_814_073_344, 69.76),
            "resnet34": Row(21_797_672, 3_663_761_408, 73.31),
            "resnet50": Row(25_557_032, 4_089_184_256, 80.86),
            "resnet101": Row(44_549_160, 7_801_405_440, 81.89),
            "resnet152": Row(60_192_808, 11_513_626_624, 82.28),
        },
    ),
    Paper(
        "cifar_resnet",
        2015,
        "ResNet for 32 pixels",
        "He et al., arXiv:1512.03385",
        {
            "cifar_resnet20": Row(269_722, 40_551_040, size=32, classes=10),
            "cifar_resnet32": Row(464_154, 68_862_592, size=32, classes=10),
            "cifar_resnet44": Row(658_586, 97_174_144, size=32, classes=10),
            "cifar_resnet56": Row(853_018, 125_485_696, size=32, classes=10),
            "cifar_resnet110": Row(1_727_962, 252_887_680, size=32, classes=10),
            "cifar_resnet1202": Row(19_421_274, 2_829_238_912, size=32, classes=10),
        },
    ),
    Paper(
        "preact_resnet",
        2016,
        "norm and ReLU before convolution",
        "He et al., arXiv:1603.05027",
        {
            "preact_resnet18": Row(11_687_720, 1_814_073_344, 73.57),
            "preact_resnet34": Row(21_795_880, 3_663_761_408, 77.63),
            "preact_resnet50": Row(25_549_352, 4_089_184_256, 80.41),
            "preact_resnet101": Row(44_541_480, 7_801_405_440, 82.04),
            "preact_resnet152": Row(60_185_128, 11_513_626_624),
        },
    ),
    Paper(
        "cifar_preact_resnet",
        2016,
        "norm and ReLU before convolution",
        "He et al., arXiv:1603.05027",
        {
            "cifar_preact_resnet110": Row(1_727_962, 252_887_680, size=32, classes=10),
            "cifar_preact_resnet164": Row(1_703_258, 244_500_992, size=32, classes=10),
            "cifar_preact_resnet1001": Row(10_327_706, 1_487_849_984, size=32, classes=10),
        },
    ),
    Paper(
        "wide_resnet",
        2016,
        "wider instead of deeper",
        "Zagoruyko & Komodakis, arXiv:1605.07146",
        {
            "wide_resnet50_2": Row(68_883_240, 11_398_021_120, 81.6),
            "wide_resnet101_2": Row(126_886_696, 22_753_050_624, 82.51),
            "cifar_wide_resnet16_8": Row(10_961_370, 1_548_145_664, size=32, classes=10),
            "cifar_wide_resnet28_10": Row(36_479_194, 5_243_328_768, size=32, classes=10),
            "cifar_wide_resnet40_4": Row(8_949_210, 1_298_582_016, size=32, classes=10),
        },
    ),
    Paper(
        "resnext",
        2016,
        "many narrow paths side by side",
        "Xie et al., arXiv:1611.05431",
        {
            "resnext50_32x4d": Row(25_028_904, 4_230_479_872, 81.2),
            "resnext101_32x8d": Row(88_791_336, 16_414_015_488, 82.83),
            "resnext101_64x4d": Row(83_455_272, 15_460_270_080, 83.25),
        },
    ),
    Paper(
        "densenet",
        2016,
        "all earlier maps into every layer",
        "Huang et al., arXiv:1608.06993",
        {
            "densenet121": Row(7_978_856, 2_834_161_664, 74.43),
            "densenet161": Row(28_681_000, 7_727_907_072, 77.14),
            "densenet169": Row(14_149_480, 3_359_843_328, 75.6),
            "densenet201": Row(20_013_928, 4_291_365_888, 76.9),
        },
    ),
    Paper(
        "dense_cnn",
        2016,
        "DenseNet-BC for 28 pixels",
        "after Huang et al., arXiv:1608.06993",
        {"dense_cnn": Row(98_718, 29_998_428, size=28, channels=1, classes=10)},
    ),
    Paper(
        "xception",
        2016,
        "depthwise convolutions for Inception",
        "Chollet, arXiv:1610.02357",
        {
            "xception": Row(22_855_952, 8_357_403_496, 79.06, size=299),
        },
    ),
    Paper(
        "squeezenet",
        2016,
        "1x1 before 3x3, 50 times smaller",
        "Iandola et al., arXiv:1602.07360",
        {
            "squeezenet1_0": Row(1_248_424, 818_924_576, 58.09),
            "squeezenet1_1": Row(1_235_496, 349_151_936, 58.18),
        },
    ),
    Paper(
        "mobilenet_v1",
        2017,
        "depthwise separable convolutions",
        "Howard et al., arXiv:1704.04861",
        {
            "mobilenet_v1_025": Row(470_072, 41_030_272, 50.6),
            "mobilenet_v1_050": Row(1_331_592, 149_497_088, 63.7),
            "mobilenet_v1_075": Row(2_585_560, 325_400_448, 68.4),
            "mobilenet_v1": Row(4_231_976, 568_740_352, 75.39),
        },
    ),
    Paper(
        "senet",
        2017,
        "squeeze-and-excitation",
        "Hu et al., arXiv:1709.01507",
        {
            "se_resnet18": Row(11_779_624, 1_814_161_408),
            "se_resnet34": Row(21_960_416, 3_663_920_128),
            "se_resnet50": Row(28_088_024, 4_091_699_200, 80.26),
            "se_resnet101": Row(49_326_872, 7_806_148_608, 78.25),
            "se_resnet152": Row(66_821_848, 11_520_204_800, 78.66),
        },
    ),
    Paper(
        "mobilenet_v2",
        2018,
        "inverted residuals",
        "Sandler et al., arXiv:1801.04381",
        {
            "mobilenet_v2": Row(3_504_872, 300_774_272, 72.15),
        },
    ),
    Paper(
        "shufflenet_v2",
        2018,
        "half the channels pass unchanged",
        "Ma et al., arXiv:1807.11164",
        {
            "shufflenet_v2_x0_5": Row(1_366_792, 40_476_448, 60.55),
            "shufflenet_v2_x1_0": Row(2_278_604, 144_907_992, 69.36),
            "shufflenet_v2_x1_5": Row(3_503_624, 295_759_392, 73.0),
            "shufflenet_v2_x2_0": Row(7_393_996, 583_253_464, 76.23),
        },
    ),
    Paper(
        "cbam",
        2018,
        "channel, then spatial attention",
        "Woo et al., arXiv:1807.06521",
        {
            "cbam_resnet18": Row(11_777_352, 1_815_063_764),
            "cbam_resnet34": Row(21_956_456, 3_665_434_742),
            "cbam_resnet50": Row(28_073_576, 4_095_573_110, 77.34),
            "cbam_resnet101": Row(49_295_628, 7_812_577_278),
        },
    ),
    Paper(
        "mnasnet",
        2018,
        "searched for latency on a phone",
        "Tan et al., arXiv:1807.11626",
        {
            "mnasnet0_5": Row(2_218_512, 104_455_968, 67.73),
            "mnasnet0_75": Row(3_170_208, 215_493_104, 71.18),
            "mnasnet1_0": Row(4_383_312, 314_415_872, 73.46),
            "mnasnet1_3": Row(6_282_256, 526_362_432, 76.51),
        },
    ),
    Paper(
        "cosine_cnn",
        2019,
        "frozen cosine filters first",
        "after Ulicny, arXiv:1905.00135",
        {
            "cosine_cnn_small": Row(29_402, 1_890_496, size=28, channels=1, classes=10),
            "cosine_cnn": Row(104_874, 7_393_664, size=28, channels=1, classes=10),
        },
    ),
    Paper(
        "residual_cnn",
        2018,
        "ResNet-9 for 28 pixels",
        "after Page, How to train your ResNet",
        {"residual_cnn": Row(99_282, 15_128_624, size=28, channels=1, classes=10)},
    ),
    Paper(
        "mobilenet_v3",
        2019,
        "searched, SE, hard-swish",
        "Howard et al., arXiv:1905.02244",
        {
            "mobilenet_v3_small": Row(2_542_856, 56_510_400, 67.67),
            "mobilenet_v3_large": Row(5_483_032, 216_589_760, 75.27),
        },
    ),
    Paper(
        "efficientnet",
        2019,
        "depth, width and size grow together",
        "Tan & Le, arXiv:1905.11946",
        {
            "efficientnet_b0": Row(5_288_548, 385_814_752, 77.69),
            "efficientnet_b1": Row(7_794_184, 686_802_832, 79.84, size=240),
            "efficientnet_b2": Row(9_109_994, 1_087_529_456, 80.61, size=288),
            "efficientnet_b3": Row(12_233_232, 1_827_141_392, 82.01, size=300),
            "efficientnet_b4": Row(19_341_616, 4_393_771_024, 83.38, size=380),
            "efficientnet_b5": Row(30_389_784, 10_266_384_752, 83.44, size=456),
            "efficientnet_b6": Row(43_040_704, 19_067_593_536, 84.01, size=528),
            "efficientnet_b7": Row(66_347_960, 37_745_884_192, 84.12, size=600),
        },
    ),
    Paper(
        "efficientnet_lite",
        2020,
        "EfficientNet for quantization",
        "TensorFlow's EfficientNet-Lite",
        {
            "efficientnet_lite0": Row(4_652_008, 385_187_552, 74.83),
            "efficientnet_lite1": Row(5_416_680, 600_185_232, 76.64, size=240),
            "efficientnet_lite2": Row(6_092_072, 859_736_272, 77.46, size=260),
        },
    ),
    Paper(
        "eca",
        2019,
        "channel attention by 1-D convolution",
        "Wang et al., arXiv:1910.03151",
        {
            "eca_resnet18": Row(11_689_548, 1_814_082_688),
            "eca_resnet34": Row(21_797_746, 3_663_779_904),
            "eca_resnet50": Row(25_557_118, 4_089_272_064, 77.48),
            "eca_resnet101": Row(44_549_331, 7_801_580_288, 78.65),
            "eca_resnet152": Row(60_193_064, 11_513_878_272, 78.92),
        },
    ),
    Paper(
        "ghostnet",
        2019,
        "half the maps from cheap filters",
        "Han et al., arXiv:1911.11907",
        {
            "ghostnet_050": Row(2_587_292, 42_328_152, 66.2),
            "ghostnet_100": Row(5_182_508, 141_150_512, 73.96),
            "ghostnet_130": Row(7_358_820, 227_003_256, 75.7),
        },
    ),
    Paper(
        "regnet",
        2020,
        "quantized linear widths",
        "Radosavovic et al., arXiv:2003.13678",
        {
            "regnet_x_400mf": Row(5_495_976, 413_812_608, 74.86),
            "regnet_x_800mf": Row(7_259_656, 799_699_712, 77.52),
            "regnet_x_1_6gf": Row(9_190_136, 1_602_849_792, 79.67),
            "regnet_x_3_2gf": Row(15_296_552, 3_176_621_952, 81.2),
            "regnet_x_8gf": Row(39_572_648, 7_995_132_416, 81.68),
            "regnet_x_16gf": Row(54_278_536, 15_940_755_456, 82.72),
            "regnet_x_32gf": Row(107_811_560, 31_735_929_792, 83.01),
            "regnet_y_400mf": Row(4_344_144, 401_842_848, 75.8),
            "regnet_y_800mf": Row(6_432_512, 833_856_256, 78.83),
            "regnet_y_1_6gf": Row(11_202_430, 1_612_076_160, 80.88),
            "regnet_y_3_2gf": Row(19_436_338, 3_176_482_752, 81.98),
            "regnet_y_8gf": Row(39_381_472, 8_473_070_592, 82.83),
            "regnet_y_16gf": Row(83_590_140, 15_911_510_272, 82.89),
            "regnet_y_32gf": Row(145_046_770, 32_279_552_832, 83.37),
        },
    ),
    Paper(
        "vit",
        2020,
        "self-attention over image patches",
        "Dosovitskiy et al., arXiv:2010.11929",
        {
            "vit_ti_16": Row(5_717_416, 1_253_683_200, 72.19),
            "vit_s_16": Row(22_050_664, 4_598_882_304, 79.86),
            "vit_b_16": Row(86_567_656, 17_563_828_224, 81.07),
            "vit_b_32": Row(88_224_232, 4_409_186_304, 75.91),
            "vit_l_16": Row(304_326_632, 61_554_712_576, 79.66),
            "vit_l_32": Row(306_535_400, 15_377_539_072, 76.97),
            "vit_h_14": Row(632_045_800, 167_295_109_120),
        },
    ),
    Paper(
        "repvgg",
        2021,
        "three branches fused into one",
        "Ding et al., arXiv:2101.03697",
        {
            "repvgg_a0": Row(9_108_968, 1_512_581_120, 72.43),
            "repvgg_a1": Row(14_092_264, 2_626_488_320, 74.47),
            "repvgg_a2": Row(28_210_600, 5_685_345_280, 76.49),
            "repvgg_b0": Row(15_817_960, 3_397_191_680, 75.16),
            "repvgg_b1": Row(57_415_016, 13_128_089_600, 78.37),
            "repvgg_b2": Row(89_022_376, 20_418_170_880, 78.79),
            "repvgg_b3": Row(123_085_288, 29_120_696_320, 80.53),
            "repvgg_b1g4": Row(39_966_056, 8_118_517_760, 77.61),
            "repvgg_b2g4": Row(61_758_376, 12_590_714_880, 79.4),
            "repvgg_b3g4": Row(83_825_128, 17_849_159_680, 80.22),
        },
    ),
    Paper(
        "swin",
        2021,
        "self-attention in shifted windows",
        "Liu et al., arXiv:2103.14030",
        {
            "swin_t": Row(28_288_354, 4_490_566_656, 81.47),
            "swin_s": Row(49_606_258, 8_740_875_264, 83.2),
            "swin_b": Row(87_768_224, 15_430_946_816, 83.58),
        },
    ),
    Paper(
        "convnext",
        2022,
        "a ResNet modernized like Swin",
        "Liu et al., arXiv:2201.03545",
        {
            "convnext_tiny": Row(28_589_128, 4_455_531_264, 82.52),
            "convnext_small": Row(50_223_688, 8_683_712_256, 83.62),
            "convnext_base": Row(88_591_464, 15_354_729_472, 84.06),
            "convnext_large": Row(197_767_336, 34_361_433_600, 84.41),
        },
    ),
    Paper(
        "fcn",
        2014,
        "every position classified",
        "Long et al., arXiv:1411.4038",
        {
            "fcn_resnet50": Row(35_322_218, 142_725_772_800, size=520, classes=21, trunk="resnet50"),
            "fcn_resnet101": Row(54_314_346, 222_746_867_200, size=520, classes=21, trunk="resnet101"),
        },
        dense=True,
    ),
    Paper(
        "unet",
        2015,
        "decoder with skips of each size",
        "Ronneberger et al., arXiv:1505.04597",
        {
            "unet_small": Row(1_942_917, 763_363_328, size=128, classes=21),
            "unet": Row(31_030_658, 238_460_185_600, size=572, channels=1, classes=2),
        },
        dense=True,
    ),
    Paper(
        "unet_half",
        2015,
        "U-Net without its slow maps of full size",
        "after Ronneberger et al., arXiv:1505.04597",
        {"unet_half": Row(1_427_365, 648_544_256, size=128, classes=21)},
        dense=True,
    ),
    Paper(
        "deeplab_v3",
        2017,
        "dilated convolutions side by side",
        "Chen et al., arXiv:1706.05587",
        {
            "deeplab_v3_resnet50": Row(42_004_074, 168_731_205_888, size=520, classes=21, trunk="resnet50"),
            "deeplab_v3_resnet101": Row(60_996_202, 248_752_300_288, size=520, classes=21, trunk="resnet101"),
        },
        dense=True,
    ),
    Paper(
        "unet_encoder",
        2018,
        "U-Net on a pretrained trunk",
        "Iglovikov & Shvets, arXiv:1801.05746",
        {
            "unet_mobilenet_v2": Row(4_007_845, 2_941_313_024, size=256, classes=21, trunk="mobilenet_v2"),
            "unet_efficientnet_lite0": Row(5_201_061, 3_070_441_472, size=256, classes=21, trunk="efficientnet_lite0"),
            "unet_resnet18": Row(14_312_677, 5_284_823_040, size=256, classes=21, trunk="resnet18"),
            "unet_resnet34": Row(24_420_837, 7_700_742_144, size=256, classes=21, trunk="resnet34"),
            "unet_resnet50": Row(32_505_573, 10_519_314_432, size=256, classes=21, trunk="resnet50"),
        },
        dense=True,
    ),
    Paper(
        "deeplab_v3_plus",
        2018,
        "DeepLab v3 with a decoder",
        "Chen et al., arXiv:1802.02611",
        {
            "deeplab_v3_plus_mobilenet_v2": Row(5_816_053, 26_937_170_752, size=513, classes=21, trunk="mobilenet_v2"),
            "deeplab_v3_plus_resnet50": Row(40_352_181, 72_194_808_256, size=513, classes=21, trunk="resnet50"),
        },
        dense=True,
    ),
)

NETWORKS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        name: Entry(
            paper.module,
            paper.year,
            paper.idea,
            paper.source,
            row.channels,
            row.size,
            row.classes,
            row.parameters,
            row.macs,
            row.top1,
            paper.dense,
            row.trunk,
        )
        for paper in PAPERS
        for name, row in paper.networks.items()
    }
)
