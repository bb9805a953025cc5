"""The last lines of a verb: the result, where it is, and after training the next command."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict

from striate.findings import Finding
from striate.jobs import Augmented, CrossValidationResult, LearningRateResult, Run
from striate.number_format import setting
from striate.report.range_test_chart import range_test_text
from striate.runs import Features
from striate.training.range_test import RULE
from striate.views import POLICIES, Policy


def print_closing(trained: Run | CrossValidationResult) -> None:
    """The result of `train` and `resume`."""
    if isinstance(trained, CrossValidationResult):
        _print_cross_validation(trained)
    else:
        _print_run(trained)


def _print_run(run: Run) -> None:
    print_findings(run.findings)
    print(run.verdict)
    print(f"report: {run.report}")
    print(f"next:   striate predict {shlex.quote(str(run.path))} IMAGE")


def _print_cross_validation(result: CrossValidationResult) -> None:
    found: dict[tuple[str, str], list[tuple[int, Finding]]] = {}
    for number, run in enumerate(result.runs, 1):
        for finding in run.findings:
            found.setdefault((finding.id, finding.message), []).append((number, finding))
    for each in found.values():
        numbers = ", ".join(str(number) for number, _ in each)
        print(f"{each[0][1].line()} (fold{'s' if len(each) > 1 else ''} {numbers})")
    print(result.line())
    print(
        f"runs:   {result.path}/fold-1 ... fold-{result.summary['folds']}; "
        f"the predictions of all folds: {result.path}/predictions.csv"
    )


def print_features(result: Features) -> None:
    count, dimensions = result.embeddings.shape
    print(f"features: {result.path} ({count:,} images, {dimensions:,} features each; embeddings, ids, labels, splits)")
    print(f"page:     {result.page}")


def print_learning_rate(found: LearningRateResult) -> None:
    """The chart in letters, the rate and its rule, where the SVG is, and the command that trains with the rate."""
    print("\n".join(range_test_text(found.test)))
    proposed = found.test.proposed()
    if proposed is None:
        print("rate:    none: the loss did not fall, or no more than it varies from step to step; look at the chart")
    else:
        print(f"rate:    {proposed:g}, {RULE}")
    print(f"chart:   {found.path}")
    if found.command is not None:
        print(f"next:    {found.command}")


def print_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        print(finding.line())


def print_augmented(sheet: Augmented) -> None:
    """The findings, the operations in their order, and where the PNG is."""
    print_findings(sheet.findings)
    classes = "classes" if sheet.has_classes else "numbers"
    print(f"data:   {sheet.data} ({sheet.kind}), task {sheet.task}, {len(sheet.classes)} {classes}")
    for note in sheet.notes:
        print(f"note:   {note}")
    values = {name: f"{value:.3g}" if isinstance(value, float) else value for name, value in sheet.by_recipe.items()}
    own = ", ".join(f"{name} = {value}" for name, value in values.items()) or "no augmentation"
    print(f"recipe: {sheet.recipe_name}, as in `striate train`; it sets {own}")
    side = sheet.recipe.model.size
    print(f"policy: {policy_name(sheet.recipe.augment)}, {side} x {side} pixels; operations in order:")
    for number, step in enumerate(sheet.steps, start=1):
        print(f"{number:>5}  {step}")
    if sheet.dropped:
        print(f"boxes:  {sheet.dropped} of {sheet.objects} lie mostly outside of the view and are dropped")
    print(f"png:    {sheet.path} ({sheet.rows} images, each with {sheet.columns - 1} augmented views)")


def policy_name(policy: Policy) -> str:
    """The policy, and what differs from it: "none + rotate 10"."""
    named = asdict(POLICIES[policy.name])
    changed = [
        f"{name} {f'{value:.3g}' if type(value) is float else setting(value)}"
        for name, value in asdict(policy).items()
        if value != named[name]
    ]
    return " + ".join([policy.name, *changed])
