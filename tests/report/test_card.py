"""The card of a run in a notebook: its figures, no code of a name, and no weight."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit
from xml.etree import ElementTree

import pytest

from striate.findings import Finding
from striate.report import CardContents, render_card

HOSTILE = "<script>alert(1)</script><img src=x onerror='alert(1)'>\"&\x1b[31m"
ACCURACY = {"name": "accuracy", "value": 0.97, "low": 0.96, "high": 0.98, "unit": "%", "higher_is_better": True}


def contents(name: str = "digits", epochs: int = 3, **changes: Any) -> CardContents:
    manifest: dict[str, Any] = {
        "data": {"name": name, "kind": name, "classes": [name], "counts": {"train": 1200, name: 9}},
        "model": {"name": name, "parameters": 1234},
        "best_epoch": 2,
        "reported_split": "test",
    }
    test = {"images": 100, "accuracy": {**ACCURACY, "name": name}, "baseline": {"value": 0.1, "prediction": name}}
    history = [{"epoch": n, "train_loss": 1 / n, "val_loss": 2 / n} for n in range(1, epochs + 1)]
    findings = [Finding("training-diverged", "stop", name, {}, name)]
    given = {
        "path": Path(name),
        "status": "finished",
        "manifest": manifest,
        "metrics": {"test": test},
        "history": history,
        "findings": findings,
        "report": Path(name) / "report.html",
        "hint": name,
    }
    return CardContents(**{**given, **changes})


def element(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html)  # it is XML as well, so that each element and attribute is known


def test_a_card_shows_the_run_its_figures_with_intervals_and_the_loss():
    card = element(render_card(contents()))
    text = " ".join(" ".join(card.itertext()).split())
    for shown in ("finished", "digits", "1,234 parameters", "97.0 %", "96.0 to 98.0 %", "test, 100 images", "10.0 %"):
        assert shown in text
    (link,) = card.iter("a")
    assert link.get("href") == "digits/report.html"
    assert [line.get("class") for line in card.iter("g") if "line" in str(line.get("class"))] == [
        "line train",
        "line validation",
    ]


def test_no_name_is_code():
    html = render_card(contents(HOSTILE.replace("/", "")))
    card = element(html)
    permitted = {
        "div",
        "style",
        "b",
        "span",
        "a",
        "table",
        "tr",
        "th",
        "td",
        "p",
        "svg",
        "g",
        "path",
        "text",
        "circle",
        "rect",
        "title",
    }
    assert {one.tag for one in card.iter()} <= permitted
    assert not [name for one in card.iter() for name in one.keys() if name.startswith("on")]  # noqa: SIM118 - an element is no dictionary
    assert "\x1b" not in html


@pytest.mark.parametrize(
    "name", ["javascript:alert(1)", "//elsewhere.example", "a b#c?d", os.fsdecode(b"run-\xff"), "/run-\xe9"]
)
def test_the_link_leads_to_the_report_and_nowhere_else(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (link,) = element(render_card(contents(report=Path(name) / "report.html"))).iter("a")
    target = str(link.get("href"))
    assert urlsplit(target)[:2] == (("file", "") if name.startswith("/") else ("", ""))  # no other scheme, no host
    assert urlsplit(target)[3:] == ("", "")  # nothing is cut off as a query or a fragment
    linked = Path(os.fsdecode(unquote_to_bytes(urlsplit(target).path)))
    assert linked.resolve() == (Path(name) / "report.html").resolve()


def test_a_run_without_results_has_neither_figures_nor_link_nor_chart():
    card = element(render_card(contents(metrics={}, history=[], findings=[], report=None, hint="")))
    assert not list(card.iter("a")) + list(card.iter("svg")) + list(card.iter("p"))
    assert len(list(card.iter("table"))) == 1


def test_many_epochs_weigh_little_and_end_with_the_last():
    html = render_card(contents(epochs=5000))
    assert len(html) < 30_000
    assert "epoch 5000:" in html
