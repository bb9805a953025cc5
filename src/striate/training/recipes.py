"""The named recipes, each with what it is for, the result that it reached and the time that it took."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from striate.errors import SettingError, nearest
from striate.training.recipe import NamedRecipe, Recipe, without_own_defaults
from striate.training.recipe_file import read_toml

# What digits have in common: short steps with strong weight decay, and a linear fall to nothing.
_DIGITS = {
    "batch_size": 128,
    "optimizer": "adamw",
    "lr": 0.01,
    "beta1": 0.8,
    "beta2": 0.95,
    "weight_decay": 0.5,
    "schedule": "linear",
    "warmup": 0.1,
    "label_smoothing": 0.1,
    "val": 1 / 60,
    "keep": "last",
}

# Chosen on 5,000 held-out training images of Fashion-MNIST.
_FASHION = {
    "optimizer": "adamw",
    "lr": 0.01,
    "weight_decay": 0.05,
    "schedule": "linear",
    "warmup": 0.2,
    "label_smoothing": 0.1,
    "val": 1 / 60,
    "keep": "last",
}

_NAMED = (
    NamedRecipe(
        "mnist-fast",
        {**_DIGITS, "model": "cosine_cnn_small", "epochs": 1},
        purpose="MNIST in one epoch",
        reaches="99.27 % (mean of 10 seeds), 6.9 s in all on two cores with bfloat16",
    ),
    NamedRecipe(
        "mnist",
        {**_DIGITS, "model": "cosine_cnn", "epochs": 3, "shift": 1 / 28},
        purpose="MNIST; the default for digits and small gray images in idx files",
        reaches="99.55 % (mean of 10 seeds), 20 s in all on two cores with bfloat16",
    ),
    NamedRecipe(
        "mnist-best",
        {**_DIGITS, "model": "cosine_cnn", "epochs": 12, "augment": "digits"},
        purpose="MNIST, for the highest accuracy",
        reaches="99.61 % (mean of 5 seeds), 70 s in all on two cores with bfloat16",
    ),
    NamedRecipe(
        "fashion",
        {**_FASHION, "model": "residual_cnn", "epochs": 10, "batch_size": 128},
        purpose="Fashion-MNIST",
        reaches="94.0 % (mean of 2 seeds, 99,282 parameters), 440 s of CPU time with bfloat16",
    ),
    NamedRecipe(
        "fashion-best",
        {
            **_FASHION,
            "model": "dense_cnn",
            "epochs": 60,
            "batch_size": 256,
            "ema": 0.999,
            "flip": True,
            "shift": 2 / 28,
            "tta": "flip",  # for a network that was trained with flips: without them it loses accuracy
        },
        purpose="Fashion-MNIST, for the highest accuracy",
        reaches="95.3 % of 5,000 held-out images without tta (1 run on a GPU, 98,718 parameters), not measured on the test images",
    ),
    NamedRecipe(
        "photos",
        {
            "model": "efficientnet_lite0",
            "weights": "imagenet",
            "freeze": "auto",
            # the statistics of batches of 16 images, and larger steps, first undo what the weights know
            "freeze_batch_norm": True,
            "layer_decay": 0.65,
            "epochs": 6,
            "batch_size": 16,
            "keep": "auto",
            "optimizer": "adamw",
            "lr": 0.0007,
            "weight_decay": 0.05,
            "schedule": "one_cycle",
            "label_smoothing": 0.1,
            "fit": "contain",
            "augment": "default",
            "crop": 0.6,
            # depthwise convolutions take longer in bfloat16 on a CPU: a step 1.3 times as long
            "precision": "float32",
        },
        purpose="color photographs, from ImageNet weights; the default for color images",
        reaches="82.3 % (5 folds of 485 drawings and photographs in 8 classes that chose it, 315 for training), 83 s on two cores",
    ),
    NamedRecipe(
        "photos-from-scratch",
        {
            "model": "resnet18",
            "epochs": 30,
            "batch_size": 32,
            "optimizer": "adamw",
            "lr": 0.002,
            "weight_decay": 0.05,
            "schedule": "one_cycle",
            "label_smoothing": 0.1,
            "augment": "default",
        },
        purpose="any images, from random weights; the default where `photos` does not fit",
        reaches="not measured: no set of photographs is inside",
    ),
    NamedRecipe(
        # CheXNet: Rajpurkar et al., 2017, arXiv:1711.05225, section 2.1
        "chexnet",
        {
            "model": "densenet121",
            "weights": "imagenet",
            "freeze": "none",
            "size": 224,
            "epochs": 20,
            "batch_size": 16,
            "optimizer": "adam",
            "lr": 0.001,
            "schedule": "plateau",
            "decay": 0.1,
            "loss": "bce",
            "balance": "weights",
            "flip": True,
        },
        purpose="chest radiographs with several labels, from ImageNet weights",
        reaches="not measured: no chest radiographs are inside; 84.1 % mean AUROC of 14 findings in the paper",
    ),
    NamedRecipe(
        "masks",
        {
            "model": "unet_efficientnet_lite0",
            "weights": "imagenet",
            "epochs": 20,
            "batch_size": 8,
            "optimizer": "adamw",
            "lr": 0.001,
            "weight_decay": 0.05,
            "schedule": "one_cycle",
            "fit": "contain",
            "augment": "default",
        },
        purpose="color photographs with masks, from ImageNet weights; the default for these",
        reaches="not measured: no set of photographs with masks is inside",
    ),
    NamedRecipe(
        "masks-from-scratch",
        {
            "model": "unet_half",
            "epochs": 12,
            "batch_size": 8,
            "optimizer": "muon",
            "lr": 0.01,
            "weight_decay": 0.01,
            "schedule": "one_cycle",
            "warmup": 0.1,
            "fit": "contain",
        },
        purpose="any images with masks, from random weights; the default where `masks` does not fit",
        reaches="mean IoU of 69.5 % on mnist-scenes-segment:6000 in 4 epochs (1 run), 905 s of CPU time with bfloat16",
    ),
    NamedRecipe(
        "cifar10",
        {
            "model": "cifar_cnn",
            "epochs": 50,
            "batch_size": 128,
            "optimizer": "adam",
            "lr": 0.001,
            "schedule": "plateau",
            "decay": 0.5,
            "augment": "cifar",
            "rotate": 15.0,
            "brightness": 0.1,
            "contrast": 0.1,
            "val": 0.1,
        },
        purpose="CIFAR-10",
        reaches="not measured: CIFAR-10 is not inside; the known result of this network and schedule is 85-90 % in 50 epochs",
    ),
)

RECIPES: Mapping[str, NamedRecipe] = MappingProxyType({named.name: named for named in _NAMED})


def find_recipe(name: str) -> NamedRecipe:
    """The recipe of this name, or the one in the TOML file of this path."""
    if name in RECIPES:
        return RECIPES[name]
    if name.endswith(".toml"):
        settings = without_own_defaults(*read_toml(Path(name)))
        try:
            Recipe.of(**settings)
        except SettingError as error:
            raise SettingError(f"{name}: {error}") from None
        return NamedRecipe(name, settings, reaches="")
    raise SettingError(f"no recipe is called {name!r}, and a file of settings ends in .toml{nearest(name, RECIPES)}")
