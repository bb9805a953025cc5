"""Logistic regression on the features of a frozen network: each image goes through the network once.

    python -m benchmarks.peers.torch_features TABLE IMAGES

torchvision's transforms, PyTorch as it comes, scikit-learn. The last line printed is JSON.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from benchmarks.peers.lite0 import MEAN, STD, lite0_body
from benchmarks.peers.split_table import parse, read_table
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision.transforms import v2

TRANSFORM = v2.Compose(
    [
        v2.Resize(256),
        v2.CenterCrop(224),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ]
)


@torch.no_grad()
def features(paths: list[Path]) -> npt.NDArray[np.float32]:
    """N 1280."""
    body = lite0_body().eval()
    batches = []
    for start in range(0, len(paths), 32):
        images = [TRANSFORM(Image.open(path).convert("RGB")) for path in paths[start : start + 32]]
        batches.append(body(torch.stack(images)).mean((2, 3)).numpy())
    return np.concatenate(batches)


arguments = parse(__doc__, epochs=1)
rows = read_table(arguments.table)
embeddings = features([arguments.images / row["path"] for row in rows])
labels = np.array([row["label"] for row in rows])
training = np.array([row["split"] == "train" for row in rows])
classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=arguments.seed))
classifier.fit(embeddings[training], labels[training])
accuracy = float(classifier.score(embeddings[~training], labels[~training]))
print(f"epoch 1/1  accuracy {accuracy:.4f}", flush=True)
print(json.dumps({"accuracy": accuracy, "versions": {"torch": torch.__version__}}))
