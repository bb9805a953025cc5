"""Numbers: figures against scikit-learn, losses against torch, and the coverage that prediction intervals promise."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from tests.tasks.frames import frames

from striate.data import Batch, RegressionTargets
from striate.errors import DataError
from striate.tasks import Regress
from striate.tasks.regress.metrics import conformal_quantile, regression_metrics
from striate.tasks.settings import LossSettings
from striate.views import Normalization, evaluation_view

NUMBERS = ("age [years]", "weight (kg)", "score")


def some_targets(count: int = 60, seed: int = 0) -> RegressionTargets:
    values = np.random.default_rng(seed).normal(size=(count, 3)) * [10, 0.1, 1000] + [40, 3, -5]
    return RegressionTargets(values.astype(np.float32))


def batch(targets: RegressionTargets) -> Batch:
    count = len(targets)
    view = evaluation_view(count, image_size=(4, 4), size=(4, 4), normalization=Normalization((0.0,), (1.0,)))
    return Batch(torch.zeros(count, 1, 4, 4), torch.from_numpy(targets.values), torch.arange(count), view)


TARGETS = some_targets()
TASK = Regress.for_training(NUMBERS, LossSettings(), TARGETS)


def test_names_and_units_come_from_the_header_and_the_scale_from_the_training_targets():
    assert TASK.scale.names == ("age", "weight", "score")
    assert TASK.scale.units == ("years", "kg", "")
    assert TASK.scale.means == pytest.approx(TARGETS.values.mean(0).tolist(), rel=1e-5)
    assert TASK.scale.stds == pytest.approx(TARGETS.values.std(0).tolist(), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", F.mse_loss),
        ("mae", F.l1_loss),
        ("huber", lambda outputs, targets: F.huber_loss(outputs, targets, delta=0.3)),
    ],
)
def test_the_loss_is_of_standardized_targets(name, expected):
    task = Regress.for_training(NUMBERS, LossSettings(name=name, huber_delta=0.3), TARGETS)
    outputs = torch.randn(60, 3)
    standardized = (TARGETS.values - TARGETS.values.mean(0)) / TARGETS.values.std(0)
    (loss,) = task.losses(outputs, batch(TARGETS)).values()
    assert torch.allclose(loss, expected(outputs, torch.from_numpy(standardized)), rtol=1e-4)


def test_the_figures_are_scikit_learns_in_the_units_of_the_data():
    outputs = torch.randn(60, 3, generator=torch.Generator().manual_seed(1))
    predictions, metrics = TASK.predictions(), TASK.metrics()
    whole = batch(TARGETS)
    for some in torch.arange(60).split(25):
        some_batch = Batch(whole.inputs[some], whole.targets[some], some, whole.view)
        predictions.update(TASK.decode(outputs[some]), some_batch)
        metrics.update(outputs[some], some_batch)
    predicted = TASK.decode(outputs).double().numpy()
    figures = predictions.metrics()
    truth = TARGETS.values.astype(np.float64)
    for d, row in enumerate(figures["per_class"]):
        pair = truth[:, d], predicted[:, d]
        assert row["r2"]["value"] == pytest.approx(r2_score(*pair), rel=1e-4)
        assert row["mae"]["value"] == pytest.approx(mean_absolute_error(*pair), rel=1e-4)
        assert row["rmse"]["value"] == pytest.approx(root_mean_squared_error(*pair), rel=1e-4)
        assert row["mae"]["low"] <= row["mae"]["value"] <= row["mae"]["high"]
        assert row["mae"]["unit"] == TASK.scale.units[d]
    mean = np.mean([row["r2"]["value"] for row in figures["per_class"]])
    assert figures["r2"]["value"] == pytest.approx(mean)
    assert metrics.compute()[0].value == pytest.approx(mean, rel=1e-4)
    assert "mae" not in figures  # years and kilograms have no mean


def test_a_single_number_has_its_errors_beside_r2():
    task = Regress.for_training(("age [years]",), LossSettings(), RegressionTargets(TARGETS.values[:, :1]))
    predictions, metrics = task.predictions(), task.metrics()
    some_batch = batch(RegressionTargets(TARGETS.values[:, :1]))
    predictions.update(task.decode(torch.zeros(60, 1)), some_batch)
    metrics.update(torch.zeros(60, 1), some_batch)
    figures = predictions.metrics()
    mean = np.abs(TARGETS.values[:, 0] - TARGETS.values[:, 0].mean()).mean()
    assert figures["mae"]["value"] == pytest.approx(mean, rel=1e-4)
    r2, mae = metrics.compute()
    assert (mae.name, mae.unit, mae.higher_is_better) == ("MAE", "years", False)
    assert mae.value == pytest.approx(mean, rel=1e-4)
    assert r2.value == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("count", [9, 20, 99])
def test_prediction_intervals_cover_what_they_promise(count):
    generator = np.random.default_rng(0)
    covered = []
    for _ in range(3000):
        errors = generator.exponential(size=count + 1)  # of a new image too
        width = conformal_quantile(errors[:-1])
        assert width is not None
        covered.append(errors[-1] <= width)
    expected = np.ceil((count + 1) * 0.9) / (count + 1)  # exact for errors without ties
    assert np.mean(covered) == pytest.approx(expected, abs=0.02)
    assert expected >= 0.9


def test_too_few_validation_images_give_no_interval():
    assert conformal_quantile(np.ones(8)) is None
    predictions = TASK.predictions()
    some_batch = batch(some_targets(8))
    predictions.update(TASK.decode(torch.zeros(8, 3)), some_batch)
    assert TASK.calibrated(predictions).scale.half_widths is None


def test_intervals_travel_with_the_task():
    predictions = TASK.predictions()
    predictions.update(TASK.decode(torch.randn(60, 3)), batch(TARGETS))
    calibrated = TASK.calibrated(predictions)
    assert calibrated.scale.half_widths is not None
    again = Regress.from_arguments(NUMBERS, json.loads(json.dumps(calibrated.arguments())))
    assert again.scale == calibrated.scale
    (one,) = again.describe(torch.tensor([[41.0, 3.1, -6.0]]), frames("a.png"))
    assert one.prediction == pytest.approx({"age": 41, "weight": 3.1, "score": -6})
    low, high = one.intervals["age"]
    assert (low + high) / 2 == pytest.approx(41)
    assert high - low == pytest.approx(2 * calibrated.scale.half_widths[0])
    assert predictions.metrics()["per_class"][0].keys() & {"coverage"} == set()  # not known before it is calibrated
    with pytest.raises(ValueError, match="scales of 3 numbers"):
        Regress.from_arguments(NUMBERS, {**calibrated.arguments(), "stds": [1.0, 0.0, 1.0]})


def test_a_number_that_is_always_the_same_is_refused():
    values = TARGETS.values.copy()
    values[:, 1] = 3.25
    with pytest.raises(DataError, match=r"weight \(kg\) is 3.25 in all of the 60 training images"):
        Regress.for_training(NUMBERS, LossSettings(), RegressionTargets(values))


def test_numbers_of_one_name_and_two_units_stay_two():
    values = RegressionTargets(TARGETS.values[:, :2].copy())
    task = Regress.for_training(("size [mm]", "size [px]"), LossSettings(), values)
    assert task.scale.names == ("size [mm]", "size [px]")
    (one,) = task.describe(torch.tensor([[1.0, 2.0]]), frames("a.png"))
    assert one.prediction == {"size [mm]": 1, "size [px]": 2}


@pytest.mark.parametrize(("scale", "offset"), [(1e-7, 0.0), (1e5, 0.0), (1.0, 4096.0)])
def test_r2_depends_neither_on_the_unit_nor_on_the_offset(scale, offset):
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(50, 1))
    guess = truth + 0.5 * generator.normal(size=(50, 1))
    plain, other = (
        regression_metrics(guess * a + b, truth * a + b, None, ("x",), ("",))["r2"]
        for a, b in ((1.0, 0.0), (scale, offset))
    )
    assert other["value"] == pytest.approx(plain["value"], rel=1e-6)
    targets = RegressionTargets((truth * scale + offset).astype(np.float32))
    assert Regress.for_training(("x",), LossSettings(), targets).scale.stds[0] == pytest.approx(
        truth.std() * scale, rel=1e-3
    )


def test_few_images_tell_nothing_of_others():
    metrics = regression_metrics(np.ones((2, 1)), np.array([[1.0], [2.0]]), None, ("x",), ("",))
    assert (metrics["r2"]["low"], metrics["r2"]["high"]) == (None, None)
