"""Summarize a network or a run: for `striate info`, and for the last line of a training run."""

from pathlib import Path

import torch

from striate.analysis import Summary, summarize
from striate.errors import SettingError, nearest
from striate.jobs.run import Run
from striate.models import NETWORKS, create_model
from striate.report import SPLITS, read_verdict
from striate.runs import RunFolder


def summarize_model(
    name: str, *, size: int | None = None, channels: int | None = None, classes: int | None = None
) -> Summary:
    """The layers of a network of the zoo; size, channels and classes are those of its paper if left out."""
    if name not in NETWORKS:
        raise SettingError(f"{name!r} is neither a model nor the folder of a run{nearest(name, NETWORKS)}")
    made_for = NETWORKS[name]
    channels = made_for.channels if channels is None else channels
    classes = made_for.classes if classes is None else classes
    size = made_for.size if size is None else size
    with torch.device("meta"):  # shapes without values: even the largest network is built at once
        model = create_model(name, classes=classes, channels=channels, size=size)
    return summarize(model, channels=channels, size=size)


def summarize_run(path: Path, *, size: int | None = None) -> Summary:
    """The layers of a run's network, at the size of its training if none is given."""
    bundle = RunFolder.open(path).bundle()
    preprocessing = bundle.preprocessing
    if size is not None and size < 1:
        raise SettingError(f"size must be at least 1, not {size}")
    return summarize(bundle.model, channels=preprocessing.canvas.channels, size=size or preprocessing.size)


def verdict(run: Run) -> str:
    """The result in one line: the accuracy, its interval, and the baseline of always predicting the largest class."""
    found = read_verdict(run.manifest, run.metrics)
    if found is None:
        return "accuracy: not measured, as no image was held out; set --val or --test above 0"
    line = (
        f"{SPLITS[found.split]} accuracy: {found.value} (95 % interval {found.interval}, {found.images:,} images); "
        f"baseline: {found.baseline} (always {found.largest_class!r})"
    )
    return line + ("; optimistic, as these images also chose the epoch" if found.chose_epoch else "")
