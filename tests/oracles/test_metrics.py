"""Metrics of masks, several labels and numbers against torchmetrics and monai: in the loop, and with their intervals at the end.

Where a class neither occurs nor is predicted ours is not defined (NaN), while torchmetrics gives 0: it is left out here.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torchmetrics.functional as tm
import torchmetrics.functional.classification as tmc
from monai.metrics.utils import get_mask_edges, get_surface_distance
from torch import Tensor

from striate.data import Batch, MaskTargets, MultiLabelTargets, RegressionTargets
from striate.data.targets import IGNORE, LoadedTargets
from striate.tasks import TASKS, Predictions, figures_of
from striate.tasks.segment.boundary import boundary_f
from striate.tasks.settings import LossSettings
from striate.views import Normalization, evaluation_view

pytestmark = pytest.mark.oracle

NAMES = ("a", "b", "c")


def measured(name: str, targets: LoadedTargets, outputs: Tensor) -> tuple[dict[str, float], Predictions]:
    """The metrics of the loop, and what is measured at the end, of outputs in three batches."""
    task = TASKS[name].for_training(NAMES, LossSettings(), targets)
    metrics, predictions = task.metrics(), task.predictions()
    for ids in torch.arange(len(targets)).split(len(targets) // 3 + 1):
        view = evaluation_view(
            len(ids), image_size=(24, 24), size=(24, 24), normalization=Normalization((0.0,), (1.0,))
        )
        batch = Batch(outputs[ids], targets.gather_on(torch.device("cpu"))(ids, view), ids, view)
        metrics.update(outputs[ids], batch)
        with_originals = replace(batch, originals=targets.originals(ids, view))
        predictions.update(task.decode(outputs[ids]), with_originals)
    return {one.key: one.value for one in metrics.compute()}, predictions


def of_classes(predictions: Predictions, key: str) -> list[float]:
    return [row[key]["value"] for row in predictions.metrics()["per_class"]]


def of_all(predictions: Predictions) -> dict[str, float]:
    return {one.key: one.value for one in figures_of(predictions.metrics())}


def test_iou_and_dice_of_masks() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (7, 24, 24), generator=generator)
    outputs = torch.randn(7, 3, 24, 24, generator=generator)
    outputs.scatter_add_(1, labels[:, None], torch.ones(7, 1, 24, 24))  # often right
    labels[:, :5] = IGNORE
    stored = labels.masked_fill(labels == IGNORE, 255).to(torch.uint8).numpy()
    loop, predictions = measured("segment", MaskTargets(stored, 3), outputs)
    iou = tmc.multiclass_jaccard_index(outputs, labels, 3, average=None, ignore_index=IGNORE)
    dice = tmc.multiclass_f1_score(outputs, labels, 3, average=None, ignore_index=IGNORE)
    accuracy = tmc.multiclass_accuracy(outputs, labels, 3, average="micro", ignore_index=IGNORE).item()
    assert loop["mean_iou"] == pytest.approx(iou.mean().item(), rel=1e-6)
    assert loop["pixel_accuracy"] == pytest.approx(accuracy, rel=1e-6)
    assert of_classes(predictions, "iou") == pytest.approx(iou.tolist(), rel=1e-6)
    assert of_classes(predictions, "dice") == pytest.approx(dice.tolist(), rel=1e-6)
    assert of_all(predictions)["mean_dice"] == pytest.approx(dice.mean().item(), rel=1e-6)
    assert of_all(predictions)["pixel_accuracy"] == pytest.approx(accuracy, rel=1e-6)


@pytest.mark.parametrize("tolerance", [1.0, 1.5, 3.0])
def test_boundary_f(tolerance: float) -> None:
    """By monai's distances between the edges of two masks. At the border of the image it has an edge, we have none."""
    generator = np.random.default_rng(0)
    masks = np.zeros((2, 40, 40), np.int64)
    for mask in masks:
        for _ in range(4):
            top, left = generator.integers(2, 25, 2)
            height, width = generator.integers(4, 12, 2)
            mask[top : top + height, left : left + width] = 1
    predicted, labels = masks
    edges = get_mask_edges(predicted.astype(bool), labels.astype(bool), crop=False)
    of_predicted, of_label = (np.asarray(one) for one in edges[:2])
    precision = (get_surface_distance(of_predicted, of_label) <= tolerance).mean()
    recall = (get_surface_distance(of_label, of_predicted) <= tolerance).mean()
    expected = 2 * precision * recall / (precision + recall)
    assert 0.1 < expected < 0.95
    assert boundary_f(predicted, labels, 2, tolerance)[1] == pytest.approx(expected, rel=1e-9)


def test_auroc_average_precision_and_f1_of_several_labels() -> None:
    """Many scores are equal."""
    generator = torch.Generator().manual_seed(0)
    positive = torch.rand(200, 3, generator=generator) < torch.tensor([0.5, 0.2, 0.05])
    outputs = ((torch.randn(200, 3, generator=generator) + positive) * 4).round() / 4
    loop, predictions = measured("multilabel", MultiLabelTargets(positive.numpy()), outputs)
    scores, labels = outputs.sigmoid(), positive.long()
    auroc = tmc.multilabel_auroc(scores, labels, 3, average=None)
    precision = tmc.multilabel_average_precision(scores, labels, 3, average=None)
    f1 = tmc.multilabel_f1_score((scores >= 0.5).long(), labels, 3, average=None)
    assert of_classes(predictions, "auroc") == pytest.approx(auroc.tolist(), rel=1e-6)
    assert of_classes(predictions, "average_precision") == pytest.approx(precision.tolist(), rel=1e-6)
    assert of_classes(predictions, "f1") == pytest.approx(f1.tolist(), rel=1e-6)
    figures = of_all(predictions)
    micro = tmc.multilabel_f1_score((scores >= 0.5).long(), labels, 3, average="micro").item()
    exact = tmc.multilabel_exact_match((scores >= 0.5).long(), labels, 3).item()
    assert (figures["micro_f1"], figures["exact_match"]) == pytest.approx((micro, exact), rel=1e-6)
    # in the loop scores are in bins, which each of these values has to itself
    assert loop["mean_auroc"] == pytest.approx(auroc.mean().item(), rel=1e-6)
    assert loop["mean_average_precision"] == pytest.approx(precision.mean().item(), rel=1e-6)


def test_r2_and_errors_of_numbers() -> None:
    generator = torch.Generator().manual_seed(0)
    scale, offset = torch.tensor([1.0, 50.0, 0.01]), torch.tensor([5.0, 1000.0, -0.3])
    standardized = torch.randn(80, 3, generator=generator)
    targets = RegressionTargets((standardized * scale + offset).numpy())
    outputs = standardized + 0.4 * torch.randn(80, 3, generator=generator)
    loop, predictions = measured("regress", targets, outputs)
    truth = torch.from_numpy(targets.values).double()
    predicted = outputs.double() * truth.std(0, correction=0) + truth.mean(0)
    r2 = tm.r2_score(predicted, truth, multioutput="raw_values")
    mae = tm.mean_absolute_error(predicted, truth, num_outputs=3)
    rmse = tm.mean_squared_error(predicted, truth, squared=False, num_outputs=3)
    for key, expected in (("r2", r2), ("mae", mae), ("rmse", rmse)):
        assert of_classes(predictions, key) == pytest.approx(expected.tolist(), rel=1e-6)
    assert loop["r2"] == pytest.approx(r2.mean().item(), rel=1e-5)
    assert of_all(predictions)["r2"] == pytest.approx(r2.mean().item(), rel=1e-6)
