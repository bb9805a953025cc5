"""The runs in a folder. Nothing here needs torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

from striate.errors import RunError
from striate.runs.run_summary import RunSummary, is_run, summarize_run

__all__ = ["RunListing", "find_runs", "newest_first", "sorted_by_figure"]


@final
@dataclass(frozen=True)
class RunListing:
    """The runs of a folder, the reasons why damaged ones are skipped, and the folders that are no runs."""

    runs: tuple[RunSummary, ...]
    damaged: tuple[str, ...]
    foreign: tuple[Path, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": [run.as_json() for run in self.runs],
            "damaged": list(self.damaged),
            "no_runs": [str(path) for path in self.foreign],
        }


def find_runs(folder: Path) -> RunListing:
    """The runs in a folder, or one level below in a folder that is none itself; or the run that the folder is.

    A cross-validation is one run. Raises RunError where the folder cannot be read.
    """
    try:
        if not folder.exists():
            raise RunError(f"{folder}: no such folder; give one with runs, as `striate train` writes them")
        if not folder.is_dir():
            raise RunError(f"{folder}: is a file; give a folder with runs, as `striate train` writes them")
        children = [folder] if is_run(folder) else _folders(folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be read ({error.strerror})") from None
    runs: list[RunSummary] = []
    damaged: list[str] = []
    foreign: list[Path] = []
    for child in children:
        try:
            found = [child] if is_run(child) else [one for one in _folders(child) if is_run(one)]
        except OSError as error:
            damaged.append(f"{child}: cannot be read ({error.strerror})")
            continue
        if not found:
            foreign.append(child)
        for one in found:
            try:
                runs.append(summarize_run(one))
            except RunError as error:
                damaged.append(str(error))
    return RunListing(tuple(runs), tuple(damaged), tuple(foreign))


def newest_first(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """By their start; those without one come last."""
    return sorted(runs, key=lambda run: run.started or datetime.min.replace(tzinfo=UTC), reverse=True)


def sorted_by_figure(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The best first, accuracies apart from errors and the like; then those without a figure, the newest first."""

    def place(run: RunSummary) -> tuple[bool, str, float]:
        figure = run.figure
        return (figure is None, figure.name if figure else "", -figure.merit if figure else math.inf)

    return sorted(newest_first(runs), key=place)


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if not one.name.startswith(".") and one.is_dir())
