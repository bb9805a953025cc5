"""How long `striate --help` takes over a bare Python, and that it loads neither torch nor numpy.

    python -m benchmarks.startup

The two take turns; the target is a median difference of at most 150 ms.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import Cost, Spread, machine, markdown, print_machine, run

FORBIDDEN = {"torch", "numpy"}
TARGET = 0.150  # seconds over bare Python


def row(name: str, costs: list[Cost]) -> list[str]:
    wall = Spread.of([1000 * cost.wall for cost in costs])
    cpu = Spread.of([1000 * cost.cpu for cost in costs])
    return [name, wall.text(1), f"{wall.min:.1f}", cpu.text(1)]


def imported(*command: str) -> set[str]:
    """The top-level packages that a Python command imports."""
    python = [sys.executable, "-X", "importtime"]
    done = subprocess.run([*python, *command], capture_output=True, text=True, check=True)
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}


def main() -> None:
    here = Path(sys.executable)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument(
        "--striate", type=Path, default=here.with_name("striate"), help="default: the one beside this Python"
    )
    arguments = parser.parse_args()
    print_machine(machine())

    bare, striate = [sys.executable, "-c", "pass"], [str(arguments.striate), "--help"]
    run(striate)  # fills the page cache, and writes the compiled modules where there are none
    pairs = [(run(bare)[0], run(striate)[0]) for _ in range(arguments.rounds)]
    rows = [row("python -c pass", [cost for cost, _ in pairs]), row("striate --help", [cost for _, cost in pairs])]
    print(markdown(["", "wall ms: median (quartiles)", "min", "CPU ms"], rows))
    over = Spread.of([ours.wall - alone.wall for alone, ours in pairs]).median
    met = "met" if over <= TARGET else "NOT met"
    print(f"median difference {1000 * over:.0f} ms, target {1000 * TARGET:.0f} ms: {met}")

    loaded = imported("-m", "striate", "--help")
    found = sorted(FORBIDDEN & loaded)
    print(f"--help imports {len(loaded)} top-level modules; of torch and numpy: {', '.join(found) or 'none'}")
    if found:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
