"""`striate check` on a folder of photographs against imagededup (PHash) and cleanvision, one after the other.

    python -m benchmarks.check --peer-python PEER --photographs FOLDER

FOLDER holds a dozen or more photographs (those of scikit-image do); 10,000 JPEGs of 500 x 400 are made of them, each a blend
of two cuttings, turned at random, so that nearly all differ. Whole processes, in turn, each with the defaults of its libraries.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.processes import Cost, Spread, machine, markdown, print_machine, run
from PIL import Image

TARGET = 3.0
HEIGHT, WIDTH, CLASSES = 400, 500, 10


def make_images(photographs: Path, folder: Path, count: int) -> None:
    """CLASS/NUMBER.jpg; the same images from the same photographs."""
    opened = [Image.open(path).convert("RGB") for path in sorted(photographs.iterdir()) if _is_photograph(path)]
    wholes = [one.resize((max(one.width, 900), max(one.height, 700))) for one in opened]
    for label in range(CLASSES):
        (folder / f"class{label}").mkdir()
    for number in range(count):
        random = np.random.default_rng(number)
        image = Image.blend(_cutting(wholes, random), _cutting(wholes, random), random.uniform(0.25, 0.75))
        image.save(folder / f"class{number % CLASSES}" / f"{number:05}.jpg", quality=int(random.integers(75, 95)))


def _is_photograph(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return min(image.size) >= 300 and image.format in ("PNG", "JPEG")
    except OSError:
        return False


def _cutting(wholes: Sequence[Image.Image], random: np.random.Generator) -> Image.Image:
    whole = wholes[int(random.integers(len(wholes)))]
    width = int(random.uniform(0.2, 0.57) * whole.width)
    height = min(int(width * HEIGHT / WIDTH), whole.height)
    x, y = int(random.integers(whole.width - width + 1)), int(random.integers(whole.height - height + 1))
    cutting = whole.crop((x, y, x + width, y + height)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    for turn in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM):
        if random.random() < 0.5:
            cutting = cutting.transpose(turn)
    return cutting


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True, help="a Python that has imagededup and cleanvision")
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print_machine(machine())
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as desk:
        folder = Path(desk) / "photographs"
        folder.mkdir()
        make_images(arguments.photographs, folder, arguments.images)
        programs = {
            "striate": ["striate", "check", folder, "--json", "--out", Path(desk) / "page.html"],
            "peers": [arguments.peer_python, here / "peers" / "imagededup_cleanvision.py", folder],
        }
        costs: dict[str, list[Cost]] = {name: [] for name in programs}
        for number in range(arguments.rounds):
            for name in sorted(programs, reverse=number % 2 == 1):
                cost, reported = run(programs[name], folder=Path(desk))
                costs[name].append(cost)
                told = json.loads(reported if name == "striate" else reported.splitlines()[-1])
                print(f"{name}: {cost.wall:.1f} s, {cost.cpu:.1f} CPU s", _told(told), flush=True)
    rows = [
        [name, *(Spread.of([getattr(one, what) for one in measured]).text(1) for what in ("wall", "cpu", "peak_mib"))]
        for name, measured in costs.items()
    ]
    print(markdown(["", "wall, s", "CPU, s", "peak, MiB"], rows))
    ratio = Spread.of([peer.wall / ours.wall for ours, peer in zip(costs["striate"], costs["peers"], strict=True)])
    print(f"peers / striate {ratio.text(2)}, at least {TARGET:g}: {'met' if ratio.low >= TARGET else 'NOT met'}")


def _told(reported: dict[str, object]) -> object:
    findings = reported.get("findings")
    if isinstance(findings, list):
        return {one["id"]: len(one["files"]) for one in findings}
    return reported


if __name__ == "__main__":
    main()
