"""The list of runs: what is recorded is shown, a dead process is told from a working one, and no damage ends it."""

import errno
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from striate.cli.run_table import print_runs
from striate.errors import RunError
from striate.runs import RunListing, RunSummary, find_runs, newest_first, sorted_by_figure
from striate.runs.lock import exclusive, is_locked
from striate.runs.run_summary import is_run, summarize_run
from striate.runs.text_files import FORMAT

ACCURACY = {"name": "accuracy", "value": 0.97, "low": 0.96, "high": 0.98, "unit": "%", "higher_is_better": True}
ERROR = {"name": "MAE", "value": 3.5, "low": 3.0, "high": 4.0, "unit": "years", "higher_is_better": False}
RECIPE = '[model]\nname = "lenet5"\n\n[origin]\nmodel = "user"\nlr = "recipe mnist-fast"\n'
NAMES = ("manifest.json", "metrics.json", "metrics.csv", "recipe.toml", "folds.json")


def write_run(folder: Path, status: str = "finished", day: int = 1, figure: dict[str, Any] = ACCURACY) -> Path:
    folder.mkdir(parents=True)
    manifest = {
        "format": FORMAT,
        "status": status,
        "started": f"2026-07-{day:02}T10:00:00+00:00",
        "data": {"name": "digits"},
        "model": {"name": "lenet5"},
    }
    if status == "finished":
        manifest |= {"timings": {"training": 8.0, "total": 10.0}, "reported_split": "test"}
        metrics = {"val": {"accuracy": {**ACCURACY, "value": 0.5}}, "test": {"images": 9, "main": figure}}
        (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "metrics.csv").write_text("epoch,seconds\n1,2.5\n2,4.5\n")
    return folder


def write_folds(folder: Path, status: str, *folds: str) -> Path:
    for number, of_fold in enumerate(folds, 1):
        write_run(folder / f"fold-{number}", of_fold, day=number)
    content: dict[str, Any] = {"format": FORMAT, "status": status, "folds": 3, "data": {"name": "digits"}}
    if status == "finished":
        content |= {"metric": {name: ACCURACY[name] for name in ("name", "unit", "higher_is_better")}}
        content |= {"accuracy": {"mean": 0.9, "std": 0.01, "low": 0.88, "high": 0.92}}
    (folder / "folds.json").write_text(json.dumps(content))
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


def test_a_finished_run_is_summarized_from_its_files(tmp_path):
    run = summarize_run(write_run(tmp_path / "run"))
    assert (run.status, run.data, run.model, run.recipe) == ("finished", "digits", "lenet5", "mnist-fast")
    assert run.started == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert run.seconds == 10.0
    assert run.split == "test"
    assert run.figure is not None
    assert run.figure.as_json() == ACCURACY


def test_the_time_of_a_resumed_run_counts_the_epochs_before(tmp_path):
    run = write_run(tmp_path / "run")
    (run / "metrics.csv").write_text("epoch,seconds\n1,50\n2,4.5\n")
    assert summarize_run(run).seconds == 54.5


def test_a_run_is_running_while_a_process_works_on_it_and_else_interrupted(tmp_path):
    run = write_run(tmp_path / "run", "running")
    with exclusive(run):
        assert is_locked(run)
        assert summarize_run(run).status == "running"
    assert not is_locked(run)
    assert summarize_run(run).status == "interrupted"
    assert summarize_run(run).seconds == 7.0
    assert summarize_run(run).figure is None


