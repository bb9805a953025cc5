"""The parser of the command line: one file a verb, loaded when it is called."""

import sys
from collections.abc import Sequence

import cyclopts
from cyclopts.exceptions import CycloptsError

from striate import __version__
from striate.cli.verbs import OVERVIEW, VERBS
from striate.errors import StriateError

__all__ = ["create_app", "run"]


def create_app() -> cyclopts.App:
    app = cyclopts.App(
        name="striate",
        help=OVERVIEW,
        version=__version__,
        help_format="plaintext",
        default_parameter=None,
        suppress_keyboard_interrupt=False,  # it would end without a word
    )
    for n, (name, verb) in enumerate(VERBS.items()):
        example = f"Example: {verb.example}"
        usage = f"Usage: striate {name} {verb.arguments}" if verb.arguments else None
        app.command(
            f"striate.cli.{name}:{name}", name=name, help=verb.help, help_epilogue=example, usage=usage, sort_key=n
        )
    return app


def run(arguments: Sequence[str]) -> None:
    """Run a command; an error that the user can fix is one line on stderr and exit code 2."""
    try:
        create_app()(arguments, exit_on_error=False, print_error=False)
    except StriateError as error:
        fail(str(error), error.exit_code)
    except CycloptsError as error:
        from striate.cli.parser_errors import parser_message

        fail(parser_message(error), 2)


def fail(message: str, exit_code: int) -> None:
    print(f"striate: {message}", file=sys.stderr)
    sys.exit(exit_code)
