"""pyarrow, where it is installed: it reads Parquet and Arrow files, and nothing else here needs it."""

from importlib import import_module
from types import ModuleType

from striate.errors import DataError

__all__ = ["arrow"]


def arrow(module: str, wanted_by: str) -> ModuleType:
    """A module of pyarrow. DataError, naming the file that wants it, where it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        raise DataError(f"{wanted_by} needs pyarrow, which is not installed; pip install 'striate[tables]'") from None
