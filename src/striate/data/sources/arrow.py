"""pyarrow, where it is installed: it reads Parquet and Arrow files, and nothing else here needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from striate.data.names import printable
from striate.errors import DataError

__all__ = ["arrow", "arrow_errors"]


def arrow(module: str, wanted_by: str) -> ModuleType:
    """A module of pyarrow. DataError, naming the file that wants it, where it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        raise DataError(f"{wanted_by} is read with pyarrow, which is not here; pip install 'striate[tables]'") from None


@contextmanager
def arrow_errors(name: str) -> Iterator[None]:
    """Whatever pyarrow raises on a file as a DataError of one line."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        says = printable(" ".join(str(error).split()))[:160] or type(error).__name__
        raise DataError(f"cannot read {name}: {says}; get it anew") from error
