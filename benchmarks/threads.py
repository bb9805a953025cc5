"""What a busy neighbor costs: training alone, and beside a process that keeps one core busy.

    python -m benchmarks.threads

OpenMP's threads wait for each other many times a step. If they spin while they wait and one of them has to share its
core, the others burn theirs. striate chooses the number of threads by a short probe and lets them spin only briefly.
The other rows are what happens if both are left alone: all cores, and libgomp's default wait (milliseconds of spinning)
or its active wait (no end to it).
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import final

from benchmarks.processes import Spread, machine, markdown, print_machine, run

ALL_CORES = ("--threads", str(len(os.sched_getaffinity(0))))


@final
@dataclass(frozen=True)
class Way:
    """A way to choose the threads and how they wait."""

    name: str
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()


WAYS = (
    Way("striate's choice", {}),
    # striate sets GOMP_SPINCOUNT where nobody did, so libgomp's own counts have to be set here
    Way("all cores, default wait", {"GOMP_SPINCOUNT": "300000"}, ALL_CORES),
    Way("all cores, active wait", {"OMP_WAIT_POLICY": "active", "GOMP_SPINCOUNT": "30000000000"}, ALL_CORES),
)


@final
@dataclass(frozen=True)
class Trained:
    """One training process. Where the limit cut it off, its figures are lower bounds, and `threads` is unknown."""

    seconds: float  # of the training steps
    wall: float  # seconds of the whole process
    threads: int | None


@contextmanager
def busy_core(seconds: float) -> Iterator[None]:
    """Keep one core busy; the neighbor ends by itself after `seconds`, should this process be killed."""
    count = f"import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
    neighbor = subprocess.Popen([sys.executable, "-c", count])
    try:
        yield
    finally:
        neighbor.kill()
        neighbor.wait()


def training(striate: Path, way: Way, limit: float) -> Trained:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [str(striate), "train", "mnist", "--recipe", "mnist-fast", "--out", str(out), *way.options]
        try:
            cost, _ = run(command, folder=Path(folder), environment=way.environment, limit=limit)
        except TimeoutError:
            return Trained(limit, limit, None)
        with (out / "metrics.csv").open() as file:
            seconds = sum(float(epoch["seconds"]) for epoch in csv.DictReader(file))
        return Trained(seconds, cost.wall, json.loads((out / "manifest.json").read_text())["threads"])


def row(way: Way, alone: Sequence[Trained], beside: Sequence[Trained]) -> list[str]:
    slower = [busy.seconds / idle.seconds for idle, busy in zip(alone, beside, strict=True)]
    cut_off = sum(one.threads is None for one in [*alone, *beside])
    return [
        way.name,
        Spread.of([one.seconds for one in alone]).text(1),
        Spread.of([one.seconds for one in beside]).text(1),
        Spread.of(slower).text(2),
        f"{Spread.of([one.wall for one in alone]).median:.1f}",
        f"{Spread.of([one.wall for one in beside]).median:.1f}",
        " ".join(f"{idle.threads or '?'}/{busy.threads or '?'}" for idle, busy in zip(alone, beside, strict=True)),
        f"{cut_off} of {len(alone) + len(beside)}",
    ]


def main() -> None:
    here = Path(sys.executable)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--striate", type=Path, default=here.with_name("striate"), help="default: the one beside this Python"
    )
    parser.add_argument("--limit", type=float, default=120, help="seconds after which a process is killed")
    arguments = parser.parse_args()
    print_machine(machine())

    training(arguments.striate, WAYS[0], arguments.limit)  # fills the page cache
    results: dict[tuple[str, bool], list[Trained]] = {(way.name, busy): [] for way in WAYS for busy in (False, True)}
    for number in range(arguments.rounds):
        for way in WAYS:
            for busy in (False, True):
                with busy_core(arguments.limit + 10) if busy else nullcontext():
                    trained = training(arguments.striate, way, arguments.limit)
                results[way.name, busy].append(trained)
                where = "beside a busy core" if busy else "alone"
                reported = (
                    f"training {trained.seconds:.1f} s, process {trained.wall:.1f} s, threads {trained.threads or '?'}"
                )
                print(f"round {number}  {way.name}, {where}: {reported}", flush=True)
    header = ["", "training s alone", "beside a busy core", "times slower", "process s alone", "beside"]
    header += ["threads alone/beside", f"over {arguments.limit:g} s"]
    print(f"\n{markdown(header, [row(way, results[way.name, False], results[way.name, True]) for way in WAYS])}")


if __name__ == "__main__":
    main()
