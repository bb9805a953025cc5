"""Checkpoints: folders for resuming, each valid only if its manifest of sizes and SHA-256, written last, verifies.

checkpoints/step-00001200/  state.safetensors  state.json  MANIFEST.json
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from striate.errors import RunError
from striate.runs.atomic import TEMPORARY, explained, sha256, sync_folder, write_bytes

KEPT = 2


@final
@dataclass(frozen=True)
class Checkpoint:
    """The newest valid checkpoint, and the ones that were skipped to find it, with the reason."""

    path: Path
    tensors: dict[str, Tensor]
    scalars: dict[str, Any]
    skipped: tuple[str, ...]


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor], scalars: dict[str, Any]) -> Path:
    """Add a checkpoint to `folder` and remove all but the newest ones.

    Raises RunError for tensors that are not finite: the checkpoints before are still good for resuming.
    """
    broken = [name for name, value in tensors.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if broken:
        raise RunError(
            f"{folder}: no checkpoint at step {step}, since {broken[0]} is not finite; lower --lr or set --clip-grad-norm"
        )
    final_path = folder / f"step-{step:08d}"
    temporary = folder / f"{TEMPORARY}{os.getpid()}-{final_path.name}"
    data = safetensors.torch.save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    with explained(folder, len(data)):
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        try:
            temporary.mkdir()
            write_bytes(temporary / "state.safetensors", data)
            write_bytes(temporary / "state.json", json.dumps(scalars).encode())
            _write_manifest(temporary)
            if final_path.exists():
                shutil.rmtree(final_path)
            temporary.rename(final_path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        sync_folder(folder)
    for old in sorted(folder.glob("step-*"))[:-KEPT]:
        shutil.rmtree(old)
    return final_path


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that verifies, or None if there is none."""
    skipped: list[str] = []
    for path in sorted(folder.glob("step-*"), reverse=True):
        fault = _fault(path)
        if fault is None:
            tensors = safetensors.torch.load((path / "state.safetensors").read_bytes())
            return Checkpoint(path, tensors, json.loads((path / "state.json").read_text()), tuple(skipped))
        skipped.append(f"{path.name}: {fault}")
    return None


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of a killed process; the lock of the run excludes that they are in use."""
    for path in folder.glob(f"{TEMPORARY}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _write_manifest(folder: Path) -> None:
    files = {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in sorted(folder.iterdir())}
    write_bytes(folder / "MANIFEST.json", json.dumps(files, indent=1).encode())


def _fault(path: Path) -> str | None:
    """What is wrong with a checkpoint, or None if it is valid."""
    try:
        manifest = json.loads((path / "MANIFEST.json").read_text())
        for name, expected in manifest.items():
            if (path / name).stat().st_size != expected["bytes"]:
                return f"{name} has the wrong size"
            if sha256(path / name) != expected["sha256"]:
                return f"{name} was changed"
        missing = {"state.safetensors", "state.json"} - manifest.keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "its manifest cannot be read"
    return f"{min(missing)} is missing" if missing else None
