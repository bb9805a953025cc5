"""A linear layer on a frozen network, as PyTorch's transfer-learning tutorial writes it ("ConvNet as fixed feature extractor").

    python -m benchmarks.peers.torch_linear TABLE IMAGES

Random resized crops and flips, each epoch through the whole network; Adam on the new layer. The last line printed is JSON.
"""

import json
from pathlib import Path
from typing import final

import torch
import torch.nn.functional as F
from benchmarks.peers.lite0 import MEAN, STD, WIDTH, lite0_body
from benchmarks.peers.split_table import parse, read_table
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

TO_TENSOR = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
TRAIN = v2.Compose([v2.RandomResizedCrop(224), v2.RandomHorizontalFlip(), *TO_TENSOR])
TEST = v2.Compose([v2.Resize(256), v2.CenterCrop(224), *TO_TENSOR])


@final
class Images(Dataset[tuple[Tensor, int]]):
    def __init__(self, folder: Path, rows: list[dict[str, str]], classes: list[str], transform: v2.Compose) -> None:
        self.folder, self.rows, self.classes, self.transform = folder, rows, classes, transform

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        row = self.rows[index]
        with Image.open(self.folder / row["path"]) as image:
            return self.transform(image.convert("RGB")), self.classes.index(row["label"])


@torch.no_grad()
def accuracy(model: nn.Module, loader: DataLoader[tuple[Tensor, int]]) -> float:
    model.eval()
    right = count = 0
    for images, labels in loader:
        right += int((model(images).argmax(1) == labels).sum())
        count += len(labels)
    return right / count


if __name__ == "__main__":
    arguments = parse(__doc__, epochs=10)
    torch.manual_seed(arguments.seed)
    rows = read_table(arguments.table)
    classes = sorted({row["label"] for row in rows})
    training, test = (
        Images(arguments.images, [row for row in rows if row["split"] == split], classes, transform)
        for split, transform in (("train", TRAIN), ("test", TEST))
    )
    train_loader = DataLoader(training, batch_size=32, shuffle=True, num_workers=2)
    test_loader = DataLoader(test, batch_size=32, num_workers=2)

    body = lite0_body()
    for parameter in body.parameters():
        parameter.requires_grad = False
    head = nn.Linear(WIDTH, len(classes))
    model = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    reached = 0.0
    for epoch in range(arguments.epochs):
        model.eval()  # batch norm keeps the statistics of ImageNet
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
        reached = accuracy(model, test_loader)
        print(f"epoch {epoch + 1}/{arguments.epochs}  accuracy {reached:.4f}", flush=True)
    print(json.dumps({"accuracy": reached, "versions": {"torch": torch.__version__}}))
