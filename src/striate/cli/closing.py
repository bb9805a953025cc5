"""The last lines of a verb: what came out, where it is, and after training what to type next."""

import shlex
from collections.abc import Sequence

from striate.findings import Finding
from striate.jobs import Augmented, Folds, Run, verdict


def print_closing(run: Run) -> None:
    print_findings(run.findings)
    print(verdict(run))
    print(f"report: {run.report}")
    print(f"next:   striate predict {shlex.quote(str(run.path))} IMAGE")


def print_folds(folds: Folds) -> None:
    print(folds.line())
    print(
        f"runs:   {folds.path}/fold-1 ... fold-{folds.summary['folds']}; every image's prediction: predictions.csv there"
    )


def print_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        print(finding.line())


def print_augmented(sheet: Augmented) -> None:
    """What was found, what is done in which order, and where the sheet is."""
    print_findings(sheet.findings)
    classes = "numbers" if sheet.task == "regress" else "classes"
    print(f"data:   {sheet.data} ({sheet.kind}), to {sheet.task}, {len(sheet.classes)} {classes}")
    for note in sheet.notes:
        print(f"note:   {note}")
    print(
        f"policy: {sheet.recipe.augment.name}, {sheet.recipe.model.size} x {sheet.recipe.model.size} pixels, in this order"
    )
    for number, step in enumerate(sheet.steps, start=1):
        print(f"{number:>5}  {step}")
    if sheet.dropped:
        print(f"boxes:  {sheet.dropped} of {sheet.objects} mostly left the image and are not learned from")
    print(f"sheet:  {sheet.path} ({sheet.rows} images, as they are and in {sheet.columns - 1} epochs)")
