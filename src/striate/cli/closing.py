"""The last lines of a training run: the result with its interval, where the report is, and what to type next."""

import shlex

from striate.jobs import Run, verdict


def print_closing(run: Run) -> None:
    for finding in run.findings:
        print(f"{finding.severity}: {finding.says} Fix: {finding.fix}")
    print(verdict(run))
    print(f"report: {run.report}")
    print(f"next:   striate predict {shlex.quote(str(run.path))} PICTURE")
