"""Figures as text: no digit that the interval makes meaningless."""

import math

import pytest

from striate.tasks import Figure, figures_of, main_figure


@pytest.mark.parametrize(
    ("figure", "text", "interval"),
    [
        (Figure("accuracy", 0.97312, 0.9611, 0.9822), "97.3 %", "96.1 to 98.2 %"),
        (Figure("R2", -0.04638, -0.2664, 0.07404, ""), "-0.05", "-0.27 to 0.07"),
        (Figure("R2", 0.98765, 0.98701, 0.98799, ""), "0.98765", "0.98701 to 0.98799"),
        (Figure("MAE", 1.909123, 1.618, 2.208, "years"), "1.91 years", "1.62 to 2.21 years"),
        (Figure("MAE", 15234.2, 14011.0, 16522.0, "g"), "15,234 g", "14,011 to 16,522 g"),
        (Figure("loss", 0.123456, None, None, ""), "0.1235", "\u2013"),
        (Figure("AUROC", math.nan, math.nan, math.nan), "\u2013 %", "\u2013 to \u2013 %"),
    ],
)
def test_as_text(figure, text, interval):
    assert figure.text() == text
    assert figure.interval_text() == interval


def test_figures_are_read_back_from_metrics_and_the_first_is_the_main_one():
    first, second = Figure("macro F1", 0.5, 0.4, 0.6), Figure("log loss", 0.3, 0.2, 0.4, "", higher_is_better=False)
    metrics = {
        "images": 9,
        **{one.key: one.as_json() for one in (first, second)},
        "baseline": {"value": 0.1, "prediction": ""},
    }
    assert list(metrics) == ["images", "macro_f1", "log_loss", "baseline"]
    assert figures_of(metrics) == [first, second]
    assert main_figure(metrics) == first
    assert (first.merit, second.merit) == (0.5, -0.3)
    assert Figure("top-5 accuracy", 1.0).key == "top5_accuracy"
    assert Figure("AUROC", math.nan).as_json()["value"] is None
