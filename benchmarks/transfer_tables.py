"""The tables of benchmarks.transfer: accuracy and time of each contender, and what differs within a seed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev
from typing import final

from benchmarks.processes import Cost, Spread, markdown

FIRST_SECONDS, ALL_SECONDS, TIMES_FASTER = 30.0, 90.0, 3.0


@final
@dataclass(frozen=True)
class Run:
    """One process of one contender, or one fold of a cross-validation."""

    name: str
    group: str  # runs are compared within a group and seed
    seed: int  # or the number of the fold
    command: str
    cost: Cost
    accuracy: float  # on the test images
    versions: Mapping[str, str]


def paired(runs: Sequence[Run], first: str, second: str) -> list[tuple[Run, Run]]:
    """The runs of two contenders on the same split."""
    found = {(one.name, one.group, one.seed): one for one in runs}
    keys = sorted({(one.group, one.seed) for one in runs})
    return [
        (found[first, *key], found[second, *key]) for key in keys if (first, *key) in found and (second, *key) in found
    ]


def peer_table(runs: Sequence[Run], names: Sequence[str], ours: str) -> str:
    header = [
        "",
        "accuracy %: mean, sd, min to max",
        f"{ours} - this, points",
        "seeds",
        "first answer s",
        "in all s",
        "CPU s",
    ]
    header += ["others' cores, most", f"in all: this / {ours}", f"CPU: this / {ours}"]
    present = [name for name in names if any(one.name == name for one in runs)]
    return markdown(header, [peer_row(runs, name, ours) for name in present])


def peer_row(runs: Sequence[Run], name: str, ours: str) -> list[str]:
    mine = [one for one in runs if one.name == name]
    pairs = paired(runs, ours, name) if name != ours else []
    answers = [one.cost.answer for one in mine if one.cost.answer is not None]
    return [
        name,
        accuracies(mine),
        difference([100 * (a.accuracy - b.accuracy) for a, b in pairs]),
        str(len(mine)),
        Spread.of(answers).text(1) if answers else "-",
        Spread.of([one.cost.wall for one in mine]).text(1),
        Spread.of([one.cost.cpu for one in mine]).text(1),
        f"{max(one.cost.others or 0 for one in mine):.2f}",
        Spread.of([b.cost.wall / a.cost.wall for a, b in pairs]).text(2) if pairs else "-",
        Spread.of([b.cost.cpu / a.cost.cpu for a, b in pairs]).text(2) if pairs else "-",
    ]


def accuracies(runs: Sequence[Run]) -> str:
    percent = [100 * one.accuracy for one in runs]
    spread = f"{stdev(percent):.1f}" if len(percent) > 1 else "-"
    return f"{mean(percent):.1f}, {spread}, {min(percent):.1f} to {max(percent):.1f}"


def difference(points: Sequence[float]) -> str:
    """The mean with its standard error."""
    if len(points) < 2:
        return f"{points[0]:+.1f}" if points else "-"
    return f"{mean(points):+.1f} +- {stdev(points) / math.sqrt(len(points)):.1f}"


def difference_table(runs: Sequence[Run], groups: Sequence[str], first: str, second: str) -> str:
    """A row for each group: the accuracy of both, and how much the second is above the first."""
    header = [
        "",
        f"{first} %: mean, sd, min to max",
        f"{second} %",
        "second - first, points",
        "runs",
        "CPU s",
        "CPU s of the second",
    ]
    rows = []
    for group in groups:
        pairs = paired([one for one in runs if one.group == group], first, second)
        if pairs:
            befores, afters = [a for a, _ in pairs], [b for _, b in pairs]
            rows.append(
                [
                    group,
                    accuracies(befores),
                    accuracies(afters),
                    difference([100 * (b.accuracy - a.accuracy) for a, b in pairs]),
                    str(len(pairs)),
                    *(f"{median(one.cost.cpu for one in side):.1f}" for side in (befores, afters)),
                ]
            )
    return markdown(header, rows)


def verdict(runs: Sequence[Run], ours: str) -> str:
    """The default beside its targets, by the worst seed for the seconds, and by the lower quartile for the ratio."""
    mine = [one for one in runs if one.name == ours]
    if not mine:
        return f"{ours} was not run"
    first, whole = max(one.cost.answer or math.inf for one in mine), max(one.cost.wall for one in mine)
    lines = [
        f"first answer after {first:.1f} s at most, target {FIRST_SECONDS:g}: {met(first <= FIRST_SECONDS)}",
        f"in all {whole:.1f} s at most, target {ALL_SECONDS:g}: {met(whole <= ALL_SECONDS)}",
    ]
    peers = {one.name for one in runs if not one.name.startswith(ours)}
    if peers:
        best = max(sorted(peers), key=lambda name: mean(one.accuracy for one in runs if one.name == name))
        pairs = paired(runs, ours, best)
        points = [100 * (a.accuracy - b.accuracy) for a, b in pairs]
        times = Spread.of([b.cost.wall / a.cost.wall for a, b in pairs]).low
        lines += [
            f"{difference(points)} points against {best}, the most accurate peer: {met(mean(points) >= 0)}",
            f"{best} takes {times:.2f} times as long (lower quartile), target {TIMES_FASTER:g}: {met(times >= TIMES_FASTER)}",
        ]
    return "\n".join(lines)


def met(is_met: bool) -> str:
    return "met" if is_met else "NOT met"
