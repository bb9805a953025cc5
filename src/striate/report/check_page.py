"""The page of a check: what is there, as figures and images, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy.typing as npt

from striate.findings import Finding
from striate.report.gallery import EmbeddedImage, embed
from striate.report.growth import GrowthFigures, growth
from striate.report.histograms import histogram
from striate.report.numbers import count
from striate.report.page import SEVERITIES, encodable, environment
from striate.report.verdict import SPLITS

__all__ = ["CheckContents", "ShownCase", "ShownFinding", "render_check"]

MOST_CLASSES = 60  # in the image of the balance; the largest and the smallest of more


@final
@dataclass(frozen=True)
class ShownCase:
    """A sheet of the images of one case, their ids, and how many the case has in all."""

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
    """All that the page shows. `files` and `inventory` are as in the JSON of the check."""

    name: str
    location: str
    kind: str
    task: str
    files: Mapping[str, Any]
    inventory: Mapping[str, Any]
    sides: npt.NDArray[Any]  # of each image, the root of its area in pixels
    brightness: npt.NDArray[Any]
    findings: Sequence[ShownFinding]
    sheet: bytes | None
    curve: GrowthFigures | None
    split_origin: str = ""
    notes: Sequence[str] = ()


@final
@dataclass(frozen=True)
class ClassBar:
    """A class: its images in each part, each also as a share of the largest class, in percent."""

    name: str
    total: int
    parts: tuple[tuple[str, int, str], ...]  # part, images, length


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
                histogram("Side, pixels", contents.sides, lambda side: f"{side:,.0f}"),
                histogram("Brightness, 0 to 255", contents.brightness, lambda level: f"{level:.0f}", (0.0, 255.0)),
            ],
            sheet=None if contents.sheet is None else sheet(contents.sheet),
            growth=None if contents.curve is None else growth(contents.curve),
            count=count,
        )
    )
    return encodable(page)


def class_bars(inventory: Mapping[str, Any]) -> list[ClassBar]:
    """Classes by size, the largest first; nothing where images have no classes."""
    counts: Mapping[str, Sequence[int]] = inventory["counts"]
    if not counts:
        return []
    totals = [sum(part) for part in zip(*counts.values(), strict=True)]
    largest = max(*totals, 1)
    return [
        ClassBar(
            inventory["classes"][n],
            totals[n],
            tuple((part, of_part[n], f"{100 * of_part[n] / largest:.2f}") for part, of_part in counts.items()),
        )
        for n in sorted(range(len(totals)), key=lambda n: -totals[n])
    ]


def sheet(png: bytes) -> EmbeddedImage:
    return embed(png)
