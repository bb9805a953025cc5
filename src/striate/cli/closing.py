"""The last lines of a training run: the result with its interval, where the report is, and what to type next."""

import shlex
from collections.abc import Sequence

from striate.findings import Finding
from striate.jobs import Folds, Run, verdict


def print_closing(run: Run) -> None:
    print_findings(run.findings)
    print(verdict(run))
    print(f"report: {run.report}")
    print(f"next:   striate predict {shlex.quote(str(run.path))} PICTURE")


def print_folds(folds: Folds) -> None:
    print(folds.line())
    print(
        f"runs:   {folds.path}/fold-1 ... fold-{folds.summary['folds']}; every picture's prediction: predictions.csv there"
    )


def print_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        print(f"{finding.severity}: {finding.says} Fix: {finding.fix}")
