"""Check data: read every image once, audit, and write a page on what is there and what is wrong."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from striate.analysis.learning_curve import LearningCurve, measure_learning_curve, more_would_help
from striate.audit import AuditFinding, audit, held_out_predictions, open_trained
from striate.audit.files import FileAccount, account
from striate.audit.fingerprints import take_fingerprints
from striate.audit.full_audit import most_severe_first
from striate.data import Source, describe_source, groups_of, require_classes, source_as_json
from striate.errors import DataError
from striate.progress import progress_display
from striate.report import render_check
from striate.report.check_contents import check_contents
from striate.runs.atomic import write_text
from striate.runs.output_paths import check_page_path, page_path
from striate.sources import TrainingData
from striate.training import available_cores, choose_device
from striate.training.opening import check_reading, open_data

__all__ = ["Checked", "check"]


@final
@dataclass(frozen=True)
class Checked:
    """The result of `check`; `page` is the page that was written."""

    source: Source
    account: FileAccount
    inventory: dict[str, Any]
    findings: tuple[AuditFinding, ...]
    curve: LearningCurve | None
    page: Path

    def __repr__(self) -> str:
        return f"<check of {self.source.location}: {self.account.used:,} images, {len(self.findings)} findings, {self.page}>"

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
            "findings": [one.as_json() for one in self.findings],
            "learning_curve": None if self.curve is None else self.curve.as_json(),
            "page": str(self.page),
        }


def check(
    data: TrainingData,
    *,
    out: str | Path | None = None,
    group: str | None = None,
    run: str | Path | None = None,
    learning_curve: bool = False,
    device: str = "auto",
    progress: bool = True,
    **reading: Any,
) -> Checked:
    """Look for what is wrong with data, changing nothing, and write a page that shows it.

    out: the page, `check-NAME.html` in the current folder if left out; never inside the data. group: a column of the
    table, or a regular expression whose first group finds the group in a file name. run: a finished run on these data,
    or all folds of a cross-validation, in whose held-out predictions wrong labels are searched.
    learning_curve: train a small network, on `device`, on growing shares of the data and estimate the gain of twice as many.
    reading: settings for reading the data (source, class_level, task, label_column ...). Raises StriateError for bad input.
    """
    check_reading(reading)
    chosen = choose_device(device)
    if out is not None:
        check_page_path(Path(out))
    trained = open_trained(run) if run else None
    source = open_data(data, reading)
    if group:
        groups_of(source, group)  # refuses a column that is not there before any image is read
    page = page_path(out, data, source)
    predictions = held_out_predictions(source, trained) if trained else []
    if learning_curve:
        require_classes(source, "a learning curve", "leave --learning-curve out")
    display = progress_display(progress)
    try:
        display.messages(describe_source(source))
        source.take_survey(display.reading)
        prints = take_fingerprints(source, threads=available_cores(), progress=display.reading)
        if len(prints) == 0:
            raise DataError(f"{source.location}: has no usable image; fix its files")
        inventory, findings = audit(prints, group, predictions, str(run))
        curve = measure_learning_curve(source, chosen, display.message) if learning_curve else None
        if curve is not None:
            findings = most_severe_first([*findings, *more_would_help(curve)])
        checked = Checked(source, account(prints), inventory, findings, curve, page)
        write_text(page, render_check(check_contents(prints, checked.account, inventory, findings, curve)))
    finally:
        display.close()
    return checked
