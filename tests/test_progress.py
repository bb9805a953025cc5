"""Lines of progress: the mark of the best epoch is explained once, where it is first shown."""

import pytest

from striate.progress import Lines, epoch_line
from striate.tasks import Figure
from striate.training import Epoch


def epoch(number: int, val: float | None) -> Epoch:
    figures = () if val is None else (Figure("accuracy", val),)
    return Epoch(number, number, 0.01, 0.5, (Figure("accuracy", 0.9),), val, figures, 100.0, 1.0)


@pytest.mark.parametrize("first", [0, 1])
def test_the_first_mark_has_its_legend(first: int, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for number in range(first, first + 3):
        lines.epoch(epoch(number, 0.5), best=number < first + 2)
    shown = capsys.readouterr().out.splitlines()
    assert ["(* best val accuracy so far)" in line for line in shown] == [True, False, False]
    assert ["%  *" in line or "% *" in line for line in shown] == [True, True, False]


def test_without_a_mark_there_is_no_legend(capsys: pytest.CaptureFixture[str]) -> None:
    Lines().epoch(epoch(1, None), best=True)
    assert "best val accuracy so far" not in capsys.readouterr().out


def test_a_fitted_head_is_no_epoch_and_has_no_learning_rate() -> None:
    head, first = epoch_line(epoch(0, 0.5), 12, True, False), epoch_line(epoch(1, 0.5), 12, False, False)
    assert head.startswith("head         loss 0.5")
    assert "lr" not in head
    assert head.index("loss") == first.index("loss")
    assert epoch_line(epoch(0, None), 0, False, False).startswith("head  loss 0.5")
