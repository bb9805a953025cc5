"""Figures of masks against scikit-learn's of pixels, intervals against their promise, counts against loops."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, jaccard_score

from striate.data import Batch
from striate.data.targets import IGNORE
from striate.tasks.figure import figures_of, main_figure
from striate.tasks.segment.metrics import segmentation_metrics
from striate.tasks.segment.pixel_counts import PixelCounts, image_counts, predicted_masks
from striate.views import Normalization, evaluation_view

CLASSES = ("background", "cat", "dog", "eel")


def some_masks(images: int = 6, seed: int = 0, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions and labels, N 7 5: mostly equal, some IGNORE; the last class is in neither."""
    generator = torch.Generator().manual_seed(seed)
    size = (images, 7, 5)
    labels = torch.randint(0, classes - 1, size, generator=generator)
    wrong = torch.rand(size, generator=generator) < 0.4
    predicted = torch.where(wrong, torch.randint(0, classes - 1, size, generator=generator), labels)
    labels[torch.rand(size, generator=generator) < 0.1] = IGNORE
    return predicted, labels


def metrics_of(predicted: torch.Tensor, labels: torch.Tensor, classes=CLASSES, boundary_f=None):
    return segmentation_metrics(image_counts(predicted, labels, len(classes)).numpy(), classes, boundary_f)


def batch(labels: torch.Tensor) -> Batch:
    count, height, width = labels.shape
    normalization = Normalization((0.0,), (1.0,))
    view = evaluation_view(count, image_size=(height, width), size=(height, width), normalization=normalization)
    return Batch(torch.zeros(count, 1, height, width), labels, torch.arange(count), view)


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_counts_of_each_image_are_those_of_a_loop(seed, images, classes):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(-1, classes, (images, 3, 4), generator=generator)
    predicted = torch.randint(0, classes, (images, 3, 4), generator=generator)
    expected = torch.zeros(images, classes, classes, dtype=torch.int64)
    for b, y, x in np.ndindex(images, 3, 4):
        if labels[b, y, x] != IGNORE:
            expected[b, labels[b, y, x], predicted[b, y, x]] += 1
    before = labels.clone(), predicted.clone()
    assert torch.equal(image_counts(predicted, labels, classes), expected)
    assert torch.equal(labels, before[0])
    assert torch.equal(predicted, before[1])


def test_other_devices_than_the_cpu_need_no_values_to_count():
    predicted, labels = (one.to("meta") for one in some_masks())  # where asking for a value is an error
    assert image_counts(predicted, labels, 4).shape == (6, 4, 4)
    metrics = PixelCounts(4)
    metrics.update(torch.zeros(6, 4, 7, 5, device="meta"), batch(labels))
    assert metrics.counts.device.type == "meta"


def test_the_figures_are_scikit_learns():
    predicted, labels = some_masks()
    figures = metrics_of(predicted, labels)
    counted = labels != IGNORE
    pair = labels[counted].numpy(), predicted[counted].numpy()
    known = {"labels": [0, 1, 2]}
    expected = {
        "mean_iou": jaccard_score(*pair, average="macro", **known),
        "mean_iou_without_background": jaccard_score(*pair, average="macro", labels=[1, 2]),
        "mean_dice": f1_score(*pair, average="macro", **known),
        "pixel_accuracy": accuracy_score(*pair),
        "frequency_weighted_iou": jaccard_score(*pair, average="weighted", **known),
    }
    assert {one.key: one.value for one in figures_of(figures)} == pytest.approx(expected)
    assert list(expected) == [one.key for one in figures_of(figures)]
    assert main_figure(figures).name == "mean IoU"
    assert all(figures[key]["low"] < figures[key]["value"] < figures[key]["high"] for key in expected)
    assert figures["confusion_matrix"] == confusion_matrix(*pair, labels=range(4)).tolist()
    for k, row in enumerate(figures["per_class"][:3]):
        assert row["class"] == CLASSES[k]
        assert row["iou"]["value"] == pytest.approx(jaccard_score(*pair, average=None, **known)[k])
        assert row["dice"]["value"] == pytest.approx(f1_score(*pair, average=None, **known)[k])
        assert row["pixels"] == pytest.approx((pair[0] == k).mean())
        assert row["iou"]["low"] < row["iou"]["value"] < row["iou"]["high"]
    json.dumps(figures, allow_nan=False)


