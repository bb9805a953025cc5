"""An opened run: its metrics, its network, and the verbs that use them."""

import logging
from pathlib import Path
from typing import Any, final

from striate.findings import Finding
from striate.jobs.evaluate_run import evaluate
from striate.jobs.predict_images import predict
from striate.models import Network
from striate.report import CardContents, render_card, verdict_line
from striate.runs import RunFolder, run_status
from striate.runs.resuming import how_to_resume
from striate.sources import ImagesInput, TrainingData
from striate.tasks import TASKS, Prediction, Task

LOGGER = logging.getLogger("striate")  # prints warnings to stderr unless a program configures it
INTEGERS = ("epoch", "step")  # columns of metrics.csv


@final
class Run:
    """The folder of a run, opened: `run.evaluate()`, `run.predict("digit.png")`, `run.model`, `run.metrics`.

    Also `run.classes`, `run.history`, `run.findings`, `run.manifest`, and `run.report`, the HTML page.
    """

    def __init__(self, path: str | Path, own_task: type[Task] | None = None) -> None:
        self._folder, self._own_task = RunFolder.open(Path(path)), own_task

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}): {run_status(self.path)}"

    def _repr_html_(self) -> str:
        """The card that a notebook shows."""
        status, manifest = run_status(self.path), self.manifest
        is_finished = status == "finished"
        has_own_task = manifest["task"] not in TASKS
        how = how_to_resume(self.path, manifest["data"]["location"], has_own_task=has_own_task)
        return render_card(
            CardContents(
                path=self.path,
                status=status,
                manifest=manifest,
                metrics=self.metrics if is_finished else {},
                history=self.history if self._folder.has_history() else [],
                findings=self.findings if status in ("finished", "diverged") else [],
                report=self.report if is_finished else None,
                hint=f"{how} continues it" if status == "interrupted" else "",
            )
        )

    @property
    def path(self) -> Path:
        return self._folder.path

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self._folder.report_path

    @property
    def manifest(self) -> dict[str, Any]:
        return self._folder.manifest()

    @property
    def findings(self) -> list[Finding]:
        """Findings on the data and the result; healthy runs have none."""
        return self._folder.findings()

    @property
    def metrics(self) -> dict[str, Any]:
        """metrics.json: split -> metric -> value and 95 % interval."""
        return self._folder.metrics()

    @property
    def verdict(self) -> str:
        """The result in one line: the main metric, its interval, and the baseline of one prediction for all images."""
        return verdict_line(self.manifest, self.metrics)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the network's outputs."""
        return tuple(self.manifest["data"]["classes"])

    @property
    def history(self) -> list[dict[str, float]]:
        """The epochs so far, a dictionary each, as in metrics.csv.

        epoch and step (int), learning_rate, train_loss, images_per_second, seconds, the metrics of the task, such as
        train_accuracy, and, where there is a validation split, val_loss and val_accuracy.
        """
        return [
            {name: int(cell) if name in INTEGERS else float(cell) for name, cell in row.items() if cell}
            for row in self._folder.history()
        ]

    @property
    def model(self) -> Network:
        """The trained network, verified, ready for evaluation."""
        return self._folder.bundle(self._own_task).model

    def evaluate(
        self,
        data: TrainingData | None = None,
        split: str | None = None,
        *,
        max_bad: float | None = None,
        device: str = "auto",
        tta: str | None = None,
        **reading: Any,
    ) -> dict[str, Any]:
        """Evaluate the network on a split of its own data, or on other data with the same classes.

        data: a path, (images, labels), or a dictionary of splits, as `train` takes them. The metrics are those of
        metrics.json; for other data `overlap` counts the images that are measured and excluded, because the run was trained
        on them or chose its epoch by them, and `findings` holds the findings; both are warnings of the logger "striate" too.
        max_bad: the largest share of files of other data that may be unreadable, by default that of `train`. device: "auto"
        is the first GPU, or else the CPU. tta: test-time augmentation, "flip" or "none", that of the run if left out.
        reading: settings for reading other data (source, class_level, task, label_column ...), where the run's own do not fit.
        """
        evaluated = evaluate(
            self.path, data, split, max_bad=max_bad, device=device, tta=tta, own_task=self._own_task, **reading
        )
        for line in evaluated.warnings():
            LOGGER.warning(line)
        return evaluated.as_json()

    def predict(
        self,
        images: ImagesInput,
        *,
        max_pixels: int | None = None,
        follow_links: bool = False,
        device: str = "auto",
        tta: str | None = None,
    ) -> list[Prediction]:
        """One prediction for each image, in order.

        images: a file, or a folder for all files below it; bytes or an open file; an image of Pillow; an array or a tensor,
        H W, H W C or C H W, or N of them; or a list of any of these. Arrays are uint8, 16 bits, or 0..1 or 0..255. An array
        of 3 x H x W is one image for a network of colors; pass N gray images as N x H x W x 1 or as a list. In a
        list, an unreadable image has a prediction with its `error`; as a single input, it raises DataError. max_pixels:
        the largest image file that is decoded, that of the training if left out. follow_links: also out of a folder.
        device: "auto" is the first GPU, or else the CPU. tta: test-time augmentation, "flip" or "none", that of the run if left
        out.
        """
        return predict(
            self.path,
            images,
            max_pixels=max_pixels,
            follow_links=follow_links,
            device=device,
            tta=tta,
            own_task=self._own_task,
        )


def load(run: str | Path, task: type[Task] | None = None) -> Run:
    """Open the folder of a run. task: the class of its task, where that is your own."""
    return Run(Path(run), task)
