"""The run folder: the one place that knows the names of its files."""

import hashlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, final

from striate.errors import RunError
from striate.findings import Finding
from striate.runs.atomic import explained, write_bytes, write_text
from striate.runs.bundle import Bundle
from striate.runs.bundle_json import MODEL_JSON
from striate.runs.checkpoints import Checkpoint, newest_checkpoint, remove_leftovers, save_checkpoint
from striate.runs.format import check_format
from striate.runs.lock import exclusive
from striate.runs.metrics_json import metrics_text, read_metrics
from striate.runs.text_files import (
    FORMAT,
    HISTORY,
    MANIFEST,
    METRICS,
    RECIPE,
    as_json,
    csv_text,
    read_csv,
    read_json,
)
from striate.tasks import Task

PREDICTION_COLUMNS = ("split", "id", "label", "prediction", "confidence", "label_probability", "loss")
ERROR_COLUMNS = ("file", "id", "label", "prediction", "confidence", "loss")


@final
class RunFolder:
    """Reads and writes the files of one run.

    recipe.toml, manifest.json, splits.csv, metrics.csv, metrics.json, predictions.csv, findings.json, errors/,
    report.html, bundle/, checkpoints/: every file is written whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made_parents: tuple[Path, ...] = ()

    @classmethod
    def create(cls, path: Path) -> "RunFolder":
        """A new, empty run folder; one that exists is never written into."""
        folder = cls(path)
        if not folder._make():
            raise _already_exists(path)
        return folder

    @classmethod
    def create_free(cls, path: Path) -> "RunFolder":
        """The same at the path, or at path-2, -3 ... if it exists: of several processes each gets its own."""
        names = itertools.chain([path.name], (f"{path.name}-{number}" for number in itertools.count(2)))
        return next(folder for folder in map(cls, map(path.with_name, names)) if folder._make())

    def _make(self) -> bool:
        """Whether the folder was not there before."""
        self._made_parents = tuple(parent for parent in self.path.parents if not parent.exists())
        with explained(self.path):
            try:
                self.path.mkdir(parents=True)
            except FileExistsError:
                return False
        return True

    @staticmethod
    def check_new(path: Path) -> None:
        """Raise RunError for a path that exists, long before the folder is created."""
        if os.path.lexists(path):
            raise _already_exists(path)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        folder = cls(path)
        if not path.exists():
            raise RunError(f"{path}: no such run; give the folder of a run")
        if not folder.manifest_path.is_file():
            raise RunError(f"{path}: is not a run folder (it has no manifest.json); {_run_instead_of(path)}")
        check_format(path, folder.manifest().get("format"), FORMAT, command_in=MANIFEST)
        return folder

    @property
    def manifest_path(self) -> Path:
        return self.path / MANIFEST

    @property
    def recipe_path(self) -> Path:
        return self.path / RECIPE

    @property
    def report_path(self) -> Path:
        return self.path / "report.html"

    @property
    def bundle_path(self) -> Path:
        return self.path / "bundle"

    @property
    def checkpoints_path(self) -> Path:
        return self.path / "checkpoints"

    @property
    def cache_path(self) -> Path:
        """Decoded images, while the run needs them and they do not fit in memory."""
        return self.path / "cache"

    @property
    def embeddings_path(self) -> Path:
        """Embeddings of a frozen network, see `cached_embeddings`."""
        return self.path / "embeddings"

    @property
    def splits_path(self) -> Path:
        """Which image is in which split, for resuming and for evaluation."""
        return self.path / "splits.csv"

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        write_text(self.manifest_path, as_json({"format": FORMAT, **manifest}))

    def manifest(self) -> dict[str, Any]:
        return read_json(self.manifest_path)

    def add_reasons(self, lines: Iterable[str]) -> None:
        """Lines "subject: text" of the manifest on what the data decided; one on the same subject replaces the one before."""
        manifest = self.manifest()
        reasons = {line.partition(":")[0]: line for line in [*manifest.get("reasons", []), *lines]}
        self.write_manifest({**manifest, "reasons": list(reasons.values())})

    def write_recipe(self, toml: str) -> None:
        write_text(self.recipe_path, toml)

    def write_splits(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """splits.csv, a row for each sample."""
        write_text(self.splits_path, csv_text(rows))

    def splits_digest(self) -> str:
        """SHA-256 of splits.csv, with any kind of line ends."""
        try:
            content = self.splits_path.read_bytes()
        except OSError as error:
            raise RunError(f"{self.splits_path}: cannot be read ({error.strerror}); restore the file") from None
        return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()

    def write_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """metrics.csv, a row for each epoch."""
        write_text(self.path / HISTORY, csv_text(rows))

    def history(self) -> list[dict[str, str]]:
        return read_csv(self.path / HISTORY)

    def has_history(self) -> bool:
        """Whether an epoch of it ended."""
        return (self.path / HISTORY).is_file()

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """metrics.json, the metrics of each split."""
        splits = [f" {json.dumps(split)}: {metrics_text(of_split, 1)}" for split, of_split in metrics.items()]
        write_text(self.path / METRICS, "{\n" + ",\n".join(splits) + "\n}\n")

    def metrics(self) -> dict[str, Any]:
        return {split: read_metrics(stored) for split, stored in read_json(self.path / METRICS).items()}

    def write_predictions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """predictions.csv, a row for each sample."""
        write_text(self.path / "predictions.csv", csv_text(rows, PREDICTION_COLUMNS))

    def predictions(self) -> list[dict[str, str]]:
        return read_csv(self.path / "predictions.csv")

    def write_findings(self, findings: Iterable[Finding]) -> None:
        write_text(self.path / "findings.json", as_json([finding.as_json() for finding in findings]))

    def findings(self) -> list[Finding]:
        return [Finding(**stored) for stored in read_json(self.path / "findings.json")]

    def write_errors(self, images: Sequence[bytes], rows: Sequence[Mapping[str, Any]]) -> None:
        """errors/: images 001.png, 002.png ... with the highest loss first, and errors.csv with a row for each."""
        folder = self.path / "errors"
        with explained(folder):
            folder.mkdir(exist_ok=True)
        names = [f"{number:03d}.png" for number in range(1, len(images) + 1)]
        for name, image in zip(names, images, strict=True):
            write_bytes(folder / name, image)
        write_text(
            folder / "errors.csv",
            csv_text([{"file": name, **row} for name, row in zip(names, rows, strict=True)], ERROR_COLUMNS),
        )

    def write_report(self, page: str) -> None:
        write_text(self.report_path, page)

    def bundle(self, own_task: type[Task] | None = None) -> Bundle:
        """The trained network, verified. own_task: that of the run, where it is none of striate's."""
        return Bundle.open(self.finished_bundle_path(), own_task)

    def finished_bundle_path(self) -> Path:
        """The folder of the bundle. Raises RunError for a run that is not finished."""
        status = self.manifest()["status"]
        if status == "diverged":
            raise RunError(
                f"{self.path}: the run diverged and has no trained network; train again with the settings that findings.json names"
            )
        if status != "finished":  # the bundle of a run that was killed at its end may exist, but not all of the rest
            raise RunError(f"{self.path}: the run is not finished; `striate resume {self.path}` finishes it")
        return self.bundle_path

    def save_checkpoint(self, step: int, tensors: dict[str, Any], scalars: dict[str, Any]) -> None:
        save_checkpoint(self.checkpoints_path, step, tensors, scalars)

    def newest_checkpoint(self) -> Checkpoint | None:
        return newest_checkpoint(self.checkpoints_path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the run against other processes, and remove the temporary files of a killed one."""
        with exclusive(self.path):
            for folder in (
                self.path,
                self.checkpoints_path,
                self.path / "errors",
                self.bundle_path,
                self.cache_path,
                self.embeddings_path,
            ):
                remove_leftovers(folder)
            yield

    def is_worth_keeping(self) -> bool:
        """Whether the run has a checkpoint, or a finding on why it has none."""
        return self.has_checkpoint() or (self.path / "findings.json").exists()

    def has_embeddings(self) -> bool:
        """Whether embeddings of a frozen network are here, which a resumed run takes."""
        return any(self.embeddings_path.glob("*.safetensors"))

    def has_checkpoint(self) -> bool:
        """Whether the training began, and a checkpoint of it is here, valid or not."""
        return any(self.checkpoints_path.glob("step-*"))

    def remove_cache(self) -> None:
        """Remove the decoded images, if they are on the disk, and the embeddings."""
        shutil.rmtree(self.cache_path, ignore_errors=True)
        shutil.rmtree(self.embeddings_path, ignore_errors=True)

    def remove(self) -> None:
        """Remove the folder with its content, and the empty parent folders that were created for it."""
        shutil.rmtree(self.path, ignore_errors=True)
        for parent in self._made_parents:
            with suppress(OSError):  # it is not empty: another run is there
                parent.rmdir()


def trained_network(path: Path, own_task: type[Task] | None = None) -> Bundle:
    """The bundle of the run at this path; or the bundle at it, which is all that predicting needs."""
    is_bundle = (path / MODEL_JSON).is_file()
    return Bundle.open(path, own_task) if is_bundle else RunFolder.open(path).bundle(own_task)


def _run_instead_of(path: Path) -> str:
    """What to give in the place of a path that is not a run."""
    fold = next((one for one in sorted(path.glob("fold-*")) if (one / MANIFEST).is_file()), None)
    if fold:
        return f"it is a cross-validation, give one of its folds: {fold}"
    run = next((one for one in path.parents[:3] if (one / MANIFEST).is_file()), None)
    if run:
        return f"it belongs to a run, give that: {run}"
    if (path / MODEL_JSON).is_file() or (path.parent / MODEL_JSON).is_file():
        return "it is a bundle without its run; give the folder that `striate train` wrote"
    return "give the folder that `striate train` wrote"


def _already_exists(path: Path) -> RunError:
    return RunError(f"{path}: already exists; choose another --out, or resume it with `striate resume {path}`")


def plain_name(name: str) -> str:
    """A name as a portable file name of lower-case letters, digits, dot, dash and underscore; perhaps empty."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.")
