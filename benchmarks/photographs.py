"""JPEGs of about 500 x 400 cut from the real photographs that scikit-image and scikit-learn carry, for benchmarks.

    python -m benchmarks.photographs FOLDER COUNT

Needs scikit-image and scikit-learn. Each image is another crop of one of 13 photographs, enlarged or shrunk a little, at
JPEG quality 90; FOLDER gets a folder of them for each photograph. The same COUNT gives the same images.
"""

import argparse
from pathlib import Path

import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image

NAMES = (
    "astronaut.png", "brick.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
    "hubble_deep_field.jpg", "motorcycle_left.png", "retina.jpg", "rocket.jpg", "china.jpg", "flower.jpg",
)  # fmt: skip
FOLDERS = (Path(skimage.data.__file__).parent, Path(sklearn.datasets.__file__).parent / "images")


def photographs() -> dict[str, Image.Image]:
    """The photographs by name, in RGB."""
    found = {}
    for name in NAMES:
        path = next(folder / name for folder in FOLDERS if (folder / name).is_file())
        with Image.open(path) as image:
            found[path.stem] = image.convert("RGB")
    return found


def cut(photograph: Image.Image, random: np.random.Generator) -> Image.Image:
    """A crop of 55 to 95 % of the sides, 460 to 540 pixels wide and about 4:5 high."""
    width, height = int(random.integers(460, 541)), int(random.integers(370, 431))
    share = random.uniform(0.55, 0.95)
    scale = share * min(photograph.width / width, photograph.height / height)
    left = random.uniform(0, photograph.width - scale * width)
    top = random.uniform(0, photograph.height - scale * height)
    box = (left, top, left + scale * width, top + scale * height)
    return photograph.resize((width, height), Image.Resampling.BICUBIC, box=box)


def write(folder: Path, count: int) -> None:
    """`count` JPEGs below `folder`, in turn from each photograph."""
    sources = photographs()
    random = np.random.default_rng(0)
    for i in range(count):
        name = list(sources)[i % len(sources)]
        path = folder / name / f"{i:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cut(sources[name], random).save(path, "JPEG", quality=90)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    asked = parser.parse_args()
    write(asked.folder, asked.count)
