"""The report: one self-contained HTML page of a run, drawn from the plain data of its folder."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.report.contents import ErrorPicture as ErrorPicture
    from striate.report.contents import ReportContents as ReportContents
    from striate.report.page import render_report as render_report
    from striate.report.verdict import SPLITS as SPLITS
    from striate.report.verdict import read_verdict as read_verdict

_HOMES = {
    "ErrorPicture": "striate.report.contents",
    "ReportContents": "striate.report.contents",
    "SPLITS": "striate.report.verdict",
    "read_verdict": "striate.report.verdict",
    "render_report": "striate.report.page",
}

__all__ = ["SPLITS", "ErrorPicture", "ReportContents", "read_verdict", "render_report"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
