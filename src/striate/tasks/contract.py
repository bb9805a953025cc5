"""The contract of a task as one test, for those of the table and for your own.

    check_task(MyTask, classes=("a", "b"), targets=ClassTargets(np.arange(12) % 2))

It raises TaskError, one line, at the first violation, and returns None for a task without any.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import torch
from torch import Tensor

from striate.data import Batch, ImageFrame, LoadedTargets
from striate.errors import SettingError, StriateError
from striate.tasks.figure import figures_of
from striate.tasks.fitted_head import EmbeddedSamples
from striate.tasks.settings import LossSettings
from striate.tasks.task import Metrics, Predictions, Task
from striate.views import Normalization, evaluation_view, input_views

__all__ = ["TaskError", "check_task"]

STEPS: Final = 60  # of gradient descent on the outputs themselves
SIDE: Final = 8  # pixels
FEWEST: Final = 6  # samples


@final
class TaskError(StriateError):
    """A task that violates the contract."""


def check_task(task_class: type[Task], *, classes: tuple[str, ...], targets: LoadedTargets) -> None:
    """Run every check below on a task for these targets, at least 6 that are not all alike.

    Outputs are B x classes, and of targets that are maps B x classes x height x width.

    Raises TaskError.
    """
    if len(targets) < FEWEST:
        raise TaskError(f"check_task needs at least {FEWEST} samples, not {len(targets)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        task = task_class.for_training(classes, LossSettings(), targets)
        if task.classes != classes:
            raise TaskError(f"classes are {task.classes}, not the {classes} that the task was made for")
        batch = _batch(targets, torch.arange(len(targets)))
        outputs = _some_outputs(task, batch)
        learned = _losses_fall(task, outputs, batch)
        _metrics_improve(task, outputs, learned, batch)
        _metrics_know_no_order(task, outputs, targets)
        _metrics_can_be_restored(task, outputs, batch)
        _views_are_merged(task, outputs)
        _predictions_know_no_batches(task, outputs, targets)
        for one in (task, _calibrated(task, learned, batch)):
            _arguments_are_enough(one, learned)
            _predictions_can_be_written(one, learned, batch)
            _an_image_is_described(one, learned)
        _a_head_can_be_fitted(task, learned, targets)
        _a_single_sample_is_enough(task, targets)
        _mixed_or_refused(task, outputs, batch)


def _batch(targets: LoadedTargets, positions: Tensor) -> Batch:
    count = len(positions)
    view = evaluation_view(
        count, image_size=(SIDE, SIDE), size=(SIDE, SIDE), normalization=Normalization((0.0,), (1.0,))
    )
    gathered = targets.gather_on(torch.device("cpu"))(positions, view)
    originals = targets.originals(positions, view)
    return Batch(torch.zeros(count, 1, SIDE, SIDE), gathered, positions, view, originals)


def _some_outputs(task: Task, batch: Batch) -> Tensor:
    return torch.randn(len(batch.ids), len(task.classes), *(batch.targets.shape[1:] if batch.targets.ndim > 2 else ()))


def _loss(task: Task, outputs: Tensor, batch: Batch) -> Tensor:
    losses = task.losses(outputs, batch)
    if not losses or any(one.ndim for one in losses.values()):
        raise TaskError(
            f"losses must be scalars by name, not { ({name: tuple(one.shape) for name, one in losses.items()}) }"
        )
    return torch.stack(list(losses.values())).sum()


def _losses_fall(task: Task, outputs: Tensor, batch: Batch) -> Tensor:
    """Gradient descent on the outputs; those that it ends with."""
    learned = outputs.clone().requires_grad_()
    optimizer = torch.optim.Adam([learned], lr=0.2)
    first = _loss(task, outputs, batch)
    if not torch.isfinite(first):
        raise TaskError(f"the loss of outputs from a normal distribution is {first.item()}")
    for _ in range(STEPS):
        optimizer.zero_grad()
        _loss(task, learned, batch).backward()
        optimizer.step()
    last = _loss(task, learned, batch).item()
    if not last < first.item():
        raise TaskError(f"{STEPS} steps of gradient descent do not lower the loss: {first.item():.4g}, then {last:.4g}")
    if _loss(task, outputs.bfloat16(), batch).dtype != torch.float32:
        raise TaskError("the loss of bfloat16 outputs is not float32")
    return learned.detach()


def _measured(task: Task, *given: tuple[Tensor, Batch]) -> Metrics:
    metrics = task.metrics()
    for outputs, batch in given:
        metrics.update(outputs, batch)
    return metrics


def _metrics_improve(task: Task, outputs: Tensor, learned: Tensor, batch: Batch) -> None:
    figures, better = (_measured(task, (one, batch)).compute() for one in (outputs, learned))
    if not figures:
        raise TaskError("metrics have no figure")
    if [one.key for one in task.metrics().compute()] != [one.key for one in figures]:
        raise TaskError("metrics over no batches have other figures than metrics over some")
    if not better[0].merit > figures[0].merit:
        raise TaskError(
            f"{figures[0].name} does not improve as the loss falls: {figures[0].value:.4g}, then {better[0].value:.4g}"
        )


def _metrics_know_no_order(task: Task, outputs: Tensor, targets: LoadedTargets) -> None:
    order = torch.randperm(len(targets))
    together = _measured(task, (outputs, _batch(targets, torch.arange(len(targets)))))
    apart = _measured(task, *((outputs[some], _batch(targets, some)) for some in order.split(4)))
    for one, other in zip(together.compute(), apart.compute(), strict=True):
        if abs(one.value - other.value) > 1e-6 * max(1.0, abs(one.value)):
            raise TaskError(f"{one.name} depends on the batches or their order: {one.value:.7g} and {other.value:.7g}")


def _metrics_can_be_restored(task: Task, outputs: Tensor, batch: Batch) -> None:
    metrics, empty = _measured(task, (outputs, batch)), task.metrics()
    saved = metrics.state()
    for name, value in empty.state().items():
        value.copy_(saved[name])
    if [one.value for one in empty.compute()] != [one.value for one in metrics.compute()]:
        raise TaskError("metrics whose state was copied into new ones have other values")


def _views_are_merged(task: Task, outputs: Tensor) -> None:
    (alone,), both = (input_views(tta, (SIDE, SIDE)) for tta in ("none", "flip"))
    decoded, other = task.decode(outputs), task.decode(outputs.flip(0))
    if not torch.allclose(task.merge([alone], [decoded]), decoded):
        raise TaskError("merge of one view is not what was decoded of it")
    if task.merge(both, [decoded, other]).shape != decoded.shape:
        raise TaskError("merge of two views has another shape than what was decoded of each")


def _gathered(task: Task, *given: tuple[Tensor, Batch]) -> Predictions:
    predictions = task.predictions()
    for outputs, batch in given:
        predictions.update(task.decode(outputs), batch)
    return predictions


def _predictions_know_no_batches(task: Task, outputs: Tensor, targets: LoadedTargets) -> None:
    whole, ids = torch.arange(len(targets)), [f"{n}.png" for n in range(len(targets))]
    one = _gathered(task, (outputs, _batch(targets, whole)))
    other = _gathered(task, *((outputs[some], _batch(targets, some)) for some in whole.split(4)))
    if not (_close(one.metrics(), other.metrics()) and _close(one.rows(ids), other.rows(ids))):
        raise TaskError("predictions depend on the size of the batches")


def _close(one: Any, other: Any) -> bool:
    """Equal but for the rounding of numbers: vector instructions round otherwise than those for the last few values."""
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, float):
        return isinstance(other, float) and math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-6)
    return one == other


def _calibrated(task: Task, learned: Tensor, batch: Batch) -> Task:
    calibrated = task.calibrated(_gathered(task, (learned, batch)))
    if not task.calibrates and calibrated is not task:
        raise TaskError("calibrated changes the task, although calibrates is false")
    return calibrated


def _arguments_are_enough(task: Task, outputs: Tensor) -> None:
    stored = json.loads(_as_json("arguments", task.arguments()))
    again = type(task).from_arguments(task.classes, stored)
    frames = _frames([f"{n}.png" for n in range(len(outputs))])
    if not torch.equal(again.decode(outputs), task.decode(outputs)):
        raise TaskError("a task made from its arguments decodes otherwise")
    described = ([one.as_json() for one in each.describe(each.decode(outputs), frames)] for each in (task, again))
    first, second = described
    if first != second:
        raise TaskError("a task made from its arguments describes otherwise")


def _predictions_can_be_written(task: Task, outputs: Tensor, batch: Batch) -> None:
    predictions = _gathered(task, (outputs, batch))
    metrics, ids = predictions.metrics(), [f"{n}.png" for n in batch.ids.tolist()]
    _as_json("metrics", metrics)
    if metrics.get("images") != len(ids):
        raise TaskError(f"metrics count {metrics.get('images')} images of {len(ids)}")
    if not figures_of(metrics):
        raise TaskError("metrics have no figure")
    if not isinstance(metrics.get("baseline"), Mapping) or metrics["baseline"].keys() != {"value", "prediction"}:
        raise TaskError("metrics have no baseline with value and prediction")
    rows = predictions.rows(ids)
    _as_json("rows", rows)
    if [row.get("id") for row in rows] != ids or len({tuple(row) for row in rows}) != 1:
        raise TaskError("rows must be one for each sample, with its id and with the same columns")
    worst = predictions.worst(3)
    _as_json("the worst predictions", worst)
    if len(worst) > 3 or not {position for position, _ in worst} <= set(batch.ids.tolist()):
        raise TaskError("the worst predictions are more than asked for, or of samples that are not there")


def _an_image_is_described(task: Task, outputs: Tensor) -> None:
    described = [
        *task.describe(task.decode(outputs[:2]), _frames(["a.png", "b.png"])),
        task.unreadable("c.png", "empty file"),
    ]
    for one, name in zip(described, ("a.png", "b.png", "c.png"), strict=True):
        _as_json("a prediction", one.as_json())
        if (
            one.path != name
            or (one.error is None) == (name == "c.png")
            or (one.prediction is None) == (one.error is None)
        ):
            raise TaskError(f"the prediction of {name} is of another image, or has both a prediction and an error")
        if one.values().keys() != described[0].values().keys():
            raise TaskError("an unreadable image has other columns of CSV than a readable one")
        if not all(isinstance(cell, str) for cell in one.cells().values()):
            raise TaskError("cells of a table must be text")


def _frames(names: Sequence[str]) -> list[ImageFrame]:
    view = evaluation_view(1, image_size=(SIDE, SIDE), size=(SIDE, SIDE), normalization=Normalization((0.0,), (1.0,)))
    return [ImageFrame(name, (SIDE, SIDE), view) for name in names]


def _a_head_can_be_fitted(task: Task, learned: Tensor, targets: LoadedTargets) -> None:
    """On embeddings that tell the targets, where the task fits a linear head at all."""
    fit, count = task.head_fit("linear"), len(targets)
    if fit is None:
        return
    samples = EmbeddedSamples(learned.flatten(1), targets, torch.ones(count), torch.arange(count), seed=0)
    head, batch = fit(samples), samples.batch(torch.arange(count))
    with torch.inference_mode():
        outputs = head.module(samples.embeddings)
    if outputs.shape != (count, len(task.classes)) or outputs.dtype != torch.float32:
        raise TaskError(
            f"a fitted head gives {tuple(outputs.shape)}, {outputs.dtype}, not {len(task.classes)} float32 each"
        )
    if not _loss(task, outputs, batch) < _loss(task, torch.zeros_like(outputs), batch):
        raise TaskError("a fitted head has no lower loss than outputs of 0, on embeddings that tell the targets")


def _a_single_sample_is_enough(task: Task, targets: LoadedTargets) -> None:
    batch = _batch(targets, torch.tensor([0]))
    outputs = _some_outputs(task, batch)
    _loss(task, outputs, batch)
    _measured(task, (outputs, batch)).compute()
    _predictions_can_be_written(task, outputs, batch)


def _mixed_or_refused(task: Task, outputs: Tensor, batch: Batch) -> None:
    try:
        soft = task.soft_targets(batch.targets)
    except SettingError:
        return
    mixed = Batch(batch.inputs, soft.lerp(soft.flip(0), 0.3), batch.ids, batch.view)
    if not torch.isfinite(_loss(task, outputs, mixed)):
        raise TaskError("the loss of mixed targets is not finite")
    _measured(task, (outputs, mixed)).compute()


def _as_json(what: str, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TaskError(f"{what} cannot be written as JSON: {error}") from error
