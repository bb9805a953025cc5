"""The bundle of a trained network: the network with its preprocessing, and where it comes from."""

from collections.abc import Mapping
from typing import Any

from striate.data import LabeledImages, Source, training_statistics
from striate.models import HeadDescription, Network
from striate.runs.bundle import Bundle, Preprocessing
from striate.runs.describe_weights import describe_license
from striate.tasks import Task
from striate.training import Recipe

__all__ = ["trained_bundle"]


def trained_bundle(
    model: Network,
    task: Task,
    source: Source,
    training: LabeledImages,
    preprocessing: Preprocessing,
    recipe: Recipe,
    manifest: Mapping[str, Any],
    epoch: int,
    head: HeadDescription | None = None,
) -> Bundle:
    """`training`: the images that the network was trained on; `epoch`: that of its weights; `head`: in its classifier's place."""
    return Bundle(
        model=model,
        architecture=recipe.model.name,
        arguments=_architecture_arguments(recipe, len(source.classes)),
        task=task,
        preprocessing=preprocessing,
        license=describe_license(manifest.get("initial_weights")),
        provenance={
            "striate": manifest["striate"],
            "torch": manifest["versions"]["torch"],
            "data": {"name": source.name, "digest": manifest["data"]["digest"]},
            "epoch": epoch,
            "command": manifest["command"],
            "initial_weights": manifest.get("initial_weights"),
        },
        statistics=training_statistics(training.pixels.measurements.statistics, training.targets.strata()),
        head=head,
    )


def _architecture_arguments(recipe: Recipe, classes: int) -> dict[str, Any]:
    """What create_model needs beside the name to build the network again."""
    arguments: dict[str, Any] = {"classes": classes, "channels": recipe.model.channels, "size": recipe.model.size}
    return arguments if recipe.model.dropout is None else {**arguments, "dropout": recipe.model.dropout}
