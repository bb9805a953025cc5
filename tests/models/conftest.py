"""Large networks leave much memory behind: cycles that nobody collected yet, and freed pieces that the system has not back."""

import ctypes
import gc
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def memory_given_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test of a large network, everything that it used is the system's again."""
    yield
    if request.node.get_closest_marker("large"):
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture
def room(tmp_path, monkeypatch) -> Path:
    """Where temporary folders are made; empty when a test ends."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
