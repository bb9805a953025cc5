"""Freed memory is used again without asking the system, unless somebody else tuned the allocator."""

import os
import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, sys, torch
from torch import nn
from striate.training import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
torch.set_num_threads(1)
net = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3))
images = torch.ones(4, 3, 96, 96)
for step in range(16):
    if step == 6:  # by then it knows what it needs
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    net(images).square().mean().backward()
    net.zero_grad()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def fresh_pages(how: str, **settings: str) -> int:
    """That ten training steps ask the system for."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    command = [sys.executable, "-c", STEPS, how]
    return int(subprocess.run(command, env=kept | settings, check=True, capture_output=True, text=True).stdout)


@pytest.mark.large  # three processes
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_a_step_takes_what_the_one_before_it_freed() -> None:
    kept = fresh_pages("keep")
    assert fresh_pages("default") > 3 * kept
    assert fresh_pages("keep", MALLOC_TRIM_THRESHOLD_="131072") > 3 * kept  # the user's own wish
