"""The manifest: the command, the data, the versions and the hardware of a run."""

import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import striate
from striate.data import Canvas, SkippedFile, Source, Splits, source_as_json
from striate.data.names import unescaped
from striate.models import Network
from striate.runs.starting_weights import StartingWeights
from striate.runs.timings import PhaseTimer
from striate.sources import IN_MEMORY
from striate.tasks import Task
from striate.training import Recipe, ResolvedRecipe, available_cores

__all__ = ["command_line", "finished_manifest", "first_manifest", "now", "read_data_summary"]

RECORDED_VERSIONS = ("torch", "numpy", "pillow", "safetensors")


def first_manifest(
    source: Source,
    settings: ResolvedRecipe,
    model: Network,
    weights: StartingWeights | None,
    out: Path,
    task: type[Task],
) -> dict[str, Any]:
    """The fields that are known before the first step."""
    recipe = settings.recipe
    return {
        "striate": striate.__version__,
        "command": command_line(source, settings, out),
        "status": "running",
        "reasons": list(settings.reasons),
        "task": task.name,
        "started": now(),
        "seed": recipe.training.seed,
        "device": recipe.machine.device,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in RECORDED_VERSIONS}},
        "hardware": hardware(),
        "data": {
            "name": source.name,
            "location": source.location,
            "kind": source.kind,
            "classes": list(source.classes),
            **source_as_json(source),
        },
        "model": {
            "name": recipe.model.name,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
        },
        "initial_weights": None if weights is None else weights.as_json(),
    }


def finished_manifest(
    begun: Mapping[str, Any],
    data_summary: Mapping[str, Any],
    recipe: Recipe,
    *,
    epochs: int,
    best_epoch: int,
    reported: str | None,
    calibrated: bool,
    timer: PhaseTimer,
) -> dict[str, Any]:
    """The manifest of a run at its end: that which it began with, what the data were, and what became of it."""
    return {
        **begun,
        "data": {**begun["data"], **data_summary},
        "threads": recipe.machine.threads,
        "epochs": epochs,
        "best_epoch": best_epoch,
        "keep": recipe.training.keep,
        "reported_split": reported,
        "calibrated": calibrated,
        "timings": timer.as_json(),
        "finished": now(),
        "status": "finished",
    }


def command_line(source: Source, settings: ResolvedRecipe, out: Path | None = None) -> str:
    """The command that repeats a run: all settings that the user chose, typed or by a recipe, and the run folder if given.

    For data in memory it is a call from Python, in which `data` stands for them.
    """
    if source.location == IN_MEMORY:
        return _call(settings, out)
    location = unescaped(source.location)
    words = ["striate", "train", location if location.isprintable() else source.location]
    for name, value in settings.recipe.values().items():
        origin = settings.origins[name]
        option = name.replace("_", "-")
        if origin.startswith("recipe ") and "--recipe" not in words:
            words += ["--recipe", origin.removeprefix("recipe ")]
        if origin == "user":
            words += (
                ([f"--{option}"] if value else [f"--no-{option}"])
                if isinstance(value, bool)
                else [f"--{option}", str(value)]
            )
    return shlex.join([*words, *(["--out", str(out)] if out else [])])


def _call(settings: ResolvedRecipe, out: Path | None) -> str:
    chosen = {name: value for name, value in settings.recipe.values().items() if settings.origins[name] == "user"}
    named = [origin.removeprefix("recipe ") for origin in settings.origins.values() if origin.startswith("recipe ")]
    words = {**({"recipe": named[0]} if named else {}), **chosen, **({"out": str(out)} if out else {})}
    verb = "train_folds" if settings.recipe.data.trains_all_folds else "train"
    return f"striate.{verb}(data, {', '.join(f'{name}={value!r}' for name, value in words.items())})  # data in memory"


def read_data_summary(source: Source, splits: Splits, canvas: Canvas, skipped: Sequence[SkippedFile]) -> dict[str, Any]:
    """The fields of `data` that are known once all images are read."""
    return {
        "counts": {name: len(samples) for name, samples in splits.by_name().items()},
        "image": list(splits.train.pixels.shape[1:]),
        "image_notes": source.survey.summary(canvas),
        "skipped": [{"id": one.id, "reason": one.reason, "detail": one.detail} for one in skipped],
    }


def hardware() -> dict[str, Any]:
    return {"cpu": _cpu_name(), "cores": available_cores(), "memory_gib": _memory_gib(), "system": platform.platform()}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float | None:
    if sys.platform == "win32":
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
