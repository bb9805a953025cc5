"""Large networks leave much memory behind: cycles that nobody collected yet, and freed pieces that the system has not back."""

import ctypes
import gc
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def memory_given_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test of a large network, everything that it used is the system's again."""
    yield
    if request.node.get_closest_marker("large"):
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
