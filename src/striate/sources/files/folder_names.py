"""Names of folders that are not classes, or that hold thumbnails or masks."""

import re
from typing import Final

from striate.sources.split_words import split_of

__all__ = ["MASKS", "THUMBNAILS", "holds_no_classes", "is_no_class"]

THUMBNAILS: Final = frozenset(("thumbnails", "thumbnail", "_thumbnails", "thumbs", "thumb", "_thumbs", "_thumb"))
MASKS: Final = frozenset(
    (
        *("masks", "mask", "labels", "label", "annotations", "annotation", "segmentationclass"),
        *("segmentation", "segmentations", "ground_truth", "groundtruth", "gt"),
    )
)
# words of which the names of folders are made that hold images and are no classes
_STORAGE: Final = frozenset(  # words for images in general: no class is called so
    (
        *("images", "imgs", "photos", "pictures", "pics", "jpegs", "jpgs", "pngs", "jpegimages", "data", "dataset"),
        *("files", "frames", "crops", "tiles", "patches", "inputs", "unlabeled", "unsorted", "masks", "labels"),
        *("annotations", "resized", "thumbnails"),
    )
)
# the same, but a class may be called so too
_PLAIN: Final = frozenset(
    (
        *_STORAGE,
        "image",
        "img",
        "photo",
        "jpeg",
        "jpg",
        "png",
        "raw",
        "all",
        "input",
        "mask",
        "original",
        "originals",
        "full",
    )
)
_BATCHES: Final = frozenset(
    (
        *_PLAIN,
        *("part", "parts", "batch", "chunk", "shard", "fold", "set", "subset", "folder", "dir", "archive", "split"),
    )
)


def holds_no_classes(name: str) -> bool:
    """Whether a folder inside others is called as what people keep beside images, or images in: images, thumbs, mask."""
    return name.lower() in _PLAIN | THUMBNAILS | MASKS


def is_no_class(name: str) -> bool:
    """Whether a folder's name cannot be that of a class: images, train, images_001, part_2."""
    words = [word for word in re.split(r"[\W_]+|(?<=\D)(?=\d)", name.lower()) if word]
    numbered = len(words) > 1 and words[-1].isdigit() and not _BATCHES.isdisjoint(words[:-1])
    return numbered or split_of(name) is not None or (bool(words) and _STORAGE.issuperset(words))