def test_a_class_that_neither_occurs_nor_is_predicted_has_no_figures_and_does_not_count():
    predicted, labels = some_masks()
    figures = metrics_of(predicted, labels)
    assert figures["per_class"][3] | {"iou": 0, "dice": 0} == {
        "class": "eel",
        "images": 0,
        "pixels": 0,
        "iou": 0,
        "dice": 0,
    }
    assert figures["per_class"][3]["iou"]["value"] is None
    assert figures["per_class"][3]["dice"]["low"] is None
    three = metrics_of(predicted, labels, CLASSES[:3])
    assert figures["mean_iou"] == three["mean_iou"]
    predicted[0, 0, 0], labels[0, 0, 0] = 3, 0  # predicted once: now it counts as 0
    wrong = metrics_of(predicted, labels)
    assert wrong["per_class"][3]["iou"]["value"] == 0
    each = [row["iou"]["value"] for row in wrong["per_class"]]
    assert wrong["mean_iou"]["value"] == pytest.approx(np.mean(each))


def test_all_right_is_1_and_all_wrong_is_0():
    _, labels = some_masks()
    labels = labels.clamp_min(0)
    right, wrong = metrics_of(labels, labels), metrics_of((labels + 1) % 4, labels)
    assert [one.value for one in figures_of(right)] == [1] * 5
    assert [one.value for one in figures_of(wrong)] == [0] * 5


def test_the_baseline_is_what_the_most_frequent_class_everywhere_would_score():
    predicted, labels = some_masks(seed=2)
    labels[:2] = largest = 2
    figures = metrics_of(predicted, labels)
    everywhere = metrics_of(torch.full_like(predicted, largest), labels)
    assert figures["baseline"]["value"] == pytest.approx(everywhere["mean_iou"]["value"])
    assert figures["baseline"]["prediction"] == f"always {CLASSES[largest]!r}"


def test_images_are_counted_where_the_label_is_in_them():
    predicted, labels = some_masks(3)
    labels[labels == 1] = 0
    labels[1, 0, 0] = 1
    assert [row["images"] for row in metrics_of(predicted, labels)["per_class"]] == [3, 1, 3, 0]


def test_without_pixels_that_count_nothing_is_known():
    predicted, labels = some_masks(2)
    figures = metrics_of(predicted, torch.full_like(labels, IGNORE))
    assert figures["images"] == 2
    assert all(math.isnan(entry.value) for entry in figures_of(figures))
    assert figures["baseline"]["value"] is None
    json.dumps(figures, allow_nan=False)


def test_an_image_without_labels_changes_no_value():
    predicted, labels = some_masks()
    more = torch.cat([labels, torch.full_like(labels[:3], IGNORE)])
    one, other = metrics_of(predicted, labels), metrics_of(torch.cat([predicted, predicted[:3]]), more)
    assert [each.value for each in figures_of(one)] == [each.value for each in figures_of(other)]
    single = metrics_of(predicted[:1], labels[:1])["mean_iou"]
    assert single["low"] is single["high"] is None  # one image tells nothing of others


def test_boundary_scores_are_means_over_the_images_that_have_them():
    predicted, labels = some_masks(3)
    scores = np.array([[1.0, 0.5, np.nan, np.nan], [0.0, np.nan, np.nan, np.nan], [0.5, 0.0, 0.75, np.nan]])
    figures = metrics_of(predicted, labels, boundary_f=scores)
    assert [row["boundary_f"]["value"] for row in figures["per_class"]] == [0.5, 0.25, 0.75, None]
    assert figures["mean_boundary_f"]["value"] == 0.5
    assert figures["mean_boundary_f"]["low"] is None
    tripled = predicted.repeat(3, 1, 1), labels.repeat(3, 1, 1)
    several = metrics_of(tripled[0], tripled[1], boundary_f=np.tile(scores, (3, 1)))
    assert several["mean_boundary_f"]["low"] < 0.5 < several["mean_boundary_f"]["high"]
    json.dumps(figures, allow_nan=False)


