"""A run that diverged is marked, with a finding on what to change."""

import pytest

from striate.errors import RunError
from striate.runs import RunFolder
from striate.runs.divergence import mark_diverged
from striate.runs.resuming import check_running, how_to_resume
from striate.sources import IN_MEMORY
from striate.training import Diverged, Recipe


@pytest.mark.parametrize(
    ("settings", "fix"), [({}, "--lr 0.05 or --clip-grad-norm 1"), ({"clip_grad_norm": 1.0}, "--lr 0.05")]
)
def test_a_run_that_diverged(tmp_path, settings, fix):
    folder = RunFolder.create(tmp_path / "run")
    folder.write_manifest({"status": "running"})
    check_running(folder)
    error = mark_diverged(folder, Diverged(epoch=2, step=30, learning_rate=0.5), Recipe.of(lr=0.5, **settings))
    assert f"at step 30 (epoch 2, lr 0.5); train again with {fix}; the checkpoints are in {folder.path}" in str(error)
    (finding,) = folder.findings()
    assert (finding.id, finding.severity, finding.fix) == ("training-diverged", "stop", fix)
    with pytest.raises(RunError, match="the run diverged; findings.json names settings to train again with"):
        check_running(folder)


def test_how_a_run_is_resumed(tmp_path):
    run = tmp_path / "run"
    assert how_to_resume(run, "/data") == f"`striate resume {run}`"
    assert how_to_resume(run, IN_MEMORY) == f"striate.resume('{run}', data=...) from Python"
    of_folds = f"striate.jobs.resume_folds('{run}', data=...) from Python"
    assert how_to_resume(run, IN_MEMORY, "cross-validation") == of_folds
