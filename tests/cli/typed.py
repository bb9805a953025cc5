"""A command as it is typed, run in this process; tests that need a process of its own start it."""

import contextlib
import io
from dataclasses import dataclass
from typing import final

import pytest

from striate.cli import main


@final
@dataclass(frozen=True)
class Printed:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def striate(*arguments: str) -> Printed:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(arguments)
    code = ended.value.code
    return Printed(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