def test_a_run_that_finishes_while_it_is_read_is_not_interrupted(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run")
    finished = (run / "manifest.json").read_text()
    (run / "manifest.json").write_text(finished.replace('"finished"', '"running"'))

    def finish(folder: Path) -> bool:
        (folder / "manifest.json").write_text(finished)
        return False

    monkeypatch.setattr("striate.runs.run_summary.is_locked", finish)
    assert summarize_run(run).status == "finished"


@pytest.mark.skipif(sys.platform == "win32", reason="has no such locks")
def test_asking_whether_a_run_is_locked_keeps_no_one_out(tmp_path, monkeypatch):
    """`exclusive` is asked for while another thread asks, which ends as soon as `exclusive` waits."""
    import fcntl

    asking, waiting, passed = Event(), Event(), []
    flock = fcntl.flock

    def slow_flock(handle: int, operation: int) -> None:
        flock(handle, operation)
        if operation & fcntl.LOCK_SH:
            asking.set()
            waiting.wait(5)

    thread = Thread(target=lambda: passed.append(is_locked(tmp_path)))

    def wait(_: float) -> None:
        waiting.set()
        thread.join(5)

    monkeypatch.setattr("fcntl.flock", slow_flock)
    monkeypatch.setattr("striate.runs.lock.sleep", wait)
    thread.start()
    assert asking.wait(5)
    try:
        with exclusive(tmp_path):
            assert passed == [False]
    finally:
        waiting.set()
        thread.join(5)


def test_a_cross_validation_is_one_run(tmp_path):
    write_folds(tmp_path / "folds", "finished", "finished", "finished", "finished")
    (run,) = find_runs(tmp_path).runs
    assert (run.status, run.folds, run.finished_folds, run.seconds) == ("finished", 3, 3, 30.0)
    assert run.figure is not None
    assert (run.split, run.figure.value, run.figure.low, run.figure.high) == ("test", 0.9, 0.88, 0.92)
    assert run.started == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert (run.data, run.model, run.recipe) == ("digits", "lenet5", "mnist-fast")


@pytest.mark.parametrize(
    ("folds", "expected"),
    [((), "interrupted"), (("finished", "running"), "interrupted"), (("finished", "diverged"), "diverged")],
)
def test_a_cross_validation_that_ended_early_tells_how(folds, expected, tmp_path):
    run = summarize_run(write_folds_of(tmp_path / "folds", folds))
    assert (run.status, run.figure, run.finished_folds) == (expected, None, folds.count("finished"))
    with exclusive(run.path):
        assert summarize_run(run.path).status == "running"


def write_folds_of(folder: Path, folds: tuple[str, ...]) -> Path:
    folder.mkdir()
    return write_folds(folder, "running", *folds)


def test_runs_are_found_one_level_below_too_and_other_folders_are_named(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "seeds" / "1")
    write_run(tmp_path / "seeds" / "2" / "too-deep")
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "notes.txt").write_text("no folder")
    listing = find_runs(tmp_path)
    assert [str(run.path.relative_to(tmp_path)) for run in listing.runs] == ["a", "seeds/1"]
    assert [path.name for path in listing.foreign] == ["photos"]
    assert [run.path for run in find_runs(tmp_path / "a").runs] == [tmp_path / "a"]


def test_how_to_resume_is_printed_for_interrupted_runs_alone_and_what_is_no_run_is_named(tmp_path, capsys):
    write_run(tmp_path / "whole")
    (tmp_path / "photos").mkdir()
    for is_interrupted in (False, True):
        if is_interrupted:
            write_run(tmp_path / "cut-off", "running")
        listing = find_runs(tmp_path)
        print_runs(newest_first(listing.runs), listing, "runs")
        shown = capsys.readouterr().out
        assert ("`striate resume RUN` continues an interrupted run; for data in memory" in shown) == is_interrupted
        assert f"\nnot runs: {tmp_path / 'photos'}\n" in shown


def test_the_newest_comes_first_or_the_best_of_each_figure(tmp_path):
    for day, value in enumerate((0.7, 0.9, 0.8), 1):
        write_run(tmp_path / f"accuracy-{value}", day=day, figure={**ACCURACY, "value": value})
        write_run(tmp_path / f"mae-{value}", day=day + 10, figure={**ERROR, "value": value})
    write_run(tmp_path / "cut-off", "running", day=30)
    runs = find_runs(tmp_path).runs
    newest = ["cut-off", "mae-0.8", "mae-0.9", "mae-0.7", "accuracy-0.8", "accuracy-0.9", "accuracy-0.7"]
    assert [run.path.name for run in newest_first(runs)] == newest
    best = ["mae-0.7", "mae-0.8", "mae-0.9", "accuracy-0.9", "accuracy-0.8", "accuracy-0.7", "cut-off"]
    assert [run.path.name for run in sorted_by_figure(runs)] == best


