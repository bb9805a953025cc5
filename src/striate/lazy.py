"""How a room shows its public names: they stand once, in its `__init__.pyi`, and a file is loaded when one of its names is used.

`import striate` and `striate --help` load neither torch nor numpy because of it; type checkers and editors read the same stub.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["public_names"]


def public_names(package: str, init: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of `package`, by the `from module import name as name` of its stub beside `init`."""
    with open(f"{init.removesuffix('.py')}.pyi", encoding="utf-8") as stub:  # noqa: PTH123 - `import striate` is to load nothing: pathlib takes 5 ms
        lines = [line.split() for line in stub if line.startswith("from ")]
    homes = {name: module for _, module, _, name, *_ in lines}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, found)  # the next use finds it without this function
        return found

    return get, lambda: sorted(homes), sorted(homes)
