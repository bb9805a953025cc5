"""The report: one self-contained HTML page of a run, drawn from the plain data of its folder; and the page of a check."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.report.check_page import CheckContents as CheckContents
    from striate.report.check_page import ShownCase as ShownCase
    from striate.report.check_page import ShownFinding as ShownFinding
    from striate.report.check_page import render_check as render_check
    from striate.report.contents import ErrorPicture as ErrorPicture
    from striate.report.contents import ReportContents as ReportContents
    from striate.report.growth import GrowthFigures as GrowthFigures
    from striate.report.page import render_report as render_report
    from striate.report.verdict import SPLITS as SPLITS
    from striate.report.verdict import read_verdict as read_verdict

_HOMES = {
    "CheckContents": "striate.report.check_page",
    "ErrorPicture": "striate.report.contents",
    "GrowthFigures": "striate.report.growth",
    "ReportContents": "striate.report.contents",
    "SPLITS": "striate.report.verdict",
    "ShownCase": "striate.report.check_page",
    "ShownFinding": "striate.report.check_page",
    "read_verdict": "striate.report.verdict",
    "render_check": "striate.report.check_page",
    "render_report": "striate.report.page",
}

__all__ = [
    "SPLITS",
    "CheckContents",
    "ErrorPicture",
    "GrowthFigures",
    "ReportContents",
    "ShownCase",
    "ShownFinding",
    "read_verdict",
    "render_check",
    "render_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
