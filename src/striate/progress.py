"""Progress of a job: a live bar on a terminal, plain lines elsewhere, or nothing."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import final

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from striate.training import Epoch, Step

REFRESH_SECONDS = 0.2


class ProgressDisplay(ABC):
    """Receives messages, counts and records, and shows them or not."""

    @abstractmethod
    def message(self, line: str) -> None:
        """A line of text."""

    def messages(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.message(line)

    @abstractmethod
    def reading(self, done: int, total: int) -> None:
        """`done` of `total` images are decoded."""

    @abstractmethod
    def start(self, epochs: int, steps_an_epoch: int, step: int) -> None:
        """Training starts, or resumes, at `step`."""

    @abstractmethod
    def step(self, record: Step) -> None: ...

    @abstractmethod
    def epoch(self, record: Epoch, best: bool) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """End the display."""


def epoch_line(record: Epoch, epochs: int, best: bool, legend: bool) -> str:
    """One epoch in one line of plain text; the first with a mark has its `legend`. Epoch 0 is a head fitted on features."""
    name = f"epoch {record.epoch:>{len(str(epochs))}}/{epochs}"
    figures = [
        name if record.epoch else "head".ljust(len(name) if epochs else 0),
        f"loss {record.train_loss:.4f}",
        f"{record.train[0].name} {record.train[0].text(2)}",
    ]
    if record.val_loss is not None:
        first, *others = record.val
        figures += [
            f"val loss {record.val_loss:.4f}",
            f"val {first.name} {first.text(2)}{' *' if best else '  '}",
            *(f"val {one.name} {one.text(2)}" for one in others),
        ]
    figures += [
        *([f"lr {record.learning_rate:.2g}"] if record.epoch else []),
        f"{record.images_per_second:,.0f} images/s",
        f"{record.seconds:.1f} s",
    ]
    if legend:
        figures.append(f"(* best val {record.measured[0].name} so far)")
    return "  ".join(figures)


@final
class Silent(ProgressDisplay):
    def message(self, line: str) -> None: ...

    def reading(self, done: int, total: int) -> None: ...

    def start(self, epochs: int, steps_an_epoch: int, step: int) -> None: ...

    def step(self, record: Step) -> None: ...

    def epoch(self, record: Epoch, best: bool) -> None: ...

    def close(self) -> None: ...


@final
class Lines(ProgressDisplay):
    """A plain line for each epoch, and one at every tenth of the images read; for logs."""

    def __init__(self) -> None:
        self._epochs = 0
        self._tenths = 0
        self._has_legend = False

    def message(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def reading(self, done: int, total: int) -> None:
        tenths = done * 10 // total
        if total >= 1000 and tenths > self._tenths:
            self.message(f"read {done:,} of {total:,} images")
        self._tenths = tenths if done < total else 0

    def start(self, epochs: int, steps_an_epoch: int, step: int) -> None:  # noqa: ARG002 - without a bar, the lines of the epochs are all that is shown
        self._epochs = epochs

    def step(self, record: Step) -> None: ...

    def epoch(self, record: Epoch, best: bool) -> None:
        legend = best and record.val_loss is not None and not self._has_legend
        self._has_legend |= legend
        self.message(epoch_line(record, self._epochs, best, legend))

    def close(self) -> None: ...


@final
class Bar(ProgressDisplay):
    """A live bar: epoch, loss, accuracy, learning rate, images a second, time left; finished epochs are printed above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._live = Live(self._progress, console=console, auto_refresh=False, transient=True)
        self._reading: TaskID | None = None
        self._training: TaskID | None = None
        self._epochs = 0
        self._has_legend = False
        self._steps_an_epoch = 1
        self._shown = 0.0
        self._images = 0
        self._images_since = time.perf_counter()

    def message(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def reading(self, done: int, total: int) -> None:
        self._live.start()
        if self._reading is None:
            self._reading = self._progress.add_task("reading", total=total, figures="")
        self._progress.update(self._reading, completed=done, total=total, figures=f"{done:,} of {total:,} images")
        if done == total:
            self._progress.remove_task(self._reading)
            self._reading = None
        self._refresh()

    def start(self, epochs: int, steps_an_epoch: int, step: int) -> None:
        self._epochs, self._steps_an_epoch = epochs, steps_an_epoch
        self._live.start()
        total = epochs * steps_an_epoch
        self._training = self._progress.add_task("epoch 1", total=total, completed=step, figures="")
        self._images_since = time.perf_counter()

    def step(self, record: Step) -> None:
        self._images += record.images
        now = time.perf_counter()
        if now - self._shown < REFRESH_SECONDS or self._training is None:
            return
        metric = record.metrics.compute()[0]
        speed = self._images / max(now - self._images_since, 1e-9)
        epoch = (record.step - 1) // self._steps_an_epoch + 1
        self._progress.update(
            self._training,
            completed=record.step,
            description=f"epoch {epoch}/{self._epochs}",
            figures="  ".join(
                [
                    f"loss {record.loss.item():.4f}",
                    f"{metric.name} {metric.text(2)}",
                    f"lr {record.learning_rate:.2g}",
                    f"{speed:,.0f} images/s",
                ]
            ),
        )
        self._images, self._images_since = 0, now
        self._refresh()

    def epoch(self, record: Epoch, best: bool) -> None:
        if self._training is not None:
            self._progress.update(self._training, completed=record.step)
        legend = best and record.val_loss is not None and not self._has_legend
        self._has_legend |= legend
        self.message(epoch_line(record, self._epochs, best, legend))
        # No image is trained on during validation.
        self._images, self._images_since = 0, time.perf_counter()

    def close(self) -> None:
        self._live.stop()

    def _refresh(self) -> None:
        self._shown = time.perf_counter()
        self._live.refresh()


def progress_display(progress: bool) -> ProgressDisplay:
    """A live bar on a terminal, plain lines elsewhere; nothing if `progress` is False."""
    if not progress:
        return Silent()
    console = Console()
    return Bar(console) if console.is_terminal else Lines()
