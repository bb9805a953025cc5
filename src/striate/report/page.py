"""The report page: each section's data is prepared by its own module; the words and the layout are in templates/."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from striate.number_format import count, duration, finite, four_digits, percent, percent_number, plain, setting
from striate.report.charts import training_curves
from striate.report.confusion_figure import SHADES
from striate.report.contents import ReportContents
from striate.report.gallery import embed
from striate.report.reproduce import moment, read_reproduction, training_seconds
from striate.report.task_sections import task_facts, task_sections
from striate.report.verdict import SPLITS, read_verdict, validation_chose
from striate.training import Epoch, SettingRow

SEVERITIES = ("stop", "warning", "note")
ORIGINS = ("user", "recipe", "weights", "data", "machine", "default")
CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (9, 10)} | {0x7F: 0x2421}


def render_report(contents: ReportContents) -> str:
    """One self-contained HTML page: no script, no network, every text escaped, safe to encode as UTF-8."""
    manifest, metrics = contents.manifest, contents.metrics
    data = manifest.get("data", {})
    verdict = read_verdict(manifest, metrics)
    by_split = {verdict.split: metrics[verdict.split], **metrics} if verdict else metrics
    best_epoch = finite(manifest.get("best_epoch"))
    page = (
        environment()
        .get_template("report.html.j2")
        .render(
            manifest=manifest,
            data=data,
            model=manifest.get("model", {}),
            reproduction=read_reproduction(manifest, contents.history),
            splits=SPLITS,
            verdict=verdict,
            facts=task_facts(contents.task, metrics[verdict.split] if verdict else None),
            sections=task_sections(contents.task, by_split, verdict.split if verdict else None, contents.errors),
            findings=sorted(contents.findings, key=lambda finding: SEVERITIES.index(finding.severity)),
            charts=training_curves(contents.history, None if best_epoch is None else int(best_epoch)),
            epochs=sum(row.epoch != 0 for row in contents.history),  # a fitted classifier is epoch 0
            fitted=_fitted_head(contents.history),
            training_seconds=training_seconds(manifest),
            validation_chose=validation_chose(manifest),
            augmented=embed(contents.augmented) if contents.augmented else None,
            shades=SHADES,
            settings=[(group, list(rows)) for group, rows in groupby(contents.settings, lambda row: row.group)],
            origins=_origins(contents.settings),
            skipped_reasons=Counter(file["reason"] for file in data.get("skipped", [])).most_common(),
        )
    )
    return encodable(page)


def _fitted_head(history: Sequence[Epoch]) -> Epoch | None:
    """The row of a head that was fitted on features, where no epoch followed."""
    return history[0] if len(history) == 1 and history[0].epoch == 0 else None


def _origins(settings: Sequence[SettingRow]) -> list[tuple[str, int]]:
    """How many values came from each origin; what the user typed first."""
    times = Counter(row.origin for row in settings)
    order = {kind: place for place, kind in enumerate(ORIGINS)}
    return sorted(times.items(), key=lambda item: order.get(item[0].partition(" ")[0], len(order)))


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("striate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (count, duration, four_digits, moment, percent, percent_number, plain, setting)
    made.filters |= {one.__name__: one for one in filters}
    return made


def encodable(page: str) -> str:
    """File names may hold bytes that are no text, and control characters: both are shown as visible characters."""
    return page.translate(CONTROLS).encode("utf-8", "backslashreplace").decode("utf-8")
