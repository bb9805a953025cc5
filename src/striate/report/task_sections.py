"""The part of a report on the task: one file a task, in a literal table; a stranger's task has its figures alone."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final

from striate.report import classify, multilabel, regress, segment
from striate.report.blocks import Fact, Figures, Section, Text
from striate.report.contents import ErrorImage
from striate.report.metric_tables import metric_table

__all__ = ["task_facts", "task_sections"]

REPORTS: Final[Mapping[str, ModuleType]] = {
    "classify": classify,
    "multilabel": multilabel,
    "regress": regress,
    "segment": segment,
}


def task_facts(task: str, metrics: Mapping[str, Any] | None) -> list[Fact]:
    """Numbers for the top of the page. metrics: of the reported split, None where there are none."""
    return REPORTS[task].facts(metrics) if task in REPORTS and metrics else []


def task_sections(
    task: str, metrics: Mapping[str, Any], reported: str | None, errors: Sequence[ErrorImage]
) -> list[Section]:
    """The sections of the task. metrics: by split, the reported one first."""
    if task in REPORTS:
        return REPORTS[task].sections(metrics, reported, errors)
    blocks = [Figures(metric_table(metrics)) if metrics else Text("The network was not evaluated.")]
    return [Section("metrics", "Metrics", blocks)]
