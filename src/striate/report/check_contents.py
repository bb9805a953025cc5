"""What the page of a check is made from: the audit's figures and findings, with the images that they concern."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from striate.analysis.learning_curve import LearningCurve
from striate.audit import AuditFinding
from striate.audit.files import FileAccount
from striate.audit.fingerprints import Fingerprints
from striate.report.check_images import overview, shown_findings
from striate.report.check_page import CheckContents
from striate.report.learning_curve_chart import LearningCurvePoints

__all__ = ["check_contents"]


def check_contents(
    prints: Fingerprints,
    account: FileAccount,
    inventory: Mapping[str, Any],
    findings: Sequence[AuditFinding],
    curve: LearningCurve | None,
) -> CheckContents:
    """The contents of the page; images are read again to be shown."""
    source = prints.source
    return CheckContents(
        name=source.name,
        location=source.location,
        kind=source.kind,
        task=source.task,
        files=asdict(account),
        inventory=inventory,
        sides=np.sqrt(prints.heights * prints.widths),
        brightness=prints.brightness,
        findings=shown_findings(findings, prints),
        contact_sheet=overview(prints),
        learning_curve=None if curve is None else LearningCurvePoints(curve.sizes, curve.accuracies, curve.message),
        split_origin=source.split_origin,
        notes=source.notes,
    )
