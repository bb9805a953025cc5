"""What the parser refuses, in one line of ours: what is wrong, and the way out."""

from typing import Final

from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from striate.cli.verbs import VERBS
from striate.errors import nearest
from striate.training.recipe import also_called

__all__ = ["parser_message"]

KINDS: Final = {bool: "true or false", float: "a number"}


def parser_message(error: CycloptsError) -> str:
    """The message of an error of the parser; the parser's own where it has none here."""
    verb = " ".join(error.command_chain or ())
    match error:
        case UnknownCommandError(unused_tokens=[typed, *_]):
            return f"no command is called {typed!r}{nearest(typed, VERBS)}"
        case UnknownOptionError():
            return f"{verb} {_no_option(error)}"
        case UnusedCliTokensError(unused_tokens=[typed, *_]):
            return f"{typed!r}: {verb} takes no such argument; `striate {verb} --help` shows what it takes"
        case RepeatArgumentError():
            return f"{error.token.keyword} is given twice; leave one of them out"
        case MissingArgumentError():
            return _missing(error, verb)
        case CoercionError(msg=None) if error.token is not None and error.target_type in KINDS:
            return f"{error.token.keyword or ''} {error.token.value!r}: must be {KINDS[error.target_type]}".strip()
        case _:
            return " ".join(str(error).split())


def _no_option(error: UnknownOptionError) -> str:
    """The option that is meant, by what other libraries call it, or else the nearest."""
    typed = (error.token.keyword or error.token.value).partition("=")[0]
    known = [name for argument in error.argument_collection for name in argument.names if name.startswith("--")]
    meant = option_of(also_called(typed.removeprefix("--").replace("-", "_")) or "")
    return f"has no option {typed}" + (f"; use {meant}" if meant in known else nearest(typed, known))


def option_of(setting: str) -> str:
    """The option of a setting."""
    return f"--{setting.replace('_', '-')}"


def _missing(error: MissingArgumentError, verb: str) -> str:
    """An option without its value, or an argument that must be there."""
    assert error.argument is not None
    typed = error.keyword or next((token.keyword for token in error.argument.tokens if token.keyword), None)
    if typed is not None:
        return f"{typed}: a value is missing; `striate {verb} --help` shows what it takes"
    name = error.argument.name.lstrip("-").upper()
    return f"{name} is missing; example: {VERBS[verb].example}"
