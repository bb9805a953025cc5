"""Extract features: every image through a frozen network, into a file, with a page that shows them on a plane."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from striate.analysis.feature_network import FeatureNetwork, find_feature_weights, open_feature_network
from striate.analysis.projection import check_projection, project
from striate.analysis.split_evaluation import evaluation_batches
from striate.data import LabeledImages, describe_source, require_classes
from striate.data.skipped_files import count_reasons, first_three
from striate.data.threads import Progress
from striate.progress import progress_display
from striate.report import render_features
from striate.runs import Features
from striate.runs.atomic import write_bytes, write_text
from striate.runs.features_file import check_features_path, features_path
from striate.runs.weights_splits import split_in_run_of
from striate.sources import TrainingData
from striate.training import FEATURE_BATCH, choose_device, frozen_embeddings, keep_freed_memory
from striate.training.opening import check_reading, open_data_like

__all__ = ["features"]


def features(
    data: TrainingData,
    *,
    weights: str | Path = "imagenet",
    model: str | None = None,
    download: bool = False,
    out: str | Path | None = None,
    projection: str | None = None,
    max_bad: float | None = None,
    device: str = "auto",
    progress: bool = True,
    **reading: Any,
) -> Features:
    """The input of a network's classifier for every image of `data`, written to a .npz file and shown on a page beside it.

    weights: "imagenet", a file of weights of `model` (by default efficientnet_lite0), or the folder of a run, whose
    preprocessing is then used, and whose splits, for the data that it was trained on; with `download`, ImageNet weights that are
    not here are downloaded. out: `NAME-features.npz` in the current folder if left out. projection: "pca" or "tsne", by default
    t-SNE of more than 50 images. reading: settings for reading the data. Raises StriateError for bad input.
    """
    check_reading(reading)
    chosen = choose_device(device)
    check_projection(projection)
    if out is not None:
        check_features_path(Path(out))
    found = find_feature_weights(str(weights), model, download=download)
    source = open_data_like(data, {}, reading)
    require_classes(source)
    path = features_path(out, data, source)
    if max_bad is not None:
        source = source.with_limits(replace(source.limits, max_bad=max_bad))
    keep_freed_memory()
    display = progress_display(progress)
    try:
        display.messages(describe_source(source))
        source.take_survey(display.reading)
        network = open_feature_network(found, source)
        images = network.load(source, display.reading)
        split_of = split_in_run_of(found, source)
        if split_of:
            display.message(f"splits:  those of {weights}, which was trained on these images")
        skipped = [one for split in images.values() for one in split.skipped]
        if skipped:
            display.message(f"skipped: {count_reasons(skipped)}: {first_three(skipped)}")
        why = f", {found.input_reason}" if found.input_reason else ""
        display.message(f"network: {network.name}, weights {weights}, {network.preprocessing.size[0]} pixels{why}")
        network.network.to(chosen)
        embeddings = np.concatenate([_embeddings(network, split, chosen, display.reading) for split in images.values()])
        result = Features.of(embeddings, images, split_of, network.name, path)
        projected = project(embeddings, projection)
        write_bytes(path, result.as_npz())
        write_text(result.page, render_features(result, projected, source, str(weights)))
    finally:
        display.close()
    return result


def _embeddings(
    network: FeatureNetwork, samples: LabeledImages, device: torch.device, progress: Progress
) -> npt.NDArray[np.float32]:
    batches = evaluation_batches(samples, network.preprocessing, device, batch_size=FEATURE_BATCH)
    return frozen_embeddings(network.network, batches, progress).numpy()
