"""Thousands of damaged images: each ends as pixels or as one of the reasons, soon, and in little memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.data.decoding.mutants import FORMATS

from striate.data.skipped_files import Reason

ROOT = Path(__file__).parents[3]
VERDICTS = {"pixels", *get_args(Reason)}
ENOUGH_MEMORY = 512 * 2**20


def survey(count: int) -> Any:
    """What tests/data/decoding/mutants.py reports; a crash, a hang or another exception than Unreadable in it fails here."""
    program = [sys.executable, "-m", "tests.data.decoding.mutants", str(count)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Warning: " not in done.stderr  # Python's; libtiff writes lines of its own
    found = json.loads(done.stdout)
    assert sum(sum(counts.values()) for counts in found["verdicts"].values()) == count
    for kind, counts in found["verdicts"].items():
        assert counts.keys() <= VERDICTS, kind
        assert len(counts) > 2, kind
        assert counts["pixels"] > 0, kind
    assert found["verdicts"].keys() == set(FORMATS)
    assert found["most_memory"] < ENOUGH_MEMORY
    return found


def test_500_damaged_images_end_as_pixels_or_as_a_reason() -> None:
    survey(500)


@pytest.mark.large
def test_5000_damaged_images_end_as_pixels_or_as_a_reason_within_2_seconds_each() -> None:
    assert survey(5000)["slowest"] < 2
