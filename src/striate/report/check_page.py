"""The page of `striate check`: what the data holds, and the findings with the images they concern."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy.typing as npt

from striate.findings import Finding
from striate.number_format import count
from striate.report.gallery import embed
from striate.report.histograms import histogram
from striate.report.learning_curve_chart import LearningCurvePoints, learning_curve_chart
from striate.report.page import SEVERITIES, encodable, environment
from striate.report.verdict import SPLITS

__all__ = ["CheckContents", "ShownCase", "ShownFinding", "render_check"]

MOST_CLASSES = 60  # in the table of classes; of more classes, the largest and the smallest


@final
@dataclass(frozen=True)
class ShownCase:
    """The images of one case of a finding side by side, their ids, and how many images the case has."""

    png: bytes
    ids: tuple[str, ...]
    members: int


@final
@dataclass(frozen=True)
class ShownFinding:
    finding: Finding
    cases: tuple[ShownCase, ...]


@final
@dataclass(frozen=True)
class CheckContents:
    """All that the page shows. `files` and `inventory` are as in `striate check --json`."""

    name: str
    location: str
    kind: str
    task: str
    files: Mapping[str, Any]
    inventory: Mapping[str, Any]
    sides: npt.NDArray[Any]  # square root of the area of each image, in pixels
    brightness: npt.NDArray[Any]
    findings: Sequence[ShownFinding]
    contact_sheet: bytes | None  # PNG
    learning_curve: LearningCurvePoints | None
    split_origin: str = ""
    notes: Sequence[str] = ()


@final
@dataclass(frozen=True)
class ClassBar:
    """A class: its images in each split, and their number in percent of the largest class."""

    name: str
    total: int
    splits: tuple[tuple[str, int, str], ...]  # split, images, length of the bar


def render_check(contents: CheckContents) -> str:
    """One self-contained HTML page: no script, no network, every text escaped, safe to encode as UTF-8."""
    bars = class_bars(contents.inventory)
    shown = [
        (one.finding, [(case, embed(case.png)) for case in one.cases])
        for one in sorted(contents.findings, key=lambda one: SEVERITIES.index(one.finding.severity))
    ]
    page = (
        environment()
        .get_template("check.html.j2")
        .render(
            contents=contents,
            splits={**SPLITS, "all": "all"},
            severities=[(name, sum(one.finding.severity == name for one in contents.findings)) for name in SEVERITIES],
            findings=shown,
            bars=bars[: MOST_CLASSES // 2] + bars[-MOST_CLASSES // 2 :] if len(bars) > MOST_CLASSES else bars,
            hidden=max(0, len(bars) - MOST_CLASSES),
            noun="objects" if contents.task == "detect" else "images",
            histograms=[
                histogram("Square root of the area, pixels", contents.sides, lambda side: f"{side:,.0f}"),
                histogram("Brightness, 0 to 255", contents.brightness, lambda level: f"{level:.0f}", (0.0, 255.0)),
            ],
            contact_sheet=None if contents.contact_sheet is None else embed(contents.contact_sheet),
            learning_curve=None if contents.learning_curve is None else learning_curve_chart(contents.learning_curve),
            count=count,
        )
    )
    return encodable(page)


def class_bars(inventory: Mapping[str, Any]) -> list[ClassBar]:
    """Classes by their number of images, the largest first; empty where images have no classes."""
    counts: Mapping[str, Sequence[int]] = inventory["counts"]
    if not counts:
        return []
    totals = [sum(each) for each in zip(*counts.values(), strict=True)]
    largest = max(*totals, 1)
    return [
        ClassBar(
            inventory["classes"][n],
            totals[n],
            tuple((split, images[n], f"{100 * images[n] / largest:.2f}") for split, images in counts.items()),
        )
        for n in sorted(range(len(totals)), key=lambda n: -totals[n])
    ]
