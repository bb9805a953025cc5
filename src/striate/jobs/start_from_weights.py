"""What a run that starts from weights does before it trains: decide how far, print the plan, fit a head on frozen features."""

import time

import torch
from torch import Tensor

from striate.analysis.split_evaluation import evaluation_batches
from striate.data import LabeledImages, Source, groups_of, kept_together
from striate.data.batches import class_balanced_order
from striate.models import Network
from striate.number_format import count
from striate.progress import ProgressDisplay
from striate.runs import RunFolder
from striate.runs.embedding_cache import EmbeddingKey, cached_embeddings, trunk_digest
from striate.runs.prepared_data import PreparedData
from striate.runs.recorded_head import record_head
from striate.runs.timings import PhaseTimer
from striate.tasks import EmbeddedSamples, HeadFit, Task, class_weights
from striate.training import FEATURE_BATCH, Recipe, ResolvedRecipe, feature_arithmetic, frozen_embeddings
from striate.training.fine_tuning_depth import fine_tune_at_once, resolve_fine_tuning
from striate.training.initial_head import InitialHead, fit_initial_head, slow_fit
from striate.training.transfer_plan import PROBE_IMAGES, TransferPlan, measure_speed
from striate.views import input_views


def decide_fine_tuning(
    folder: RunFolder, model: Network, task: Task, prepared: PreparedData, display: ProgressDisplay
) -> ResolvedRecipe:
    """The settings with those on fine-tuning that the training images decide."""
    before, training, stages = prepared.settings, prepared.splits.train, len(model.stages())
    if task.head_fit(before.recipe.transfer.head) is None:
        settings = fine_tune_at_once(before, task.name, stages)
    else:
        counts = training.counts()
        settings = resolve_fine_tuning(before, counts, len(training), prepared.validation_images, stages)
    new = settings.reasons[len(before.reasons) :]
    display.messages(new)
    folder.add_reasons(new)
    return settings


def plan_training(network: Network, prepared: PreparedData, recipe: Recipe, timer: PhaseTimer) -> TransferPlan:
    """What will be trained on, and how long it takes by a short probe. The network is not changed."""
    splits, preprocessing, device = prepared.splits, prepared.preprocessing, torch.device(recipe.machine.device)
    few = splits.train.subset(torch.arange(min(PROBE_IMAGES, len(splits.train))))
    batch_size = min(PROBE_IMAGES, recipe.training.batch_size)
    features = evaluation_batches(few, preprocessing, device, batch_size=-(-len(few) // 2))
    evaluation = evaluation_batches(few, preprocessing, device)
    training = prepared.training_batches(recipe.with_values(batch_size=batch_size))
    speed = measure_speed(network, training, features, evaluation, recipe)
    return TransferPlan(
        training_images=len(splits.train),
        validation_images=prepared.validation_images,
        test_images=len(splits.test or ()),
        outputs=_outputs(splits.train),
        heads=len(splits.train.classes),
        weights=recipe.transfer.weights,
        model=recipe.model.name,
        size=preprocessing.size[0],
        epochs=recipe.training.epochs,
        speed=speed,
        passed=timer.total(),
        views=len(input_views(preprocessing.tta, preprocessing.size)),
    )


def _outputs(samples: LabeledImages) -> str:
    names = len(samples.classes)
    if samples.targets.has_classes:
        return f"{names:,} class{'' if names == 1 else 'es'}"
    return count(names, "number")


def fit_head_on_features(
    folder: RunFolder,
    model: Network,
    task: Task,
    fit: HeadFit,
    source: Source,
    prepared: PreparedData,
    recipe: Recipe,
    display: ProgressDisplay,
) -> InitialHead:
    """A head on the features of the frozen network."""
    training, device, started = prepared.splits.train, torch.device(recipe.machine.device), time.perf_counter()
    batches = evaluation_batches(training, prepared.preprocessing, device, batch_size=FEATURE_BATCH)
    key = EmbeddingKey(
        data=source.digest(),
        ids=training.ids,
        architecture=recipe.model.name,
        weights=trunk_digest(model),
        preprocessing=prepared.preprocessing,
        arithmetic=feature_arithmetic(device),
    )
    embeddings = cached_embeddings(
        folder.embeddings_path,
        key,
        lambda: frozen_embeddings(model.to(device), batches, display.reading),
        display.message,
    )
    if waiting := slow_fit(len(training), len(source.classes), time.perf_counter() - started):
        display.message(waiting)
    groups = groups_of(source, recipe.data.group) if recipe.data.group else None
    weights, draws = _weights_and_draws(training, recipe)
    samples = EmbeddedSamples(
        embeddings, training.targets, weights, kept_together(training, groups), recipe.training.seed
    )
    head = fit_initial_head(model, task, recipe.transfer.head, fit, samples, draws, started)
    record_head(folder, head.fitted.description)
    display.message(head.message)
    folder.add_reasons([head.message])
    return head


def _weights_and_draws(samples: LabeledImages, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """The weight of each sample in the fit, N, and the rows that an epoch would draw, N.

    Classes that the sampler draws equally often weigh the same, on average.
    """
    if recipe.loss.balance != "sampler":
        return torch.ones(len(samples)), torch.arange(len(samples))
    strata = torch.from_numpy(samples.targets.strata())
    draws = class_balanced_order(strata, seed=recipe.training.seed, epoch=0) % len(samples)
    return class_weights(strata.bincount().tolist())[strata], draws
