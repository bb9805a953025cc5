"""Prepare a training: its network, its data, its task, and the settings that the images decide."""

from dataclasses import dataclass
from typing import final

from striate.data import Source, describe_source
from striate.errors import DataError
from striate.jobs.prepare_data import prepare_data
from striate.jobs.start_from_weights import decide_fine_tuning
from striate.models import Network
from striate.progress import ProgressDisplay
from striate.runs import RunFolder
from striate.runs.prepared_data import PreparedData
from striate.runs.random_splits import split_origin
from striate.runs.starting_weights import StartingWeights, find_starting_weights, load_starting_weights
from striate.runs.weights_splits import is_split_open
from striate.tasks import TASKS, HeadFit, Task, task_for_training
from striate.training import ResolvedRecipe, to_toml
from striate.training.build_network import build_network, use_threads

__all__ = ["PreparedTraining", "open_network", "prepare_training"]


@final
@dataclass(frozen=True)
class PreparedTraining:
    """What the loop needs beside the network. `settings` have those that the images decide."""

    task: Task
    prepared: PreparedData
    settings: ResolvedRecipe

    @property
    def head_fit(self) -> HeadFit | None:
        """What fits the head on frozen features that training starts from; None where it starts from random weights."""
        transfer = self.settings.recipe.transfer
        return None if transfer.weights == "none" else self.task.head_fit(transfer.head)


def open_network(
    source: Source, settings: ResolvedRecipe, display: ProgressDisplay
) -> tuple[Network, StartingWeights | None]:
    """The network with its starting weights, None for random ones; prints first how data and settings are understood."""
    split = None if is_split_open(settings) else split_origin(source.splits, settings.recipe)
    display.messages([*describe_source(source, split), *settings.reasons])
    model, transfer = build_network(settings.recipe, source.classes), settings.recipe.transfer
    weights = find_starting_weights(transfer.weights, settings.recipe.model.name, transfer.download)
    display.messages(load_starting_weights(model, weights, settings))
    return model, weights


def prepare_training(
    folder: RunFolder,
    source: Source,
    settings: ResolvedRecipe,
    model: Network,
    display: ProgressDisplay,
    own_task: type[Task] | None,
) -> PreparedTraining:
    """From a source to what a network is trained on. Raises DataError for data that cannot be trained on."""
    prepared = prepare_data(source, settings, folder, display, own_task or TASKS[source.task])
    loss, targets = prepared.settings.recipe.loss, prepared.splits.train.targets
    try:
        task = task_for_training(source.task, source.classes, loss, targets, own_task)
    except DataError as error:  # which knows the targets and not where they are from
        raise DataError(f"{source.location}: {error}") from None
    settings = decide_fine_tuning(folder, model, task, prepared, display)
    settings = use_threads(settings, model, prepared.training_batches(settings.recipe))
    chosen = {
        "source": source.kind,
        "task": task.name,
        "cache": prepared.place,
        "dropout": "the network's own, if any",
    }
    folder.write_recipe(to_toml(settings, chosen))
    return PreparedTraining(task, prepared, settings)
