"""fastai's `vision_learner` and `fine_tune`: a frozen epoch, then all layers, with the one-cycle schedule.

    python -m benchmarks.peers.fastai_transfer TABLE IMAGES

Presizing to 460 pixels, fastai's augmentation at 224 and its learning rates, as its book has them. The last line printed is JSON.
"""

import json

import fastai
import pandas as pd
from benchmarks.peers.lite0 import MEAN, STD, WIDTH, lite0_body
from benchmarks.peers.split_table import parse, read_table
from fastai.callback.core import Callback
from fastai.metrics import accuracy
from fastai.torch_core import set_seed
from fastai.vision.all import ImageDataLoaders, Normalize, Resize, aug_transforms, create_head, vision_learner
from torch import nn


class EpochLines(Callback):  # type: ignore[misc] # fastai has no types, so mypy takes its base class for Any
    """A line of plain text after each epoch."""

    order = 60  # after the metrics are computed

    def after_epoch(self) -> None:
        print(f"epoch  accuracy {self.learn.recorder.values[-1][-1]:.4f}", flush=True)


def lite0(pretrained: bool) -> nn.Module:
    """fastai cuts a network at its last pooling, and adds its own head."""
    assert pretrained
    return nn.Sequential(*lite0_body(), nn.AdaptiveAvgPool2d(1))


if __name__ == "__main__":
    arguments = parse(__doc__, epochs=10)
    set_seed(arguments.seed, reproducible=True)
    table = pd.DataFrame(read_table(arguments.table))
    table["is_valid"] = table["split"] == "test"
    loaders = ImageDataLoaders.from_df(
        table,
        path=arguments.images,
        fn_col="path",
        label_col="label",
        valid_col="is_valid",
        bs=32,
        item_tfms=Resize(460),
        batch_tfms=[*aug_transforms(size=224), Normalize.from_stats(MEAN, STD)],
    )
    head = create_head(WIDTH, loaders.c)  # fastai cannot see how wide this network is
    learner = vision_learner(loaders, lite0, custom_head=head, metrics=accuracy, cbs=EpochLines())
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(arguments.epochs)
    print(json.dumps({"accuracy": learner.recorder.values[-1][-1], "versions": {"fastai": fastai.__version__}}))
