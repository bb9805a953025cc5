"""Time and accuracy on MNIST: striate's recipes against the same network in plain Keras and in plain PyTorch.

    python -m benchmarks.mnist --keras-python KERAS/bin/python --rounds 5 --seeds 10

Whole processes are measured: import, data, training, evaluation and, for striate, the report. In each round every
contender runs once, one after the other, with the round's number as its seed; ratios are taken within a round, and of
those the median. Further seeds run the recipes alone, for their accuracy. Each finished run is written down at once.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import final

from benchmarks.processes import Cost, Spread, machine, markdown, print_machine, run, shown

HERE = Path(__file__).parent
PEERS = {"keras": HERE / "peers" / "keras_mnist.py", "torch": HERE / "peers" / "torch_mnist.py"}
# recipe -> mean test accuracy, and how many times faster than Keras the whole process must be
TARGETS = {"mnist-fast": (0.990, 10.0), "mnist": (0.994, 3.0), "mnist-best": (0.996, 1.0)}


@final
@dataclass(frozen=True)
class Run:
    """One process of one contender."""

    name: str
    seed: int
    command: str
    cost: Cost
    accuracy: float  # on the 10,000 test images
    train_seconds: float
    threads: int | str
    versions: Mapping[str, str]
    round: int | None = None  # None for a run that was made for its accuracy only


@final
@dataclass(frozen=True)
class Bench:
    """Where things are, and how to run each contender."""

    data: Path  # folder of the four idx .gz files
    interpreters: Mapping[str, Path]  # of the peers
    striate: Path
    scratch: Path
    limit: float  # seconds

    def run(self, name: str, seed: int, number: int | None = None) -> Run:
        return self.peer(name, seed, number) if name in PEERS else self.recipe(name, seed, number)

    def peer(self, name: str, seed: int, number: int | None = None, *options: str) -> Run:
        command: list[str | Path] = [self.interpreters[name], PEERS[name], self.data, "--seed", str(seed), *options]
        cost, output = run(command, folder=self.scratch, limit=self.limit)
        reported = json.loads(output.splitlines()[-1])
        return Run(
            name=name,
            seed=seed,
            command=shown(command),
            cost=cost,
            accuracy=reported["accuracy"],
            train_seconds=reported["train_seconds"],
            threads=reported["threads"],
            versions=reported["versions"],
            round=number,
        )

    def recipe(self, name: str, seed: int, number: int | None = None) -> Run:
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            out = Path(folder) / name
            command = [str(self.striate), "train", "mnist", "--recipe", name, "--seed", str(seed), "--out", str(out)]
            cost, _ = run(command, folder=self.scratch, limit=self.limit)
            metrics = json.loads((out / "metrics.json").read_text())
            manifest = json.loads((out / "manifest.json").read_text())
        return Run(
            name=name,
            seed=seed,
            command=shown(command),
            cost=cost,
            accuracy=metrics["test"]["accuracy"]["value"],
            train_seconds=manifest["timings"]["training"],
            threads=manifest["threads"],
            versions=manifest["versions"],
            round=number,
        )

    def warm_up(self, names: Sequence[str]) -> None:
        """Bring every program and library into the page cache, so that the first round is like the others."""
        for name in names:
            if name in PEERS:
                self.peer(name, 0, None, "--epochs", "1", "--images", "640")
        if any(name in TARGETS for name in names):
            self.recipe("mnist-fast", 0)


def ratios(runs: Sequence[Run], peer: str, name: str) -> list[float]:
    """How many times longer the peer took than `name`, round by round."""
    walls = {(one.name, one.round): one.cost.wall for one in runs if one.round is not None}
    rounds = sorted({number for _, number in walls})
    return [walls[peer, n] / walls[name, n] for n in rounds if (peer, n) in walls and (name, n) in walls]


def table(runs: Sequence[Run], names: Sequence[str]) -> str:
    header = ["", "accuracy %: mean, sd, min", "seeds", "wall s: median (quartiles)", "min", "CPU s", "training s"]
    header += ["peak MiB", "others' cores, most", *(f"{peer} / this (quartiles)" for peer in PEERS)]
    return markdown(header, [row(runs, name) for name in names])


def row(runs: Sequence[Run], name: str) -> list[str]:
    mine = [one for one in runs if one.name == name]
    timed = [one for one in mine if one.round is not None]
    percent = [100 * one.accuracy for one in mine]
    std = f"{stdev(percent):.3f}" if len(percent) > 1 else "-"
    cells = [name, f"{mean(percent):.3f}, {std}, {min(percent):.2f}", str(len(mine))]
    if not timed:
        return cells + ["-"] * (6 + len(PEERS))
    wall = Spread.of([one.cost.wall for one in timed])
    cells += [wall.text(1), f"{wall.min:.1f}"]
    cells += [f"{Spread.of([one.cost.cpu for one in timed]).median:.1f}"]
    cells += [f"{Spread.of([one.train_seconds for one in timed]).median:.1f}"]
    cells += [f"{max(one.cost.peak_mib for one in timed):.0f}"]
    cells += [f"{max(one.cost.others or 0 for one in timed):.2f}"]
    for peer in PEERS:
        paired = ratios(runs, peer, name)
        cells.append(Spread.of(paired).text(2) if paired and peer != name else "-")
    return cells


def verdict(runs: Sequence[Run], name: str) -> str:
    """A recipe beside its target. The ratio passes by the lower quartile of its rounds, not by the median."""
    accuracy, times = TARGETS[name]
    reached = [one.accuracy for one in runs if one.name == name]
    line = f"{name}: mean accuracy {mean(reached):.3%} over {len(reached)} seeds, target {accuracy:.1%}: "
    line += "met" if mean(reached) >= accuracy else "NOT met"
    paired = ratios(runs, "keras", name)
    if paired:
        low = Spread.of(paired).low
        line += f"; keras / this, lower quartile {low:.2f}, target {times:g}: {'met' if low >= times else 'NOT met'}"
    return line


def progress(one: Run) -> str:
    turn = f"seed {one.seed}" if one.round is None else f"round {one.round}"
    times = f"wall {one.cost.wall:6.1f} s  cpu {one.cost.cpu:6.1f} s  load before {one.cost.load_before:.2f}"
    return f"{turn:8}  {one.name:10}  {one.accuracy:.2%}  {times}"


def save(path: Path, facts: Mapping[str, object], runs: Sequence[Run]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": facts, "runs": [asdict(one) for one in runs]}, indent=1) + "\n")


def data_inside_striate() -> Path:
    spec = importlib.util.find_spec("striate")
    if spec is None or spec.origin is None:
        raise SystemExit("striate is not installed here; install it, or give --data and --striate")
    return Path(spec.origin).parent / "sources" / "arrays" / "mnist_files"


def parse() -> argparse.Namespace:
    here, contenders = Path(sys.executable), [*PEERS, *TARGETS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of whole processes; 0 for accuracy only")
    parser.add_argument("--seeds", type=int, default=0, help="seeds of each recipe, those of the rounds included")
    parser.add_argument(
        "--only", nargs="+", choices=contenders, default=contenders, metavar="NAME", help=", ".join(contenders)
    )
    parser.add_argument(
        "--keras-python", type=Path, help="the interpreter that has TensorFlow; without it keras is skipped"
    )
    parser.add_argument(
        "--torch-python", type=Path, default=here, help="the interpreter for plain PyTorch; default: this one"
    )
    parser.add_argument(
        "--striate", type=Path, default=here.with_name("striate"), help="default: the one beside this Python"
    )
    parser.add_argument(
        "--data", type=Path, help="folder of the idx .gz files for the peers; default: those inside striate"
    )
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which a process is killed")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "mnist.json")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    names = [name for name in [*PEERS, *TARGETS] if name in arguments.only]
    if "keras" in names and arguments.keras_python is None:
        print("keras is skipped: --keras-python names no interpreter that has TensorFlow (see benchmarks/README.md)")
        names.remove("keras")
    if not arguments.rounds:
        names = [name for name in names if name in TARGETS]
    facts = machine()
    print_machine(facts)
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(
            data=(arguments.data or data_inside_striate()).absolute(),
            interpreters={"keras": arguments.keras_python, "torch": arguments.torch_python},
            striate=arguments.striate,
            scratch=Path(scratch),
            limit=arguments.limit,
        )
        bench.warm_up(names)
        for seed in range(max(arguments.rounds, arguments.seeds)):
            in_round = seed < arguments.rounds
            for name in names:
                if in_round or name in TARGETS:
                    runs.append(bench.run(name, seed, seed if in_round else None))
                    print(progress(runs[-1]), flush=True)
                    save(arguments.out, facts, runs)
    print(f"\n{table(runs, names)}\n")
    print(*(verdict(runs, name) for name in names if name in TARGETS), f"written to {arguments.out}", sep="\n")


if __name__ == "__main__":
    main()
