"""From files to batches, and augmentation of batches, against torchvision v2, albumentations and kornia.

    python -m benchmarks.data FOLDER [--rounds 7] [--only loading|augment]

Needs an environment with torchvision, kornia and albumentations; FOLDER holds JPEGs (benchmarks.photographs makes them).
Loading: files to normalized 224-pixel training batches of 64, random resized crop and flip, whole epochs, on two cores,
each contender in a process of its own; the peers with the number of workers (and torchvision also the decoder and the place
of the normalization) that were fastest in a first round. Augmentation: one uint8 batch in memory, an operation with
parameters of its own for each image, two threads, each library in a process of its own, taking turns.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice, permutations, product
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from benchmarks.processes import Spread, machine, markdown, print_machine, run

PEERS = Path(__file__).parent / "peers"
WORKERS = (0, 1, 2, 3)


def epochs(command: Sequence[str | Path]) -> tuple[float, float]:
    """Images a second in the first and in the second epoch."""
    _, output = run([sys.executable, *command])
    reported = json.loads(output)
    first, second = reported["epochs"]
    return reported["images"] / first, reported["images"] / second


def loading(folder: Path, rounds: int) -> None:
    variants: dict[str, list[list[str | Path]]] = {
        "torchvision v2": [
            [
                PEERS / "torchvision_batches.py",
                folder,
                "--workers",
                str(workers),
                "--decoder",
                decoder,
                "--normalize",
                how,
            ]
            for workers, decoder, how in product(WORKERS, ("pillow", "jpeg"), ("image", "batch"))
        ],
        "albumentations": [
            [PEERS / "albumentations_batches.py", folder, "--workers", str(workers)] for workers in WORKERS
        ],
    }
    commands: dict[str, list[str | Path]] = {"striate": ["-m", "benchmarks.striate_batches", folder]}
    for name, tried in variants.items():
        commands[name] = max(tried, key=lambda command: max(epochs(command)))
        print(f"{name} at its best: {' '.join(map(str, commands[name][2:]))}", flush=True)
    speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for order in islice(cycle(permutations(commands)), rounds):
        for name in order:
            speeds[name].append(epochs(commands[name]))
    rows = []
    for name, measured in speeds.items():
        cells = [name]
        for epoch in (0, 1):
            mine = [one[epoch] for one in speeds["striate"]]
            cells.append(Spread.of([one[epoch] for one in measured]).text(0))
            cells.append(Spread.of([a / one[epoch] for a, one in zip(mine, measured, strict=True)]).text(2))
        rows.append(cells)
    header = ["", "images/s, first epoch", "striate / this", "images/s, second epoch", "striate / this"]
    print(markdown(header, rows))


def augment(rounds: int) -> None:
    processes = {
        name: ProcessPoolExecutor(1, get_context("spawn"), start_process, (name,))
        for name in ("striate", "torchvision v2", "kornia", "albumentations")
    }
    rows = []
    for (size, count), operation in product(((32, 256), (224, 64)), ("flip", "affine", "color")):
        took: dict[str, list[float]] = {name: [] for name in processes}
        for order in islice(cycle(permutations(processes)), rounds):
            for name in order:
                took[name].append(processes[name].submit(seconds, name, operation, size, count).result())
        rows += [
            [f"{operation}, {size} px", name, f"{1e6 * median(times) / count:.0f}", ratio(took["striate"], times)]
            for name, times in took.items()
        ]
    print(markdown(["operation", "", "µs an image", "this / striate"], rows))


def start_process(name: str) -> None:
    """A process for one library: striate sets threads and memory up as `striate train` does, the others as they are."""
    if name == "striate":
        from striate.training import keep_freed_memory

        keep_freed_memory()


def seconds(name: str, operation: str, size: int, count: int) -> float:
    """That one batch takes, the median of the last five of seven in a row: a training run does the same again and again."""
    from benchmarks.peers.batched_operations import contenders

    work = contenders(size, count)[operation][name]
    took = []
    for _ in range(7):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return median(took[2:])


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return Spread.of([b / a for a, b in zip(ours, theirs, strict=True)]).text(2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=("loading", "augment"))
    asked = parser.parse_args()
    print_machine(machine())
    if asked.only != "augment":
        loading(asked.folder, asked.rounds)
    if asked.only != "loading":
        augment(5 * asked.rounds)
