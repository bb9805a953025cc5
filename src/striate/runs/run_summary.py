"""A run, or a cross-validation, in a few words, from the small files of its folder. Nothing here needs torch."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, final

from striate.errors import RunError
from striate.number_format import finite
from striate.runs.format import check_format
from striate.runs.lock import is_locked
from striate.runs.text_files import FOLDS, FORMAT, HISTORY, MANIFEST, METRICS, RECIPE, read_csv, read_json
from striate.tasks.figure import Figure, main_figure

__all__ = ["RunSummary", "is_run", "run_status", "summarize_run"]


@final
@dataclass(frozen=True)
class RunSummary:
    """What a list of runs shows of each; text is empty, and the rest None, where nothing is recorded."""

    path: Path
    status: str  # running, finished, diverged, or interrupted: it is not finished, and no process works on it
    started: datetime | None
    data: str
    model: str
    recipe: str
    seconds: float | None  # of the work: a resumed run's epochs before count, and the time between does not
    split: str = ""
    figure: Figure | None = None  # the main one of that split
    folds: int = 0  # of a cross-validation
    finished_folds: int = 0

    def as_json(self) -> dict[str, Any]:
        folds = {"folds": self.folds, "finished_folds": self.finished_folds} if self.folds else {}
        return {
            "path": str(self.path),
            "status": self.status,
            "started": self.started and self.started.isoformat(),
            "data": self.data,
            "model": self.model,
            "recipe": self.recipe,
            "seconds": self.seconds,
            "split": self.split,
            "figure": self.figure and self.figure.as_json(),
            **folds,
        }


def is_run(folder: Path) -> bool:
    """Whether the folder is that of a run or of a cross-validation; PermissionError where it cannot be entered."""
    return (folder / MANIFEST).is_file() or (folder / FOLDS).is_file()


def run_status(folder: Path) -> str:
    """The status of a run: running, finished, diverged, or interrupted."""
    return _current(folder, MANIFEST)[1]


def summarize_run(folder: Path) -> RunSummary:
    """A summary of the run, or of the cross-validation as one. Raises RunError for a damaged folder, naming the file."""
    is_cross_validation = (folder / FOLDS).is_file()
    summarize = _cross_validation if is_cross_validation else _run
    try:
        return summarize(folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be read ({error.strerror})") from None
    except (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        kind = "cross-validation" if is_cross_validation else "run"
        raise RunError(f"{folder}: its files are not those of a {kind} ({type(error).__name__}: {error})") from None


def _run(folder: Path) -> RunSummary:
    manifest, status = _current(folder, MANIFEST)
    split, figure = _result(folder, manifest) if status == "finished" else ("", None)
    history = folder / HISTORY
    epochs = [finite(row.get("seconds")) or 0.0 for row in read_csv(history)] if history.is_file() else []
    times = [time for time in (finite(manifest.get("timings", {}).get("total")), finite(sum(epochs))) if time]
    return RunSummary(
        path=folder,
        status=status,
        started=_moment(manifest["started"]),
        data=_text(manifest["data"]["name"]),
        model=_text(manifest["model"]["name"]),
        recipe=_recipe(folder)[0],
        seconds=max(times, default=None),
        split=split,
        figure=figure,
    )


def _cross_validation(folder: Path) -> RunSummary:
    content, status = _current(folder, FOLDS)
    runs = [_run(path.parent) for path in sorted(folder.glob(f"fold-*/{MANIFEST}"))]
    if type(content["folds"]) is not int:
        raise TypeError("folds is not a whole number")
    if status == "interrupted" and any(run.status == "diverged" for run in runs):
        status = "diverged"
    recipe, model = _recipe(folder)
    return RunSummary(
        path=folder,
        status=status,
        started=min((run.started for run in runs if run.started), default=None),
        data=_text(content["data"]["name"]),
        model=model,
        recipe=recipe,
        seconds=sum(run.seconds or 0.0 for run in runs) or None,
        split="test" if status == "finished" else "",
        figure=_checked(_mean(content)) if status == "finished" else None,
        folds=content["folds"],
        finished_folds=sum(run.status == "finished" for run in runs),
    )


def _current(folder: Path, name: str) -> tuple[Mapping[str, Any], str]:
    """The content of a file with the status, and the status: that of a process that died is interrupted."""
    content = _record(folder, name)
    if content["status"] == "running" and not is_locked(folder):
        content = _record(folder, name)  # it may have finished since
        return content, "interrupted" if content["status"] == "running" else _text(content["status"])
    return content, _text(content["status"])


def _record(folder: Path, name: str) -> Mapping[str, Any]:
    content = read_json(folder / name)
    if not isinstance(content, dict) or "status" not in content:
        raise RunError(f"{folder / name}: is not a file of striate")
    check_format(folder, content.get("format"), FORMAT, command_in=name)
    return content


def _result(folder: Path, manifest: Mapping[str, Any]) -> tuple[str, Figure | None]:
    """The split that is reported, and its main figure; neither where no image was held out."""
    metrics = read_json(folder / METRICS)
    split = manifest.get("reported_split") or next(iter(metrics), "")
    return (split, _checked(main_figure(metrics[split]))) if metrics.get(split) else ("", None)


def _mean(content: Mapping[str, Any]) -> Figure:
    """The mean over the folds."""
    of_folds = content[Figure(**content["metric"], value=math.nan).key]
    return main_figure(
        {"mean": {**content["metric"], "value": of_folds["mean"], "low": of_folds["low"], "high": of_folds["high"]}}
    )


def _checked(figure: Figure) -> Figure:
    """The figure, whose values can be compared and shown. Raises TypeError."""
    numbers = (figure.value, figure.low, figure.high)
    if not all(one is None or isinstance(one, int | float) for one in numbers):
        raise TypeError("a figure is not a number")
    if (type(figure.name), type(figure.unit), type(figure.higher_is_better)) != (str, str, bool):
        raise TypeError("a figure has another name, unit or direction than striate writes")
    return replace(figure, value=float(figure.value))


def _recipe(folder: Path) -> tuple[str, str]:
    """The recipe by its name or that of its file, and the network; neither before they were written."""
    path = folder / RECIPE
    if not path.is_file():
        return "", ""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path}: is damaged ({error}); train again") from None
    origins = [_text(origin) for origin in content.get("origin", {}).values()]
    named = [origin.removeprefix("recipe ") for origin in origins if origin.startswith("recipe ")]
    return next(iter(named), ""), _text(content.get("model", {}).get("name"))


def _moment(time: str) -> datetime:
    """An ISO time, in the time zone of this machine."""
    return datetime.fromisoformat(time).astimezone()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
