"""Reference B: the digit CNN as a PyTorch tutorial writes it. Eager, Adam, batches of 64, 5 epochs, no augmentation.

python torch_mnist.py FOLDER, where FOLDER holds the four idx .gz files of MNIST. The last line printed is JSON.
"""

import argparse
import gzip
import json
import time
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


def read_idx(path: Path, header: int) -> npt.NDArray[np.uint8]:
    with gzip.open(path) as file:
        return np.frombuffer(bytearray(file.read()), np.uint8, offset=header)


def to_tensor(image: npt.NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(image).unsqueeze(0).float() / 255  # 1 28 28


@final
class Digits(Dataset[tuple[Tensor, int]]):
    def __init__(self, folder: Path, split: str, originals: int) -> None:
        images = read_idx(folder / f"{split}-images-idx3-ubyte.gz", 16)
        self.images = images.reshape(-1, 28, 28)[:originals]
        self.labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz", 8)[:originals]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return to_tensor(self.images[index]), int(self.labels[index])


@final
class DigitCNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.conv3 = nn.Conv2d(64, 128, 3)
        self.fc1 = nn.Linear(128, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # 32 13 13
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # 64 5 5
        x = F.max_pool2d(F.relu(self.conv3(x)), 2)  # 128 1 1
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc2(x)


def train(model: nn.Module, loader: DataLoader[tuple[Tensor, int]], epochs: int) -> None:
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(epochs):
        model.train()
        running_loss = 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        print(f"epoch {epoch + 1}: loss {running_loss / len(loader):.4f}")


@torch.no_grad()
def test(model: nn.Module, loader: DataLoader[tuple[Tensor, int]]) -> float:
    model.eval()
    right = count = 0
    for images, labels in loader:
        right += int((model(images).argmax(1) == labels).sum())
        count += len(labels)
    return right / count


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--images", type=int, default=60_000, help="train on the first so many only, to try the script")
arguments = parser.parse_args()

torch.manual_seed(arguments.seed)
model = DigitCNN()
parameters = sum(parameter.numel() for parameter in model.parameters())
assert parameters == 110_474

train_loader = DataLoader(Digits(arguments.folder, "train", arguments.images), batch_size=64, shuffle=True)
test_loader = DataLoader(Digits(arguments.folder, "t10k", 10_000), batch_size=1000)

started = time.perf_counter()
train(model, train_loader, arguments.epochs)
train_seconds = time.perf_counter() - started

print(
    json.dumps(
        {
            "accuracy": test(model, test_loader),
            "train_seconds": train_seconds,
            "parameters": parameters,
            "versions": {"torch": torch.__version__, "numpy": np.__version__},
            "threads": torch.get_num_threads(),
        }
    )
)
