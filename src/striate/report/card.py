"""The card that shows a run in a notebook."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import quote

from striate.findings import Finding
from striate.number_format import count, finite
from striate.report.charts import Chart, loss_chart
from striate.report.page import encodable, environment
from striate.report.verdict import SPLITS, decimals_of, read_verdict
from striate.tasks.figure import figures_of

__all__ = ["CardContents", "render_card"]

MOST_FIGURES: Final = 5  # the report has all
MOST_EPOCHS: Final = 100  # in the chart
STATUS_COLORS: Final = {"finished": "#0069a8", "running": "#59626b"}
PROBLEM_COLOR: Final = "#b84a00"  # interrupted, diverged


@final
@dataclass(frozen=True)
class CardContents:
    """What a card shows; `metrics`, `findings` and `report` are empty or None before a run ends."""

    path: Path
    status: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]  # the rows of metrics.csv
    findings: Sequence[Finding]
    report: Path | None
    hint: str = ""  # what to do next


def render_card(contents: CardContents) -> str:
    """A small piece of HTML, with the loss as SVG: no script, no network, every text escaped."""
    manifest = contents.manifest
    verdict = read_verdict(manifest, contents.metrics)
    figures = figures_of(contents.metrics[verdict.split])[:MOST_FIGURES] if verdict else []
    decimals = decimals_of(figures[0]) if figures else 0
    data, model, epochs = manifest["data"], manifest["model"], [row for row in contents.history if row["epoch"]]
    images = ", ".join(f"{split} {count(times)}" for split, times in data.get("counts", {}).items())
    card = (
        environment()
        .get_template("card.html.j2")
        .render(
            path=str(contents.path),
            status=contents.status,
            color=STATUS_COLORS.get(contents.status, PROBLEM_COLOR),
            facts=(
                ("data", f"{data['name']} ({data['kind']})"),
                *([("images", images)] if images else []),
                ("network", f"{model['name']}, {count(model['parameters'], 'parameter')}"),
                ("epochs", count(len(epochs))),
            ),
            verdict=verdict,
            splits=SPLITS,
            figures=[(one.title, one.text(decimals), one.interval_text(decimals)) for one in figures],
            lines=[*(finding.line() for finding in contents.findings), *([contents.hint] if contents.hint else [])],
            chart=_loss(contents.history, finite(manifest.get("best_epoch"))),
            report=contents.report,
            link=_link(contents.report) if contents.report else "",
        )
    )
    return encodable(card)


def _loss(history: Sequence[Mapping[str, float]], best_epoch: float | None) -> Chart:
    """Of many epochs every second, third ... one, the last among them: a notebook keeps each card."""
    rows = history[:: -math.ceil(len(history) / MOST_EPOCHS) or -1][::-1]
    train, validation = ([row.get(name) for row in rows] for name in ("train_loss", "val_loss"))
    return loss_chart(
        [int(row["epoch"]) for row in rows], train, validation, None if best_epoch is None else int(best_epoch)
    )


def _link(path: Path) -> str:
    """From a notebook in the current folder, which its server shows; to files outside of it by their address."""
    whole = path.resolve()
    here = Path.cwd()
    return quote(os.fsencode(whole.relative_to(here).as_posix())) if whole.is_relative_to(here) else whole.as_uri()
