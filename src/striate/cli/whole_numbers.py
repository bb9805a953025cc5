"""Whole numbers as people type them: 10, 10_000, 1e3 and 2.0; 1.5 is refused."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter, Token

from striate.errors import SettingError

__all__ = ["WholeNumber", "whole_number", "whole_number_or_word"]


def whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """The whole number typed after an option. Raises SettingError for anything else."""
    typed = tokens[0].value
    try:
        return int(typed)
    except ValueError:
        pass
    try:
        number = float(typed)
        if number == int(number):
            return int(number)
    except (ValueError, OverflowError):  # nothing, or nan; infinity
        pass
    raise SettingError(f"{tokens[0].keyword or ''} {typed!r}: must be a whole number".strip())


def whole_number_or_word(kind: Any, tokens: Sequence[Token]) -> int | str:
    """The whole number typed after an option, or else the word, which is one of the setting's choices."""
    try:
        return whole_number(kind, tokens)
    except SettingError:
        return tokens[0].value


WholeNumber = Annotated[int, Parameter(converter=whole_number)]
