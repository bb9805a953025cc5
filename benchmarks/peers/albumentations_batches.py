"""Files to normalized training batches as albumentations does it: two epochs of random resized crops and flips.

    python albumentations_batches.py FOLDER --workers 2

Decoded by OpenCV, the library's own choice; prints the seconds of each epoch.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it asks the network for a newer version when it is imported

import albumentations as A
import cv2
import torch
from albumentations.pytorch import ToTensorV2
from torch.utils.data import DataLoader, Dataset

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Files(Dataset[torch.Tensor]):
    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.rglob("*.jpg"))
        self.transform = A.Compose(
            [A.RandomResizedCrop(size=(224, 224)), A.HorizontalFlip(p=0.5), A.Normalize(MEAN, STD), ToTensorV2()]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> torch.Tensor:
        image = cv2.cvtColor(cv2.imread(str(self.paths[i])), cv2.COLOR_BGR2RGB)
        return self.transform(image=image)["image"]


def single(_: int) -> None:
    """One thread for each worker, as its documentation advises."""
    cv2.setNumThreads(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(2)
    files = Files(asked.folder)
    loader = DataLoader(
        files,
        batch_size=64,
        shuffle=True,
        num_workers=asked.workers,
        persistent_workers=asked.workers > 0,
        worker_init_fn=single,
    )
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        assert sum(len(batch) for batch in loader) == len(files)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"images": len(files), "epochs": seconds}))


if __name__ == "__main__":
    main()
