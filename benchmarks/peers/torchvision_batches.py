"""Files to normalized training batches as torchvision v2 does it: two epochs of random resized crops and flips.

    python torchvision_batches.py FOLDER --workers 2 --decoder jpeg --normalize batch

Prints the seconds of each epoch. `decoder`: Pillow, or torchvision's own JPEG decoder. `normalize`: each image in its
worker, as tutorials have it, or the whole batch at once, which is quicker.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.io import decode_jpeg, read_file
from torchvision.transforms import v2

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
TO_FLOAT = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])


class Files(Dataset[torch.Tensor]):
    def __init__(self, folder: Path, decoder: str, per_image: bool) -> None:
        self.paths = sorted(folder.rglob("*.jpg"))
        self.decoder = decoder
        augment = [v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()]
        self.transform = v2.Compose([*augment, TO_FLOAT] if per_image else augment)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> torch.Tensor:
        path = str(self.paths[i])
        if self.decoder == "jpeg":
            return self.transform(decode_jpeg(read_file(path)))
        with Image.open(path) as image:
            return self.transform(v2.functional.pil_to_tensor(image.convert("RGB")))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--decoder", choices=("pillow", "jpeg"), default="jpeg")
    parser.add_argument("--normalize", choices=("image", "batch"), default="batch")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    files = Files(asked.folder, asked.decoder, asked.normalize == "image")
    loader = DataLoader(
        files, batch_size=64, shuffle=True, num_workers=asked.workers, persistent_workers=asked.workers > 0
    )
    seconds = []
    for _ in range(2):
        started, loaded = time.perf_counter(), 0
        for batch in loader:
            images = batch if asked.normalize == "image" else TO_FLOAT(batch)
            loaded += len(images)
        seconds.append(time.perf_counter() - started)
        assert loaded == len(files)
    print(json.dumps({"images": len(files), "epochs": seconds}))


if __name__ == "__main__":
    main()
