"""The same augmentation of one uint8 batch by striate, torchvision v2, kornia and albumentations.

Every image has random parameters of its own. torchvision's functions take one set of parameters a call, so they are called
for each image, and so are albumentations'; kornia draws for each image of a batch, and works on floats. Flip and affine
give images (uint8, or float where the library warps in float), color gives normalized float32. striate writes floats
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

from striate.data.buffer_pool import BufferPool
from striate.views import Normalization, Policy, image_means, random_view

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET = Normalization(MEAN, STD)
ANGLE, SHIFT, ZOOM, JITTER = 15.0, 0.1, 0.2, 0.4

Works = Mapping[str, Callable[[], object]]


@cache
def contenders(size: int, count: int) -> dict[str, Works]:
    """Operation -> contender -> the work, on a batch of `count` images of `size` pixels."""
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    coarse = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    images = np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in coarse])  # B H W C
    channels_last = torch.from_numpy(images).permute(0, 3, 1, 2)
    planes = channels_last.contiguous()
    moving = {"degrees": ANGLE, "translate": (SHIFT, SHIFT), "scale": (1 - ZOOM, 1 + ZOOM)}
    jitter = (JITTER, JITTER, JITTER)
    bilinear = v2.InterpolationMode.BILINEAR
    return {
        "flip": {
            "striate": ours(channels_last, Policy(flip=True)),
            "torchvision v2": each(planes, v2.RandomHorizontalFlip()),
            "kornia": floats(planes, K.RandomHorizontalFlip()),
            "albumentations": each_array(images, A.HorizontalFlip(p=0.5)),
        },
        "affine": {
            "striate": ours(channels_last, Policy(rotate=ANGLE, shift=SHIFT, zoom=ZOOM)),
            "torchvision v2": each(planes, v2.RandomAffine(**moving, interpolation=bilinear)),
            "kornia": floats(planes, K.RandomAffine(**moving, p=1.0)),
            "albumentations": each_array(
                images, A.Affine(rotate=(-ANGLE, ANGLE), translate_percent=SHIFT, scale=(1 - ZOOM, 1 + ZOOM), p=1.0)
            ),
        },
        "color": {
            "striate": recolored(channels_last, Policy(brightness=JITTER, contrast=JITTER, saturation=JITTER)),
            "torchvision v2": each(
                planes,
                v2.Compose([v2.ColorJitter(*jitter), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]),
            ),
            "kornia": floats(planes, torch.nn.Sequential(K.ColorJitter(*jitter, p=1.0), K.Normalize(MEAN, STD))),
            "albumentations": each_array(
                images, A.Compose([A.ColorJitter(*jitter, hue=(0, 0), p=1.0), A.Normalize(MEAN, STD)])
            ),
        },
    }


def ours(images: Tensor, policy: Policy) -> Callable[[], object]:
    """The geometry, drawn anew each time."""
    ids, side, memory = torch.arange(len(images)), (images.shape[2], images.shape[3]), BufferPool()

    def work() -> Tensor:
        view = random_view(policy, ids, seed=0, epoch=0, image_size=side, size=side, normalization=IMAGENET)
        return view.resample(images, memory.batch(len(ids), 3, side))

    return work


def recolored(images: Tensor, policy: Policy) -> Callable[[], object]:
    ids, side, memory = torch.arange(len(images)), (images.shape[2], images.shape[3]), BufferPool()

    def work() -> Tensor:
        means = image_means(images)
        view = random_view(
            policy, ids, seed=0, epoch=0, image_size=side, size=side, normalization=IMAGENET, means=means
        )
        return view.apply_color(images, memory.batch(len(ids), 3, side))

    return work


def each(images: Tensor, transform: Callable[[Tensor], Tensor]) -> Callable[[], object]:
    return lambda: torch.stack([transform(image) for image in images])


def floats(images: Tensor, transform: Callable[[Tensor], Tensor]) -> Callable[[], object]:
    return lambda: transform(images.float() / 255)


def each_array(images: np.ndarray, transform: Callable[..., dict[str, np.ndarray]]) -> Callable[[], object]:
    return lambda: np.stack([transform(image=image)["image"] for image in images])
