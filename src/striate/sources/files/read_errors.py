"""Errors of libraries on damaged files as one line with the way out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from striate.data.names import printable
from striate.data.skipped_files import Unreadable
from striate.errors import DataError, StriateError

__all__ = ["read_errors", "readable"]

_MOST: Final = 160  # characters of a library's message


@contextmanager
def readable(name: str) -> Iterator[None]:
    """DataError, naming the file, where it is not a regular file or may not be read."""
    try:
        yield
    except Unreadable as failure:
        raise DataError(f"cannot read {name}: {failure.detail}; make it readable") from None
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}; make it readable") from None


@contextmanager
def read_errors(name: str, way_out: str) -> Iterator[None]:
    """Whatever a library raises on a damaged file as a DataError: NumPy, zipfile, pyarrow and openpyxl raise a dozen kinds."""
    try:
        yield
    except StriateError:
        raise
    except Unreadable as failure:
        raise DataError(f"cannot read {name}: {failure.detail}; make it readable") from None
    except MemoryError:
        raise DataError(
            f"cannot read {name}: there is not enough memory; close other programs, or split it into smaller files"
        ) from None
    except Exception as error:
        message = printable(" ".join(str(error).split()))[:_MOST] or type(error).__name__
        raise DataError(f"cannot read {name}: {message}; {way_out}") from error
