"""What a page is drawn from: plain data, as it lies in a run's folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from striate.findings import Finding
from striate.training import SettingRow


@final
@dataclass(frozen=True)
class ErrorImage:
    """One image that the network got wrong: what it is, what was said, how sure (0..1), and what the mistake cost."""

    png: bytes
    id: str
    true: str
    said: str
    probability: float
    loss: float


@final
@dataclass(frozen=True)
class ReportContents:
    """All that a report shows; a part that a run does not have is empty, and the page says so in words."""

    manifest: Mapping[str, Any]  # manifest.json
    settings: Sequence[SettingRow]
    metrics: Mapping[str, Any]  # metrics.json: figures of each split
    history: Sequence[Mapping[str, str | float | None]]  # rows of metrics.csv, as text or as numbers
    findings: Sequence[Finding]
    errors: Sequence[ErrorImage]
    sheet: bytes | None  # PNG: a row a training image, first as it is, then augmented
