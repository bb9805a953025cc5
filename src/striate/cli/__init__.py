"""The command line: one file a verb, loaded when it is called, so that `striate --help` loads neither torch nor numpy."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import cyclopts
from cyclopts.exceptions import CycloptsError

from striate import __version__
from striate.errors import StriateError

HELP = """A workbench for convolutional networks.

Start with `striate train mnist`, or with `striate train FOLDER`, where FOLDER has one sub-folder of images for each class.
"""


@final
@dataclass(frozen=True)
class Verb:
    """What a verb does, in a line and in full, and an example that works."""

    summary: str
    details: str
    example: str

    @property
    def help(self) -> str:
        return f"{self.summary}\n\n{self.details}"


# here and not in the verbs' files, so that `--help` need not load them
VERBS = {
    "check": Verb(
        "Check data before training, and show what is wrong with it.",
        "Writes a page, check-NAME.html in the current folder, and changes nothing in the data. "
        "The exit code is 1 if a finding has the severity stop, else 0.",
        "striate check photos --out photos.html",
    ),
    "train": Verb(
        "Train a network on images.",
        "Creates a run folder with the weights, the metrics, the predictions and a report. A setting given here overrides the "
        "recipe; the report shows where each value comes from.",
        "striate train mnist --epochs 2 --out runs/digits",
    ),
    "augment": Verb(
        "Show images before and after augmentation.",
        "Writes a PNG. Each row is an image: the original, then its augmented views of the first epochs, with boxes, masks and "
        "keypoints transformed too. The images are of each class in turn.",
        "striate augment mnist --rotate 20 --out digits.png",
    ),
    "resume": Verb(
        "Resume an interrupted run.",
        "Continues from the newest valid checkpoint, and ends with the same weights as an uninterrupted run.",
        "striate resume runs/digits",
    ),
    "evaluate": Verb(
        "Evaluate a finished run on its test split, or on other data.",
        "Other data must have the same classes. Images that the run was trained on, or that chose its epoch, are excluded, "
        "whatever their names are.",
        "striate evaluate runs/digits --split test",
    ),
    "predict": Verb(
        "Predict the classes of images.",
        "Prints a row for each image, in order; a file that cannot be read has an error instead of a prediction. The exit code "
        "is 2 if no file can be read.",
        "striate predict runs/digits digit.png",
    ),
    "models": Verb("List the networks.", "Their size, cost, published accuracy and paper.", "striate models 'res*'"),
    "info": Verb(
        "Show a network layer by layer.",
        "Output shape, parameters, multiply-adds, memory and receptive field of each layer.",
        "striate info lenet5",
    ),
    "version": Verb(
        "Show the versions of striate and its dependencies.", "Include them in bug reports.", "striate version"
    ),
}


def create_app() -> cyclopts.App:
    app = cyclopts.App(name="striate", help=HELP, version=__version__, help_format="plaintext", default_parameter=None)
    for n, (name, verb) in enumerate(VERBS.items()):
        example = f"Example: {verb.example}"
        app.command(f"striate.cli.{name}:{name}", name=name, help=verb.help, help_epilogue=example, sort_key=n)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error that the user can fix is one line on stderr and exit code 2."""
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


def fail(message: str, exit_code: int) -> None:
    print(f"striate: {message}", file=sys.stderr)
    sys.exit(exit_code)
