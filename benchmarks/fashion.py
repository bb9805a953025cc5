"""Accuracy and time on Fashion-MNIST: the recipe `fashion`, one run a seed, as whole processes.

    python -m benchmarks.fashion /usr/share/datasets/fashion-mnist --seeds 5

The folder holds the four idx files, which Debian packages as dataset-fashion-mnist. The test images are looked at only here:
the recipe was tuned on images that were held out of the training set.
"""

import argparse
import json
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Final, final

from benchmarks.processes import Cost, Spread, machine, markdown, print_machine, run

HERE: Final = Path(__file__).parent
ACCURACY: Final = 0.94  # in mean over the seeds
SECONDS: Final = 600.0  # for a whole run on two cores
BEST: Final = "fashion-best"
BEST_ACCURACY: Final = 0.95
PARAMETERS: Final = 100_000


@final
@dataclass(frozen=True)
class Run:
    """One run of the recipe."""

    seed: int
    cost: Cost
    accuracy: float  # on the 10,000 test images
    parameters: int
    precision: str
    threads: int | str


def train(striate: Path, data: Path, recipe: str, seed: int, scratch: Path, options: Sequence[str]) -> Run:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        out = Path(folder) / "run"
        command: list[str | Path] = [
            striate,
            "train",
            data,
            "--recipe",
            recipe,
            "--seed",
            str(seed),
            "--out",
            out,
            *options,
        ]
        cost, _ = run(command, folder=scratch)
        return result(out, seed, cost)


def result(folder: Path, seed: int, cost: Cost) -> Run:
    """What a finished run folder tells."""
    metrics = json.loads((folder / "metrics.json").read_text())
    manifest = json.loads((folder / "manifest.json").read_text())
    machine_settings = tomllib.loads((folder / "recipe.toml").read_text())["machine"]
    return Run(
        seed,
        cost,
        metrics["test"]["accuracy"]["value"],
        manifest["model"]["parameters"],
        machine_settings["precision"],
        manifest["threads"],
    )


def table(runs: Sequence[Run], recipe: str) -> str:
    percent = [100 * one.accuracy for one in runs]
    std = f"{stdev(percent):.2f}" if len(percent) > 1 else "-"
    header = [
        "",
        "parameters",
        "accuracy %: mean, sd, min",
        "seeds",
        "wall s: median (quartiles)",
        "CPU s",
        "precision",
    ]
    row = [recipe, f"{runs[0].parameters:,}", f"{mean(percent):.2f}, {std}, {min(percent):.2f}", str(len(runs))]
    row += [
        Spread.of([one.cost.wall for one in runs]).text(0),
        f"{Spread.of([one.cost.cpu for one in runs]).median:.0f}",
    ]
    return markdown(header, [[*row, runs[0].precision]])


def verdict(runs: Sequence[Run], recipe: str) -> str:
    """Against the targets: of any network within a time, or of a small network in any time."""
    accuracy, seconds = mean(one.accuracy for one in runs), max(one.cost.wall for one in runs)
    if recipe == BEST:
        parameters = runs[0].parameters
        lines = [
            (f"mean accuracy {accuracy:.2%}, target {BEST_ACCURACY:.0%}", accuracy >= BEST_ACCURACY),
            (f"{parameters:,} parameters, target fewer than {PARAMETERS:,}", parameters < PARAMETERS),
        ]
    else:
        lines = [
            (f"mean accuracy {accuracy:.2%}, target {ACCURACY:.0%}", accuracy >= ACCURACY),
            (f"slowest run {seconds:.0f} s, target {SECONDS:.0f} s", seconds <= SECONDS),
        ]
    return "\n".join(f"{line}: {'met' if met else 'NOT met'}" for line, met in lines)


def save(path: Path, facts: Mapping[str, object], runs: Sequence[Run]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": facts, "runs": [asdict(one) for one in runs]}, indent=1) + "\n")


def parse() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the four idx files")
    parser.add_argument("--recipe", default="fashion", help="default: fashion; other options go to `striate train`")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--striate", type=Path, default=Path(sys.executable).with_name("striate"))
    parser.add_argument("--out", type=Path, default=HERE / "results" / "fashion.json")
    return parser.parse_known_args()


def main() -> None:
    arguments, options = parse()
    facts = machine()
    print_machine(facts)
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(arguments.seeds):
            data = arguments.data.absolute()
            runs.append(train(arguments.striate, data, arguments.recipe, seed, Path(scratch), options))
            print(f"seed {seed}: {runs[-1].accuracy:.2%}, {runs[-1].cost.wall:.0f} s", flush=True)
            save(arguments.out, facts, runs)
    print(f"\n{table(runs, arguments.recipe)}\n\n{verdict(runs, arguments.recipe)}\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()
