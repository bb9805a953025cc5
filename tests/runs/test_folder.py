"""The folder of a run: created once, locked by one, and its tables safe to open."""

import subprocess
import sys
from pathlib import Path

import pytest

from striate.errors import RunError
from striate.findings import Finding
from striate.runs import CrossValidationFolder, RunFolder
from striate.runs.folder import plain_name


def test_a_folder_that_exists_is_not_written_into(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("do not lose")
    with pytest.raises(RunError, match="already exists"):
        RunFolder.create(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "do not lose"


def test_a_file_in_the_way_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        RunFolder.create(tmp_path / "file" / "run")


def test_tables_come_back_and_formulas_are_disarmed(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.write_predictions([{"id": "=cmd()|x", "label": 'a"b,c\nd', "loss": 0.25}])
    assert folder.predictions() == [{"id": "'=cmd()|x", "label": 'a"b,c\nd', "loss": "0.25"}]


def test_tables_of_nothing_have_their_header(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.write_errors([], [])
    folder.write_predictions([])
    assert (folder.path / "errors" / "errors.csv").read_text() == "file,id,label,prediction,confidence,loss\n"
    assert (folder.path / "predictions.csv").read_text() == (
        "split,id,label,prediction,confidence,label_probability,loss\n"
    )
    assert folder.predictions() == []


def test_findings_come_back(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    findings = [Finding("some-id", "warning", "Something is off.", {"share": 0.5}, "striate train x")]
    assert not folder.is_worth_keeping()
    folder.write_findings(findings)
    assert folder.findings() == findings
    assert folder.is_worth_keeping()


def test_a_second_process_is_refused_while_the_first_works(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    other = """
import sys
from pathlib import Path
from striate.runs import RunFolder
with RunFolder(Path(sys.argv[1])).locked():
    pass
"""
    command = [sys.executable, "-c", other, str(folder.path)]
    with folder.locked():
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "another process is working on this run" in refused.stderr
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("manifest", ['{"status": "finished"}', '{"format": 1, "status": "finished"}'])
def test_a_run_of_an_earlier_version_is_refused(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(
        RunError, match="made by an earlier version of striate .*; train again: manifest.json has the command"
    ):
        RunFolder.open(tmp_path)
    (tmp_path / "folds.json").write_text(manifest)
    with pytest.raises(
        RunError, match="made by an earlier version of striate .*; train again: folds.json has the command"
    ):
        CrossValidationFolder.open(tmp_path).summary()


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(RunError, match="no such run"):
        RunFolder.open(tmp_path / "absent")
    with pytest.raises(RunError, match="is not a run folder"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize(
    ("name", "becomes"), [("Mnist Digits", "mnist-digits"), ("../..-x", "x"), ("ü/é-v1.5", "v1.5")]
)
def test_names_of_runs_are_plain(name, becomes):
    assert plain_name(name) == becomes


def test_a_run_folder_that_exists_is_followed_by_numbered_ones(tmp_path):
    names = [RunFolder.create_free(tmp_path / "runs" / "net-v1.5").path.name for _ in range(3)]
    assert names == ["net-v1.5", "net-v1.5-2", "net-v1.5-3"]


def test_of_several_at_once_each_gets_a_folder_of_its_own(tmp_path, monkeypatch):
    """However late another one comes: here between the choice of a name and its folder."""
    mkdir = Path.mkdir

    def mkdir_after_another(path: Path, *arguments: bool, **more: bool) -> None:
        if path.name in ("run", "run-2"):
            mkdir(path)
        mkdir(path, *arguments, **more)

    monkeypatch.setattr(Path, "mkdir", mkdir_after_another)
    assert RunFolder.create_free(tmp_path / "run").path.name == "run-3"


def test_parents_that_another_run_uses_are_not_removed(tmp_path):
    first, second = (RunFolder.create_free(tmp_path / "new" / "runs" / "run") for _ in range(2))
    first.remove()
    assert second.path.is_dir()
    second.remove()
    RunFolder.create_free(tmp_path / "other" / "run").remove()
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_numbers_are_written_as_they_are_and_formulas_are_not(tmp_path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    labels = ["-1", "-0.5", "+3", "-1e-5", "=1+1", "-1+1", "-", "@x", "+cmd|x", "-1\n"]
    folder.write_predictions([{"id": str(i), "label": label} for i, label in enumerate(labels)])
    written = [row["label"] for row in folder.predictions()]
    assert written == [*labels[:4], *(f"'{label}" for label in labels[4:])]


@pytest.mark.parametrize("given", ["run/bundle", "run/bundle/model.safetensors", "run/manifest.json"])
def test_what_belongs_to_a_run_is_answered_with_the_run(given, tmp_path):
    path = tmp_path / given
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "run" / "manifest.json").write_text("{}")
    path.mkdir() if given == "run/bundle" else path.touch()
    with pytest.raises(RunError, match=f"is not a run folder .*; it belongs to a run, give that: {tmp_path}/run$"):
        RunFolder.open(path)


@pytest.mark.parametrize("given", ["bundle", "bundle/model.safetensors"])
def test_a_bundle_without_its_run_is_answered_with_what_to_give(given, tmp_path):
    (tmp_path / "bundle").mkdir()
    for name in ("model.json", "model.safetensors"):
        (tmp_path / "bundle" / name).touch()
    with pytest.raises(RunError, match="is a bundle without its run; give the folder that `striate train` wrote"):
        RunFolder.open(tmp_path / given)