def damages(value: Any) -> Iterator[Any]:
    """The value with one entry after the other removed, or replaced by something that it never is."""
    yield from (None, [], "x", 1e999, 10**400)
    if isinstance(value, dict):
        for name in value:
            yield {key: one for key, one in value.items() if key != name}
            yield from ({**value, name: other} for other in damages(value[name]))


@pytest.mark.parametrize("name", ["run/manifest.json", "run/metrics.json", "folds/folds.json"])
def test_a_damaged_run_is_listed_or_skipped_with_the_reason_beside_a_whole_one(name, tmp_path, capsys):
    write_run(tmp_path / "whole")
    path = tmp_path / name
    if path.parent.name == "run":
        write_run(path.parent)
    else:
        write_folds(path.parent, "finished", "finished")
    text = path.read_text()
    contents = [json.dumps(content) for content in damages(json.loads(text))]
    contents += [text[:length] for length in range(0, len(text), 23)] + [
        "[" * 100_000,
        "\0",
        '{"format": 9999, "status": ""}',
    ]
    runs: list[RunSummary] = []
    reasons: list[str] = []
    for content in contents:
        path.write_text(content)
        listing = find_runs(tmp_path)
        assert {"whole"} <= {run.path.name for run in listing.runs}
        assert len(listing.runs) + len(listing.damaged) == 2
        assert all(path.parent.name in reason for reason in listing.damaged)
        runs += [run for run in listing.runs if run.path == path.parent]
        reasons += listing.damaged
    json.dumps([run.as_json() for run in newest_first(runs)], allow_nan=False)
    print_runs(sorted_by_figure(runs), RunListing((), tuple(reasons), ()), "runs")
    assert capsys.readouterr().out.count("skipped: ") == len(reasons) > len(contents) / 4


@pytest.mark.parametrize("name", ["recipe.toml", "metrics.csv"])
@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[model", b"model = 1\n", b"origin = 1\n", b"epoch,seconds\nx,y\n", b"\0"]
)
def test_other_files_may_be_damaged_too(name, content, tmp_path):
    (write_run(tmp_path / "run") / name).write_bytes(content)
    listing = find_runs(tmp_path)
    assert len(listing.runs) + len(listing.damaged) == 1


def test_files_that_are_not_there_yet_are_no_damage(tmp_path):
    run = write_run(tmp_path / "run", "running")
    (run / "recipe.toml").unlink()
    (run / "metrics.csv").unlink()
    assert (summarize_run(run).recipe, summarize_run(run).seconds) == ("", None)


def test_the_manifest_of_another_program_is_named(tmp_path):
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / "manifest.json").write_text('{"name": "an extension of a browser"}')
    assert find_runs(tmp_path).damaged == (f"{tmp_path / 'extension' / 'manifest.json'}: is not a file of striate",)


def test_a_folder_that_may_not_be_read_is_skipped_with_the_reason(tmp_path, monkeypatch):
    write_run(tmp_path / "mine")
    write_run(tmp_path / "theirs")

    def refuse(folder: Path) -> bool:
        if folder.name == "theirs":
            raise PermissionError(errno.EACCES, "Permission denied")
        return is_run(folder)

    monkeypatch.setattr("striate.runs.list_runs.is_run", refuse)
    listing = find_runs(tmp_path)
    assert [run.path.name for run in listing.runs] == ["mine"]
    assert listing.damaged == (f"{tmp_path / 'theirs'}: cannot be read (Permission denied)",)
    with pytest.raises(RunError, match=r"theirs: cannot be read \(Permission denied\)"):
        find_runs(tmp_path / "theirs")


def test_a_folder_that_is_not_there_or_a_file_is_one_line(tmp_path):
    with pytest.raises(RunError, match="absent: no such folder"):
        find_runs(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="file: is a file"):
        find_runs(tmp_path / "file")
