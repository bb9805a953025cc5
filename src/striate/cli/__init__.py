"""The command line. `striate --help` loads neither the parser nor torch nor numpy: it is typed often, and must come at once."""

import os
import sys
from collections.abc import Sequence

from striate.cli.verbs import overview


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error that the user can fix is one line on stderr and exit code 2."""
    _let_threads_sleep_soon()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if list(arguments) in ([], ["-h"], ["--help"]):
            print(overview(), flush=True)
            return

        from striate.cli.app import run

        run(arguments)
    except KeyboardInterrupt:
        print("striate: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader is gone (`striate models | head`), and nothing more can be printed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _let_threads_sleep_soon() -> None:
    """Set how long threads that wait for each other spin before they sleep; torch reads it once, when it is loaded.

    libgomp's default of milliseconds makes training ten times slower beside a busy neighbor; sleeping at once costs a third
    on an idle machine; this is short, and costs next to nothing. What the user set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
