"""The table of runs. It needs no torch, so that it comes at once."""

from collections.abc import Sequence

from striate.cli.print_table import Column, print_table, table_width
from striate.data.names import listed, printable
from striate.number_format import UNKNOWN, count, duration
from striate.report.verdict import decimals_of
from striate.runs import RunListing, RunSummary

__all__ = ["print_runs"]

MOST_FOREIGN = 3
WIDE, MEDIUM = 150, 100  # characters that have room for a run in one line, and in two


def print_runs(ordered: Sequence[RunSummary], listing: RunListing, folder: str) -> None:
    """A line for each run where it fits, as in a pipe, else two or three."""
    if not ordered:
        print(f"{printable(folder)}: there are no runs here; `striate train DATA` trains one")
    elif table_width() >= WIDE:
        _print_wide(ordered)
    else:
        _print_narrow(ordered, lines=2 if table_width() >= MEDIUM else 3)
    if any(run.status == "interrupted" for run in ordered):
        print(
            "`striate resume RUN` continues an interrupted run; for data in memory or your own task it names the call from Python"
        )
    for reason in listing.damaged:
        print(f"skipped: {printable(reason)}")
    if listing.foreign and ordered:
        print(f"not runs: {listed([printable(path) for path in listing.foreign], MOST_FOREIGN)}")


def _print_wide(runs: Sequence[RunSummary]) -> None:
    columns = [
        Column("run"),
        Column("started", whole=True),
        Column("status"),
        Column("data"),
        Column("network"),
        Column("recipe", whole=True),
        Column("result", whole=True),
        Column("95 % interval", whole=True),
        Column("duration", right=True, whole=True),
    ]
    rows = [
        (
            printable(run.path),
            f"{run.started:%Y-%m-%d %H:%M}" if run.started else UNKNOWN,
            ", ".join(_status(run)),
            *_about(run),
            " ".join(_figure(run)),
            _interval(run),
            _duration(run),
        )
        for run in runs
    ]
    print_table(columns, rows)


def _print_narrow(runs: Sequence[RunSummary], lines: int) -> None:
    """The run above its data, network and recipe, the figure above its interval: in 2 or 3 `lines`."""
    before_recipe, before_value = (", ", " ") if lines == 2 else ("\n  ", "\n")
    columns = [
        Column(f"run\n  data, network{before_recipe}recipe"),
        Column("started", whole=True),
        Column("status", whole=True),
        Column("result\n95 % interval", whole=True),
        Column("duration", right=True, whole=True),
    ]
    rows = []
    for run in runs:
        data, network, recipe = _about(run)
        rows.append(
            (
                f"{printable(run.path)}\n  {data}, {network}{before_recipe}{recipe}",
                f"{run.started:%Y-%m-%d\n%H:%M}" if run.started else UNKNOWN,
                "\n".join(_status(run)),
                f"{before_value.join(_figure(run))}\n{_interval(run)}" if run.figure else UNKNOWN,
                _duration(run),
            )
        )
    print_table(columns, rows)


def _about(run: RunSummary) -> list[str]:
    """Data, network, recipe."""
    return [printable(text) or UNKNOWN for text in (run.data, run.model, run.recipe)]


def _status(run: RunSummary) -> list[str]:
    """The status, and of a cross-validation its folds."""
    done = f"{run.finished_folds} of " if run.finished_folds < run.folds else ""
    return [printable(run.status), *([f"{done}{count(run.folds, 'fold')}"] if run.folds else [])]


def _figure(run: RunSummary) -> list[str]:
    """What the main figure is, and its value; a dash where there is none."""
    if run.figure is None:
        return [UNKNOWN]
    return [printable(f"{run.split} {run.figure.name}"), printable(run.figure.text(decimals_of(run.figure)))]


def _interval(run: RunSummary) -> str:
    return printable(run.figure.interval_text(decimals_of(run.figure))) if run.figure else UNKNOWN


def _duration(run: RunSummary) -> str:
    return duration(run.seconds) if run.seconds else UNKNOWN
