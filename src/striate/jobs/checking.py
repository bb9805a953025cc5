"""Checking data from start to finish: every image is read once, and what is there and what is wrong is written on one page."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from striate.audit.audit_finding import AuditFinding
from striate.audit.balance import imbalance, small_classes
from striate.audit.copies import blanks, exact_copies, near_copies
from striate.audit.duplicates import blank, exact_groups, hidden, near_groups
from striate.audit.files import Account, account, unusable, wrong_names
from striate.audit.fingerprints import Fingerprints, take_fingerprints
from striate.audit.groups import group_leaks
from striate.audit.inventory import class_counts, inventory
from striate.audit.label_errors import Answer, label_suspects
from striate.audit.names import near_equal_names
from striate.audit.objects import annotation_faults, box_faults, describe_boxes, describe_masks
from striate.audit.outliers import outliers
from striate.audit.pixels import bits_lost, first_frames, survey_findings
from striate.audit.scales import nearly_black, outlier_values, scale_by_class
from striate.data import Source, Unreadable, contact_sheet, describe_source, require_classes, source_as_json
from striate.data.decoding.canvas import Canvas
from striate.errors import DataError, RunError, SettingError
from striate.jobs.learning_curve import LearningCurve, measure_learning_curve, more_would_help
from striate.jobs.monitor import monitor_of
from striate.jobs.opening import check_reading, open_data, refuse_within_the_data
from striate.jobs.prepare import default_size
from striate.report import CheckContents, LearningCurvePoints, ShownCase, ShownFinding, render_check
from striate.runs import FoldsFolder, RunFolder
from striate.runs.atomic import write_text
from striate.sources import TrainingData
from striate.training import available_cores

__all__ = ["Checked", "check"]

SHEET = 48  # images on the contact sheet
SHOWN_SINGLE, SHOWN_GROUPS, SHOWN_MEMBERS = 12, 6, 4  # cases of a finding, and images of a group, on the page
THUMBNAIL = 96
_SEVERITIES = ("stop", "warning", "note")


@final
@dataclass(frozen=True)
class Checked:
    """What `check` found; `page` is where the page was written, None where none was asked for."""

    source: Source
    account: Account
    inventory: dict[str, Any]
    found: tuple[AuditFinding, ...]
    curve: LearningCurve | None
    page: Path | None

    def as_json(self) -> dict[str, Any]:
        """Everything, with all files that each finding concerns."""
        source = self.source
        return {
            "data": {
                "name": source.name,
                "location": source.location,
                "kind": source.kind,
                "task": source.task,
                **source_as_json(source),
            },
            "files": asdict(self.account),
            **self.inventory,
            "findings": [one.as_json() for one in self.found],
            "learning_curve": None if self.curve is None else self.curve.as_json(),
            "page": None if self.page is None else str(self.page),
        }


def check(
    data: TrainingData,
    *,
    out: str | Path | None = None,
    group: str | None = None,
    run: str | Path | None = None,
    learning_curve: bool = False,
    progress: bool = True,
    **reading: Any,
) -> Checked:
    """Look for what is wrong with data, changing nothing, and write a page that shows it.

    out: the page, `check-NAME.html` in the current folder if left out; never inside the data. group: a column of the
    table, or a regular expression whose first brackets find the group in a file name. run: a finished run on these data,
    or all folds of a cross-validation, whose answers to images it was not trained on are searched for wrong labels.
    learning_curve: train a small network on parts of the data and say what twice as many would bring. reading: how the data are
    read, by the settings of a Recipe that say so (source, class_level, task, label_column ...). Bad input is a StriateError.
    """
    check_reading(reading)
    opened = open_data(data, reading)
    page = _page_path(opened, data, out)
    answers = _answers(opened, run) if run else []
    if learning_curve:
        require_classes(opened)
    monitor = monitor_of(progress)
    try:
        for line in describe_source(opened):
            monitor.say(line)
        opened.take_survey(monitor.reading)
        prints = take_fingerprints(opened, threads=available_cores(), progress=monitor.reading)
        if len(prints) == 0:
            raise DataError(f"{opened.location} has no image that can be used; fix its files")
        described, found = _look(prints, group, answers, str(run))
        curve = measure_learning_curve(opened, monitor) if learning_curve else None
        if curve is not None:
            found = (*found, *more_would_help(curve))
            found = tuple(sorted(found, key=_rank))
        checked = Checked(opened, account(prints), described, found, curve, page)
        write_text(page, render_check(_contents(checked, prints)))
    finally:
        monitor.close()
    return checked


def _contents(checked: Checked, prints: Fingerprints) -> CheckContents:
    """What the page shows."""
    source, curve = checked.source, checked.curve
    return CheckContents(
        name=source.name,
        location=source.location,
        kind=source.kind,
        task=source.task,
        files=asdict(checked.account),
        inventory=checked.inventory,
        sides=np.sqrt(prints.heights * prints.widths),
        brightness=prints.brightness,
        findings=_shown(checked.found, prints),
        contact_sheet=_sheet(prints),
        learning_curve=None if curve is None else LearningCurvePoints(curve.sizes, curve.accuracies, curve.message),
        split_origin=source.split_origin,
        notes=source.notes,
    )


def _look(
    prints: Fingerprints, group: str | None, answers: Sequence[Answer], run: str
) -> tuple[dict[str, Any], tuple[AuditFinding, ...]]:
    """What is there, and all findings, the gravest first."""
    threads = available_cores()
    described = inventory(prints)
    faults: list[tuple[str, str, str]] = [
        (fault.id, f"{fault.where}: {fault.message}", fault.kind)
        for listing in prints.source.splits.values()
        for fault in listing.faults
    ]
    faults += box_faults(prints)
    if prints.source.task == "detect":
        described["objects"] = describe_boxes(prints)
    elif prints.source.task == "segment":
        described["areas"], unreadable = describe_masks(prints, threads)
        faults += unreadable
    named = prints.source.task != "regress"  # else they are columns
    empty = blank(prints)
    exact = exact_groups(prints)
    counts = class_counts(prints)
    balance = (
        [*small_classes(prints.source.classes, counts), *imbalance(prints.source.classes, counts)] if counts else []
    )
    found = [
        *unusable(prints.skipped),
        *wrong_names(prints),
        *first_frames(prints.many_frames),
        *bits_lost(prints.bits_lost),
        *survey_findings(prints.source.survey, _default_canvas(prints.source)),
        *scale_by_class(prints.source),
        *outlier_values(prints.source),
        *_nearly_black(prints),
        *blanks(prints, sorted(set(empty) - set(hidden(prints, empty)))),
        *exact_copies(prints, [one for one in exact if one[0] not in set(empty)]),
        *near_copies(prints, near_groups(prints, exact, empty, threads=threads)),
        *(group_leaks(prints, group) if group else []),
        *outliers(prints),
        *(AuditFinding(one, ()) for one in balance),
        *(AuditFinding(one, ()) for one in (near_equal_names(prints.source.classes) if named else [])),
        *annotation_faults(faults),
        *(label_suspects(answers, run) if answers else []),
    ]
    return described, tuple(sorted(found, key=_rank))


def _nearly_black(prints: Fingerprints) -> list[AuditFinding]:
    if prints.source.survey.value_ranges:  # of images of more than 8 bits their scale is known
        return []
    at = {name: np.flatnonzero(prints.split == n) for n, name in enumerate(prints.splits)}
    return nearly_black(prints.brightness / 255, prints.contrast / 255, at, prints.labels(), prints.source.classes)


def _default_canvas(source: Source) -> Canvas:
    """What training would see."""
    native = source.native()
    side = default_size(source.survey, native.fit)
    return replace(native, height=side, width=side)


def _rank(one: AuditFinding) -> int:
    return _SEVERITIES.index(one.finding.severity)


def _answers(source: Source, run: str | Path) -> list[Answer]:
    """A run's answers to images that it was not trained on."""
    folder = FoldsFolder.open(Path(run)) if FoldsFolder.is_at(Path(run)) else RunFolder.open(Path(run))
    trained_on = (folder.summary() if isinstance(folder, FoldsFolder) else folder.manifest())["data"]
    if source.task != "classify":
        raise SettingError(
            f"run = {run}: suspects among labels are for one class an image, and {source.location} has none"
        )
    if trained_on["location"] != source.location and trained_on["digest"] != source.digest():
        raise RunError(
            f"{run}: was trained on {trained_on['location']}, not on {source.location}; give a run on these data"
        )
    rows = [row for row in folder.predictions() if row["split"] != "train"]
    if not rows:
        raise RunError(f"{run}: has no answers to images it was not trained on; train with --val or --test above 0")
    known = {name for listing in source.splits.values() for name in listing.ids}
    try:
        answers = [
            Answer(
                row["id"], row["label"], row["prediction"], float(row["confidence"]), float(row["label_probability"])
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError):
        raise RunError(f"{run}: predictions.csv has no probabilities of labels; train anew") from None
    if not any(one.id in known for one in answers):
        raise RunError(f"{run}: its predictions name none of the images of {source.location}; train anew")
    return answers


def _page_path(source: Source, data: TrainingData, out: str | Path | None) -> Path:
    """Where the page goes. SettingError for a place inside the data, which are never written to."""
    name = (
        "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in source.name).strip("-.") or "data"
    )
    page = Path(f"check-{name}.html") if out is None else Path(out)
    if page.is_dir():
        raise SettingError(f"out = {page}: is a folder; name the HTML file in it")
    if not page.parent.is_dir():
        raise SettingError(f"out = {page}: there is no folder {page.parent}; make it, or choose another")
    refuse_within_the_data(page, data, source)
    return page


def _sheet(prints: Fingerprints) -> bytes | None:
    """A contact sheet whose images take turns through the classes."""
    labels = prints.labels()
    draw = np.random.default_rng(0).permutation(len(prints))
    if labels is None:
        chosen = draw[:SHEET]
    else:
        turn = np.zeros(len(prints), np.int64)
        for label in np.unique(labels):
            members = draw[labels[draw] == label]
            turn[members] = np.arange(len(members))
        chosen = np.lexsort((labels, turn))[:SHEET]
    images = [one for i in chosen if (one := _small_image(prints, int(i))) is not None]
    return contact_sheet(torch.from_numpy(np.stack(images)), columns=12) if images else None


def _small_image(prints: Fingerprints, i: int) -> np.ndarray[Any, Any] | None:
    """An image on the sheet's canvas, as training would show it; small ones at their own size."""
    native = prints.source.native()
    side = min(THUMBNAIL, max(native.height, native.width))
    try:
        canvas = replace(native, height=side, width=side, bits=8, rendering=prints.rendering)
        return prints.listing(i).store.decode(int(prints.row[i]), canvas)
    except Unreadable:
        return None


def _shown(found: Sequence[AuditFinding], prints: Fingerprints) -> list[ShownFinding]:
    """For the page: the first cases of each finding, their images side by side."""
    place = {prints.id(i): i for i in range(len(prints))} if any(one.files for one in found) else {}
    shown = []
    for one in found:
        groups = any(len(case) > 1 for case in one.files)
        cases = []
        for case in one.files[: SHOWN_GROUPS if groups else SHOWN_SINGLE]:
            at = [place[name] for name in case[:SHOWN_MEMBERS] if name in place]
            images = [image for i in at if (image := _small_image(prints, i)) is not None]
            if images:
                sheet = contact_sheet(torch.from_numpy(np.stack(images)), columns=SHOWN_MEMBERS)
                cases.append(ShownCase(sheet, case[:SHOWN_MEMBERS], len(case)))
        shown.append(ShownFinding(one.finding, tuple(cases)))
    return shown
