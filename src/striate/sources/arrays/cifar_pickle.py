"""The pickled dictionaries of CIFAR, read without running them.

CIFAR's Python version comes as pickles and as nothing else. A pickle is a program for a small machine that may import and
call anything. This file first looks at the whole program: an instruction outside the few that a dictionary of lists,
texts, numbers and arrays needs is refused, and so is a name outside the five below. Only then is it run, with stand-ins
in the place of these five that record what they are given: no code of NumPy takes part, so its version does not matter.
"""

import io
import os
import pickle
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, final

from striate.errors import DataError

__all__ = ["Array", "read_pickled"]

_ALLOWED: Final = frozenset(
    [
        "PROTO",
        "FRAME",
        "STOP",
        "MARK",
        "POP",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "INT",
        "LONG",
        "LONG1",
        "BININT",
        "BININT1",
        "BININT2",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "EMPTY_LIST",
        "LIST",
        "APPEND",
        "APPENDS",
        "EMPTY_DICT",
        "DICT",
        "SETITEM",
        "SETITEMS",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "GET",
        "BINGET",
        "LONG_BINGET",
        "PUT",
        "BINPUT",
        "LONG_BINPUT",
        "MEMOIZE",
        "GLOBAL",
        "STACK_GLOBAL",
        "REDUCE",
        "BUILD",
    ]
)
_MOST_INSTRUCTIONS: Final = 10_000_000  # the real files have 200,000


@final
@dataclass(frozen=True)
class Array:
    """The fields of a pickled array."""

    shape: tuple[int, ...]
    kind: str
    columns_first: bool
    content: bytes


def read_pickled(content: bytes, name: str) -> dict[str, object]:
    """The dictionary in a pickle, keys as text. Raises DataError, naming the file, for anything else; nothing is run."""
    try:
        _inspect(content)
        value = _Reader(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(value, dict):
            raise DataError("does not contain CIFAR's dictionary")
        return {
            os.fsdecode(key) if isinstance(key, bytes) else str(key): one.array() if isinstance(one, _Array) else one
            for key, one in value.items()
        }
    except DataError as refusal:
        raise DataError(f"{name} {refusal}; get a new copy from its authors") from None
    except Exception as error:  # noqa: BLE001 - a damaged pickle raises what its instructions run into: any kind, and each means the same
        raise DataError(f"{name} is not a pickle of CIFAR ({type(error).__name__}); get a new copy") from None


def _inspect(content: bytes) -> None:
    """DataError for an instruction, a name or a place in the machine's memory that no file of CIFAR needs."""
    for count, (instruction, argument, _) in enumerate(pickletools.genops(content), 1):
        if instruction.name not in _ALLOWED or count > _MOST_INSTRUCTIONS:
            raise DataError(f"is a pickle with the instruction {instruction.name}, which is not run")
        if instruction.name == "GLOBAL" and tuple(str(argument).split(" ", 1)) not in _STAND_INS:
            raise DataError(f"is a pickle that imports {str(argument)[:60]!a}, which is not run")
        if "PUT" in instruction.name and isinstance(argument, int) and argument > count:
            raise DataError("is a pickle that wastes memory")  # a place far beyond what it has stored


@final
class _Kind:
    """In the place of numpy.dtype."""

    def __init__(self, kind: object, *_: object) -> None:
        self.kind = kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)

    def __setstate__(self, state: object) -> None:
        """The order of bytes and the like, which single bytes do not have."""


@final
class _Array:
    """In the place of numpy.ndarray."""

    state: Any = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def array(self) -> Array:
        _, shape, kind, columns_first, content = self.state
        good = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
        if not good or not isinstance(kind, _Kind) or not isinstance(content, bytes):
            raise DataError("contains a damaged array")
        return Array(shape, kind.kind, bool(columns_first), content)


@final
class _Blank:
    """In the place of numpy's _reconstruct, which makes an array whose content comes afterwards."""

    def __new__(cls, *_: object) -> Any:
        return _Array()

    def __setstate__(self, state: object) -> None:
        """Never called with a state: a pickle that sets one on a class, and not on what it makes, fails by this."""


@final
class _Encode:
    """In the place of _codecs.encode, by which Python 3 writes bytes for Python 2."""

    def __new__(cls, text: str, encoding: str) -> Any:
        if encoding not in ("latin1", "latin-1"):
            raise ValueError(encoding)
        return text.encode("latin-1")

    def __setstate__(self, state: object) -> None:
        """See _Blank."""


_STAND_INS: Final[Mapping[tuple[str, ...], object]] = MappingProxyType(
    {
        ("numpy.core.multiarray", "_reconstruct"): _Blank,
        ("numpy._core.multiarray", "_reconstruct"): _Blank,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Kind,
        ("_codecs", "encode"): _Encode,
    }
)


@final
class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise DataError(f"is a pickle that imports {f'{module}.{name}'[:60]!a}, which is not run")
        return _STAND_INS[module, name]
