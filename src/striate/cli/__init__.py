"""The command line: one file a verb, loaded when it is called, so that `striate --help` loads neither torch nor numpy."""

import os
import sys
from collections.abc import Sequence

import cyclopts
from cyclopts.exceptions import CycloptsError

from striate import __version__
from striate.errors import StriateError

HELP = """A workbench for convolutional networks.

Start with: striate train mnist
or: striate train FOLDER, with one sub-folder of images for each class.
"""
# verb: what it does, and an example that works; here and not in the verb's file, so that `--help` need not load it
VERBS = {
    "check": (
        "Look at data before training: what is there, and what is wrong.",
        "striate check photos --out photos.html",
    ),
    "train": (
        "Train a network on MNIST or on a folder of images.",
        "striate train mnist --epochs 2 --out runs/digits",
    ),
    "augment": (
        "Show on a sheet what augmentation makes of images.",
        "striate augment mnist --rotate 20 --out digits.png",
    ),
    "resume": ("Go on with a run that was cut off.", "striate resume runs/digits"),
    "evaluate": ("Measure a run on its test images or on other data.", "striate evaluate runs/digits --split test"),
    "predict": ("Say what is in images.", "striate predict runs/digits digit.png"),
    "models": ("List the networks.", "striate models 'res*'"),
    "info": ("Show a network layer by layer.", "striate info lenet5"),
    "version": ("Show the versions of striate and of what it stands on.", "striate version"),
}


def create_app() -> cyclopts.App:
    app = cyclopts.App(name="striate", help=HELP, version=__version__, help_format="plaintext", default_parameter=None)
    for verb, (says, example) in VERBS.items():
        app.command(f"striate.cli.{verb}:{verb}", name=verb, help=says, help_epilogue=f"Example: {example}")
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error that the user can mend is one line on the error stream and exit code 2."""
    _let_threads_sleep_soon()
    try:
        create_app()(arguments, exit_on_error=False, print_error=False)
    except StriateError as error:
        fail(str(error), error.exit_code)
    except CycloptsError as error:
        fail(" ".join(str(error).split()), 2)
    except KeyboardInterrupt:
        fail("interrupted", 130)
    except BrokenPipeError:
        # The reader went away (`striate models | head`); nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _let_threads_sleep_soon() -> None:
    """Set how long threads that wait for each other spin before they sleep; torch reads it once, when it is loaded.

    libgomp's default of milliseconds makes training ten times slower beside a busy neighbor; sleeping at once costs a third
    on an idle machine; this is short, and costs next to nothing. Whoever chose something keeps it.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def fail(message: str, exit_code: int) -> None:
    print(f"striate: {message}", file=sys.stderr)
    sys.exit(exit_code)
