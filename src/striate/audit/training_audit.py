"""What `train` checks: the survey before the data are split, and the splits once they are decoded."""

from collections.abc import Collection
from dataclasses import replace

from striate.audit.balance import absent_classes
from striate.audit.scales import outlier_values, scale_by_class
from striate.audit.split_checks import check_splits
from striate.audit.unlearned_classes import unlearned_classes
from striate.audit.unused_content import read_in_part, survey_findings
from striate.data import Canvas, Source, Splits
from striate.errors import DataError
from striate.findings import Finding
from striate.runs.random_splits import random_shares
from striate.training import Recipe

__all__ = ["audit_splits", "audit_survey"]


def audit_survey(source: Source, canvas: Canvas) -> list[Finding]:
    """What the survey found that the network cannot see: later frames, low bits, hidden or cropped content."""
    training = next(iter(source.splits.values()))
    found = (*read_in_part(source.survey, len(training.store)), *survey_findings(source.survey, canvas))
    return [one.finding for one in found]


def audit_splits(
    source: Source,
    splits: Splits,
    canvas: Canvas,
    existing: Collection[str],
    recipe: Recipe,
    *,
    needs_examples: bool,
) -> list[Finding]:
    """All other checks on decoded images; `existing` names the splits that the data came with, `needs_examples` is of the task.

    Raises DataError for leakage, unless the recipe sets `leakage = warn`, and for classes of which the task learns nothing.
    """
    background = canvas.rendering.background
    hiding = background if source.survey.hides_content(background) else None
    of_scales = [one.finding for one in (*scale_by_class(source), *outlier_values(source))]
    counts = {name: samples.counts() for name, samples in splits.by_name().items()}
    return [
        *(unlearned_classes(splits, source.location, is_fold=recipe.data.fold > 0) if needs_examples else ()),
        *(_without_leakage(one, recipe) for one in (*check_splits(splits, hiding), *of_scales)),
        *absent_classes(source.classes if counts["train"] else (), counts, random_shares(existing, recipe)),
    ]


def _without_leakage(finding: Finding, recipe: Recipe) -> Finding:
    """The finding; one of severity stop raises DataError, or becomes a warning where the recipe allows it."""
    if finding.severity != "stop":
        return finding
    if recipe.data.leakage == "warn":
        return replace(finding, severity="warning")
    pairs = ", ".join(" = ".join(map(str, pair)) for pair in finding.evidence.get("pairs", [])[:3])
    raise DataError(
        f"{finding.message.rstrip('.')}{f' ({pairs})' if pairs else ''}; {finding.fix}; `--leakage warn` trains anyway"
    )
