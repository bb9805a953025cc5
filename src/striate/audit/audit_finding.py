"""A finding of the audit, and all files that it concerns; the finding's own evidence names the first few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from striate.findings import Finding, Severity

__all__ = ["EXAMPLES", "AuditFinding", "audit_finding"]

EXAMPLES = 10  # files, or groups of files, that a finding's evidence names


@final
@dataclass(frozen=True)
class AuditFinding:
    """`files` has a tuple for each case: one id, or the ids of the images that are the same."""

    finding: Finding
    files: tuple[tuple[str, ...], ...]

    def as_json(self) -> dict[str, Any]:
        return {**self.finding.as_json(), "files": [list(case) for case in self.files]}


def audit_finding(
    name: str, severity: Severity, message: str, files: Sequence[tuple[str, ...]], figures: Mapping[str, Any], fix: str
) -> AuditFinding:
    """An AuditFinding whose evidence holds the figures, the number of cases and the first of them."""
    first = [case[0] if len(case) == 1 else list(case[:EXAMPLES]) for case in files[:EXAMPLES]]
    return AuditFinding(
        Finding(name, severity, message, {"count": len(files), **figures, "first": first}, fix), tuple(files)
    )