def test_background_is_named_only_where_it_is_the_first_class():
    predicted, labels = some_masks()
    assert "mean_iou_without_background" not in metrics_of(predicted, labels, CLASSES[::-1])
    assert "mean_iou_without_background" not in metrics_of(predicted * 0, labels.clamp_max(0), CLASSES[:1])


def test_intervals_cover_the_figure_of_all_images_where_those_of_pixels_would_not():
    generator = np.random.default_rng(0)

    def drawn(images: int):
        """Images of 400 pixels, whose shares of errors differ from one to another."""
        positive = generator.binomial(400, generator.uniform(0.1, 0.6, images))
        share = generator.beta(2, 6, images)
        missed, alarmed = generator.binomial(positive, share), generator.binomial(400 - positive, share / 2)
        rows = [[400 - positive - alarmed, alarmed], [missed, positive - missed]]
        return np.array(rows).transpose(2, 0, 1)

    classes = ("ground", "tree")
    everything = segmentation_metrics(drawn(40_000), classes)
    covered = {"mean_iou": 0, "pixel_accuracy": 0, "mean_dice": 0}
    of_pixels, trials = 0, 150
    for _ in range(trials):
        figures = segmentation_metrics(drawn(50), classes)
        for name in covered:
            covered[name] += figures[name]["low"] <= everything[name]["value"] <= figures[name]["high"]
        share = figures["pixel_accuracy"]["value"]
        half = 1.96 * np.sqrt(share * (1 - share) / (50 * 400))
        of_pixels += abs(share - everything["pixel_accuracy"]["value"]) <= half
    assert min(covered.values()) > 0.87 * trials
    assert of_pixels < 0.5 * trials


def test_many_classes_do_not_take_the_memory():
    counts = np.random.default_rng(0).integers(0, 9, (4, 900, 900))
    assert len(segmentation_metrics(counts, tuple(map(str, range(900))))["per_class"]) == 900


def test_the_metrics_of_the_loop_are_those_of_the_split():
    predicted, labels = some_masks(7, seed=5)
    outputs = torch.nn.functional.one_hot(predicted, 4).permute(0, 3, 1, 2).float()
    metrics = PixelCounts(4)
    assert [one.name for one in metrics.compute()] == ["mean IoU", "pixel accuracy"]
    assert all(np.isnan(one.value) for one in metrics.compute())
    for some in torch.arange(7).split(3):
        metrics.update(outputs[some], batch(labels[some]))
    figures = metrics_of(predicted, labels)
    assert metrics.state()["counts"].tolist() == figures["confusion_matrix"]
    for one in metrics.compute():
        assert one.value == pytest.approx(figures[one.key]["value"])
    restored = PixelCounts(4)
    for name, value in restored.state().items():
        value.copy_(metrics.state()[name])
    assert restored.compute() == metrics.compute()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_predicted_class_is_that_of_the_largest_logit_and_of_equal_ones_the_first(dtype):
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randint(0, 4, (3, 9, 16, 17), generator=generator).to(dtype)  # many are equal
    for one in (outputs, outputs.contiguous(memory_format=torch.channels_last)):
        expected = torch.from_numpy(one.float().numpy().argmax(1))
        assert torch.equal(predicted_masks(one), expected)


def test_outputs_of_any_memory_format_and_precision_are_counted():
    predicted, labels = some_masks()
    outputs = torch.nn.functional.one_hot(predicted, 4).permute(0, 3, 1, 2)
    for one in (outputs.bfloat16(), outputs.float().contiguous(memory_format=torch.channels_last)):
        metrics = PixelCounts(4)
        metrics.update(one, batch(labels))
        assert torch.equal(metrics.counts, image_counts(predicted, labels, 4).sum(0))
