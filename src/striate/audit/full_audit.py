"""All that `striate check` looks for, in the order of the checks."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from striate.audit.annotations import annotation_faults, box_faults, describe_boxes, describe_masks
from striate.audit.audit_finding import AuditFinding
from striate.audit.balance import imbalance, small_classes
from striate.audit.copies import blanks, exact_copies, near_copies
from striate.audit.duplicates import blank, exact_duplicates, hidden, near_duplicates
from striate.audit.files import unusable, wrong_names
from striate.audit.fingerprints import Fingerprints
from striate.audit.group_leakage import group_leaks
from striate.audit.inventory import class_counts, inventory
from striate.audit.label_errors import HeldOutPrediction, label_suspects
from striate.audit.near_equal_names import near_equal_names
from striate.audit.outliers import outliers
from striate.audit.scales import nearly_black, outlier_values, scale_by_class
from striate.audit.unused_content import bits_lost, first_frames, survey_findings
from striate.data import Canvas, Source
from striate.errors import SettingError
from striate.runs.weights_settings import resolve_with_weights
from striate.training import available_cores
from striate.training.data_defaults import canvas_of
from striate.training.recipe_choice import choose_recipe

__all__ = ["audit", "most_severe_first"]

_SEVERITIES: Final = ("stop", "warning", "note")


def audit(
    prints: Fingerprints, group: str | None, predictions: Sequence[HeldOutPrediction], run: str
) -> tuple[dict[str, Any], tuple[AuditFinding, ...]]:
    """The inventory and all findings, most severe first.

    group: a column or a regular expression, as `groups_of` takes it. predictions: those of `run` on images that it was not
    trained on; none where there is no run.
    """
    source, threads, canvas = prints.source, available_cores(), _default_canvas(prints.source)
    described, faults = _describe(prints, threads)
    empty = blank(prints)
    exact = exact_duplicates(prints)
    findings = [
        *unusable(prints.skipped),
        *wrong_names(prints),
        *first_frames(prints.many_frames),
        *bits_lost(prints.bits_lost),
        *survey_findings(source.survey, canvas),
        *scale_by_class(source),
        *outlier_values(source),
        *_nearly_black(prints),
        *blanks(prints, sorted(set(empty) - set(hidden(prints, empty)))),
        *exact_copies(prints, [one for one in exact if one[0] not in set(empty)]),
        *near_copies(prints, near_duplicates(prints, exact, empty, threads=threads)),
        *(group_leaks(prints, group) if group else []),
        *outliers(prints, canvas.fit),
        *_on_classes(prints),
        *annotation_faults(faults),
        *(label_suspects(predictions, run) if predictions else []),
    ]
    return described, most_severe_first(findings)


def most_severe_first(findings: Sequence[AuditFinding]) -> tuple[AuditFinding, ...]:
    return tuple(sorted(findings, key=lambda one: _SEVERITIES.index(one.finding.severity)))


def _describe(prints: Fingerprints, threads: int) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """The inventory, with that of boxes or masks, and the faults of annotations: id, description, kind."""
    source, described = prints.source, inventory(prints)
    faults: list[tuple[str, str, str]] = [
        (fault.id, f"{fault.where}: {fault.message}", fault.kind)
        for listing in source.splits.values()
        for fault in listing.faults
    ]
    faults += box_faults(prints)
    form = next(iter(source.splits.values())).targets.form
    if form == "boxes":
        described["objects"] = describe_boxes(prints)
    elif form == "masks":
        described["areas"], unreadable = describe_masks(prints, threads)
        faults += unreadable
    return described, faults


def _on_classes(prints: Fingerprints) -> list[AuditFinding]:
    """Findings on the balance and the names of classes, which concern no single file."""
    classes, counts = prints.source.classes, class_counts(prints)
    findings = [*small_classes(classes, counts), *imbalance(classes, counts)] if counts else []
    if prints.source.has_classes:
        findings += near_equal_names(classes)
    return [AuditFinding(one, ()) for one in findings]


def _nearly_black(prints: Fingerprints) -> list[AuditFinding]:
    if prints.source.survey.value_ranges:  # the scale of images of more than 8 bits is known
        return []
    at = {name: np.flatnonzero(prints.split == n) for n, name in enumerate(prints.splits)}
    return nearly_black(prints.brightness / 255, prints.contrast / 255, at, prints.labels(), prints.source.classes)


def _default_canvas(source: Source) -> Canvas:
    """The canvas of a training with default settings; of one from random weights where there are no others."""
    try:
        named = choose_recipe(source, {}).named
    except SettingError:  # the weights are not installed
        named = choose_recipe(source, {}, from_scratch=True).named
    return canvas_of(source, resolve_with_weights(source, named, {}).recipe)
