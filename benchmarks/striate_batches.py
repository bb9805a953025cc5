"""Files to normalized training batches as striate does it: two epochs of random resized crops and flips.

    python -m benchmarks.striate_batches FOLDER

Prints the seconds of each epoch; reading and decoding the files belongs to the first, and so does listing them.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as a command sets it before it loads torch

# isort: split
import torch

from striate import __version__
from striate.data import Batches, Canvas, load_images
from striate.sources import open_source
from striate.training import keep_freed_memory
from striate.views import Normalization, Policy

IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(2)
    keep_freed_memory()  # as training does
    seconds = []
    started = time.perf_counter()
    source = open_source(asked.folder)
    images = load_images(source, Canvas(256, 256, 3), threads=2)["all"]
    batches = Batches(
        images,
        batch_size=64,
        size=(224, 224),
        normalization=IMAGENET,
        policy=Policy(crop=0.08, flip=True),
        seed=0,
        device="cpu",
    )
    for epoch in range(2):
        assert sum(len(batch.inputs) for batch in batches.epoch(epoch)) == len(images)
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    print(json.dumps({"striate": __version__, "images": len(images), "epochs": seconds}))


if __name__ == "__main__":
    main()
