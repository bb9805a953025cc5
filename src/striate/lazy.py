"""How a room shows its public names: they stand once, in its `__init__.pyi`, and a file is loaded when one is used.

`import striate` and `striate --help` load neither torch nor numpy because of it; type checkers and editors read the same stub.
"""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["public_names"]


def public_names(package: str, init: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of `package`, by the `from module import name as name` of its stub beside `init`."""
    stub = ast.parse(Path(init).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {
        name.name: line.module
        for line in stub.body
        if isinstance(line, ast.ImportFrom) and line.module
        for name in line.names
    }

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, found)  # the next use finds it without this function
        return found

    return get, lambda: sorted(homes), sorted(homes)
