"""What a run that starts from weights does before it trains: decide how far, print the plan, fit a head on frozen features."""

import time

import torch

from striate.analysis.split_evaluation import evaluation_batches
from striate.data import Source, groups_of, kept_together
from striate.models import Network
from striate.progress import ProgressDisplay
from striate.runs import RunFolder
from striate.runs.embedding_cache import EmbeddingKey, cached_embeddings, trunk_digest
from striate.runs.prepared_data import PreparedData
from striate.runs.recorded_head import record_head
from striate.runs.timings import PhaseTimer
from striate.tasks import Task, class_weights
from striate.training import FEATURE_BATCH, Recipe, ResolvedRecipe, feature_arithmetic, frozen_embeddings
from striate.training.fine_tuning_depth import fine_tune_at_once, resolve_fine_tuning
from striate.training.initial_head import InitialHead, fit_initial_head, slow_fit
from striate.training.transfer_plan import PROBE_IMAGES, TransferPlan, measure_speed


def decide_fine_tuning(
    folder: RunFolder, model: Network, task: Task, prepared: PreparedData, display: ProgressDisplay
) -> ResolvedRecipe:
    """The settings with those on fine-tuning that the training images decide."""
    before, counts, stages = prepared.settings, prepared.splits.train.counts(), len(model.stages())
    if task.fits_heads:
        settings = resolve_fine_tuning(before, counts, prepared.validation_images, stages)
    else:
        settings = fine_tune_at_once(before, task.name, stages)
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
        classes=len(splits.train.classes),
        weights=recipe.transfer.weights,
        model=recipe.model.name,
        size=preprocessing.size[0],
        epochs=recipe.training.epochs,
        speed=speed,
        passed=timer.total(),
    )


def fit_head_on_features(
    folder: RunFolder, model: Network, source: Source, prepared: PreparedData, recipe: Recipe, display: ProgressDisplay
) -> InitialHead:
    """A classifier on the features of the frozen network."""
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
    is_balanced = recipe.loss.balance != "none"  # classes that are drawn equally often weigh the same, on average
    head = fit_initial_head(
        model,
        embeddings,
        training.labels,
        recipe.transfer.head,
        recipe.training.seed,
        started,
        groups=kept_together(training, groups),
        class_weights=class_weights(training.counts()) if is_balanced else torch.ones(len(source.classes)),
        label_smoothing=recipe.loss.label_smoothing,
    )
    record_head(folder, head.fitted.description)
    display.message(head.message)
    folder.add_reasons([head.message])
    return head
