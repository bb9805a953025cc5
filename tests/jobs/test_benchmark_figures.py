"""Benchmarks read from a run folder what the run recorded."""

from benchmarks import fashion
from benchmarks.processes import Cost

from striate.jobs import Run


def test_the_figures_of_a_run_of_a_recipe(trained: Run) -> None:
    row = fashion.result(trained.path, 3, Cost(wall=2.0, cpu=3.0, peak_mib=1.0, others=None, load_before=0.0))
    assert (row.seed, row.accuracy) == (3, trained.metrics["test"]["accuracy"]["value"])
    assert (row.precision, row.parameters) == ("float32", sum(one.numel() for one in trained.model.parameters()))
