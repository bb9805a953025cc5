"""What the report is made from: plain data, as the run folder holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

from striate.findings import Finding
from striate.training import SettingRow


@final
@dataclass(frozen=True)
class ErrorImage:
    """A misclassified image: its label, its prediction, the confidence (0..1) of the prediction, and the loss."""

    png: bytes
    id: str
    label: str
    prediction: str
    confidence: float
    loss: float

    def row(self) -> dict[str, Any]:
        """Its row of errors.csv."""
        return {name: value for name, value in asdict(self).items() if name != "png"}


@final
@dataclass(frozen=True)
class ReportContents:
    """All that a report shows; what a run does not have is empty, and a sentence of the page tells it."""

    manifest: Mapping[str, Any]  # manifest.json
    settings: Sequence[SettingRow]
    metrics: Mapping[str, Any]  # metrics.json, by split
    history: Sequence[Mapping[str, str | float | None]]  # rows of metrics.csv, as text or as numbers
    findings: Sequence[Finding]
    errors: Sequence[ErrorImage]
    augmented: bytes | None  # PNG: a row a training image, first the original, then its augmented views
