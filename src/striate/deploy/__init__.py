"""Deploying: what happens to a trained network on its way to where it is used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.deploy.export import Parity, export_program

__all__ = ["Parity", "export_program"]

_HOME = {"Parity": "export", "export_program": "export"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"striate.deploy.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
