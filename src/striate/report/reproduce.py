"""What it takes to reproduce a run: seed, threads, hardware, versions; and how long each step took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, final

from striate.number_format import count, duration, finite, plain
from striate.runs.describe_weights import describe_weights
from striate.training import Epoch

PHASES = {"features": "Features and head"}  # of the timings; the others have their name
HARDWARE = {"cpu": "CPU", "gpu": "GPU", "cores": "Cores", "memory_gib": "Memory, GiB", "system": "System"}

Lines = tuple[tuple[str, str], ...]  # name, value


@final
@dataclass(frozen=True)
class Reproduction:
    initial_weights: str  # empty for random initialization
    run: Lines
    times: Lines
    hardware: Lines
    versions: Lines


def read_reproduction(manifest: Mapping[str, Any], history: Sequence[Epoch]) -> Reproduction:
    """What the manifest has of it; the speed is the median over the epochs, but for epoch 0, which trains a classifier alone."""
    timings, hardware = manifest.get("timings", {}), manifest.get("hardware", {})
    speeds = [speed for row in history if row.epoch and (speed := finite(row.images_per_second)) is not None]
    return Reproduction(
        initial_weights=describe_weights(manifest.get("initial_weights")),
        run=(
            *((name.capitalize(), plain(manifest.get(name))) for name in ("seed", "threads", "device")),
            *((name.capitalize(), moment(manifest.get(name))) for name in ("started", "finished")),
        ),
        times=(
            *((PHASES.get(step, step.capitalize()), duration(seconds)) for step, seconds in timings.items()),
            *((("Training speed", count(median(speeds), "image") + " a second"),) if speeds else ()),
        ),
        hardware=tuple((HARDWARE.get(name, name), plain(value)) for name, value in hardware.items()),
        versions=tuple((name, str(version)) for name, version in manifest.get("versions", {}).items()),
    )


def training_seconds(manifest: Mapping[str, Any]) -> float | None:
    """Of the epochs, and of features and head before them; None where neither was recorded."""
    timings = manifest.get("timings", {})
    times = [timings[phase] for phase in ("features", "training") if phase in timings]
    return sum(times) if times else None


def moment(time: Any) -> str:
    """An ISO time without the letter and the fraction: 2026-07-02T10:12:31.25+00:00 -> 2026-07-02 10:12:31 +00:00."""
    if not time:
        return "not recorded"
    day, _, rest = str(time).partition("T")
    clock, zone = rest[:8], rest[8:].lstrip(".0123456789")
    return " ".join(word for word in (day, clock, zone.replace("+00:00", "UTC").replace("Z", "UTC")) if word)
