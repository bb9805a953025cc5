"""The same augmentation of one uint8 batch by striate, torchvision v2, kornia and albumentations.

Every picture has random parameters of its own. torchvision's functions take one set of parameters a call, so they are called
for each picture, and so are albumentations'; kornia draws for each picture of a batch, and works on floats. Flip and affine
give pictures (uint8, or float where the library warps in float), colour gives normalized float32. striate writes floats
where earlier ones lay, as its batches do.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it asks the network for a newer version when it is imported

import albumentations as A
import cv2
import kornia.augmentation as K
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from striate.data.recycling import Recycled
from striate.views import Normalization, Policy, picture_means

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET = Normalization(MEAN, STD)
ANGLE, SHIFT, ZOOM, JITTER = 15.0, 0.1, 0.2, 0.4

Works = Mapping[str, Callable[[], object]]


@cache
def contenders(size: int, count: int) -> dict[str, Works]:
    """Operation -> contender -> the work, on a batch of `count` pictures of `size` pixels."""
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    coarse = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    pictures = np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in coarse])  # B H W C
    channels_last = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    planes = channels_last.contiguous()
    moving = {"degrees": ANGLE, "translate": (SHIFT, SHIFT), "scale": (1 - ZOOM, 1 + ZOOM)}
    jitter = (JITTER, JITTER, JITTER)
    bilinear = v2.InterpolationMode.BILINEAR
    return {
        "flip": {
            "striate": ours(channels_last, Policy(flip=True)),
            "torchvision v2": each(planes, v2.RandomHorizontalFlip()),
            "kornia": floats(planes, K.RandomHorizontalFlip()),
            "albumentations": each_array(pictures, A.HorizontalFlip(p=0.5)),
        },
        "affine": {
            "striate": ours(channels_last, Policy(rotate=ANGLE, shift=SHIFT, zoom=ZOOM)),
            "torchvision v2": each(planes, v2.RandomAffine(**moving, interpolation=bilinear)),
            "kornia": floats(planes, K.RandomAffine(**moving, p=1.0)),
            "albumentations": each_array(
                pictures, A.Affine(rotate=(-ANGLE, ANGLE), translate_percent=SHIFT, scale=(1 - ZOOM, 1 + ZOOM), p=1.0)
            ),
        },
        "colour": {
            "striate": recoloured(channels_last, Policy(brightness=JITTER, contrast=JITTER, saturation=JITTER)),
            "torchvision v2": each(
                planes,
                v2.Compose([v2.ColorJitter(*jitter), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]),
            ),
            "kornia": floats(planes, torch.nn.Sequential(K.ColorJitter(*jitter, p=1.0), K.Normalize(MEAN, STD))),
            "albumentations": each_array(
                pictures, A.Compose([A.ColorJitter(*jitter, hue=(0, 0), p=1.0), A.Normalize(MEAN, STD)])
            ),
        },
    }


def ours(pictures: Tensor, policy: Policy) -> Callable[[], object]:
    """The geometry, drawn anew each time."""
    ids, side, memory = torch.arange(len(pictures)), (pictures.shape[2], pictures.shape[3]), Recycled()

    def work() -> Tensor:
        view = policy.draw(ids, seed=0, epoch=0, picture=side, size=side, normalization=IMAGENET)
        return view.resample(pictures, memory.batch(len(ids), 3, side))

    return work


def recoloured(pictures: Tensor, policy: Policy) -> Callable[[], object]:
    ids, side, memory = torch.arange(len(pictures)), (pictures.shape[2], pictures.shape[3]), Recycled()

    def work() -> Tensor:
        means = picture_means(pictures)
        view = policy.draw(ids, seed=0, epoch=0, picture=side, size=side, normalization=IMAGENET, means=means)
        return view.colour(pictures, memory.batch(len(ids), 3, side))

    return work


def each(pictures: Tensor, transform: Callable[[Tensor], Tensor]) -> Callable[[], object]:
    return lambda: torch.stack([transform(picture) for picture in pictures])


def floats(pictures: Tensor, transform: Callable[[Tensor], Tensor]) -> Callable[[], object]:
    return lambda: transform(pictures.float() / 255)


def each_array(pictures: np.ndarray, transform: Callable[..., dict[str, np.ndarray]]) -> Callable[[], object]:
    return lambda: np.stack([transform(image=picture)["image"] for picture in pictures])
