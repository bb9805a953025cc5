"""A finding: what is wrong, the evidence, and the command or setting that fixes it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["note", "warning", "stop"]


@dataclass(frozen=True)
class Finding:
    """One problem that was found; healthy data and healthy runs have none.

    `id` is from a fixed, documented vocabulary; `message` is one sentence; `evidence` holds the numbers that show it;
    `fix` is a command to type or a setting to change.
    """

    id: str
    severity: Severity
    message: str
    evidence: dict[str, Any]
    fix: str

    def line(self) -> str:
        """For a person."""
        return f"{self.severity}: {self.message} [{self.id}] Fix: {self.fix}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
