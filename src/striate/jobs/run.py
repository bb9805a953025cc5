"""A run in hand: its figures, its network, and the verbs that go on from it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from striate.findings import Finding
from striate.jobs.evaluation import evaluate
from striate.jobs.prediction import Prediction, predict
from striate.models import Network
from striate.runs import RunFolder


@final
class Run:
    """The folder of a run, opened: `run.evaluate()`, `run.predict("digit.png")`, `run.model`, `run.metrics`."""

    def __init__(self, path: Path) -> None:
        self._folder = RunFolder.open(path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}): {self._folder.manifest()['status']}"

    @property
    def path(self) -> Path:
        return self._folder.path

    @property
    def report(self) -> Path:
        """The page to look at."""
        return self._folder.report_path

    @property
    def manifest(self) -> dict[str, Any]:
        return self._folder.manifest()

    @property
    def findings(self) -> list[Finding]:
        """What was found wrong with the data or the result; healthy runs have none."""
        return self._folder.findings()

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures of metrics.json: split -> figure -> value and 95 % interval."""
        return self._folder.metrics()

    @property
    def model(self) -> Network:
        """The trained network, verified, ready for evaluation."""
        return self._folder.bundle().model

    def evaluate(self, data: str | Path | None = None, split: str | None = None) -> dict[str, Any]:
        """Measure the network on a split of its own data, or on other data with the same classes.

        The figures are those of metrics.json; of other data `images` says how many were measured and left out, because the
        run was trained on them or chose its epoch by them, and `findings` what was found.
        """
        return evaluate(self._folder, data, split).as_json()

    def predict(self, pictures: str | Path | Sequence[str | Path]) -> list[Prediction]:
        """Say what is in picture files, or in all pictures of folders."""
        files = [pictures] if isinstance(pictures, str | Path) else list(pictures)
        return predict(self._folder, files).predictions


def load(run: str | Path) -> Run:
    """Open the folder of a run."""
    return Run(Path(run))
