"""The folder of a cross-validation: a run for each fold, and the results of all folds."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from striate.runs.atomic import write_text
from striate.runs.checkpoints import remove_leftovers
from striate.runs.folder import RunFolder
from striate.runs.format import check_format
from striate.runs.lock import exclusive
from striate.runs.text_files import FOLDS, FORMAT, RECIPE, as_json, csv_text, read_json


@final
class CrossValidationFolder:
    """fold-1/ fold-2/ ... are run folders; recipe.toml, folds.json and predictions.csv lie beside them."""

    def __init__(self, root: RunFolder) -> None:
        self.path, self._root = root.path, root

    @classmethod
    def open(cls, path: Path) -> "CrossValidationFolder":
        return cls(RunFolder(path))

    @staticmethod
    def is_at(path: Path) -> bool:
        return (path / FOLDS).is_file()

    @property
    def recipe_path(self) -> Path:
        return self.path / RECIPE

    def fold_path(self, number: int) -> Path:
        return self.path / f"fold-{number}"

    def write_recipe(self, toml: str) -> None:
        write_text(self.recipe_path, toml)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        write_text(self.path / FOLDS, as_json({"format": FORMAT, **summary}))

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.path / FOLDS)
        check_format(self.path, found.get("format"), FORMAT, command_in=FOLDS)
        return found

    def write_predictions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """predictions.csv, a row for each sample, with the columns of a run and the fold."""
        write_text(self.path / "predictions.csv", csv_text(rows))

    def predictions(self) -> list[dict[str, str]]:
        """The rows of predictions.csv: each sample once, predicted by the network of the fold that held it out."""
        return self._root.predictions()

    def remove_if_empty(self) -> None:
        """Remove the folder, unless it has a fold."""
        if not any(self.path.glob("fold-*")):
            self._root.remove()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other processes, and remove the temporary files of a killed one."""
        with exclusive(self.path):
            remove_leftovers(self.path)
            yield
