"""What the report is made from: plain data, as the run folder holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from striate.findings import Finding
from striate.training import Epoch, SettingRow


@final
@dataclass(frozen=True)
class ErrorImage:
    """An image of which the prediction is bad, and what the task tells of it, such as its label and its prediction."""

    png: bytes
    id: str
    details: Mapping[str, Any]

    def row(self) -> dict[str, Any]:
        """Its row of errors.csv."""
        return {"id": self.id, **self.details}


@final
@dataclass(frozen=True)
class ReportContents:
    """All that a report shows; what a run does not have is empty, and a sentence of the page tells it."""

    task: str
    manifest: Mapping[str, Any]  # manifest.json
    settings: Sequence[SettingRow]
    metrics: Mapping[str, Any]  # metrics.json, by split
    history: Sequence[Epoch]
    findings: Sequence[Finding]
    errors: Sequence[ErrorImage]
    augmented: bytes | None  # PNG: a row a training image, first the original, then its augmented views
