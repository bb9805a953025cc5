"""Files of predictions: masks at the size of their images, and images with what is predicted drawn into them."""

import io
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from striate.data import Limits, Sample, annotated_image, read_image
from striate.data.names import unescaped
from striate.errors import SettingError
from striate.runs.atomic import explained, write_bytes
from striate.tasks import Prediction

__all__ = ["check_new_folders", "write_drawings", "write_masks"]


def check_new_folders(masks: str | None, draw: str | None) -> None:
    """Raise SettingError for a folder that is there already: nothing in it may be replaced."""
    for setting, folder in (("masks", masks), ("draw", draw)):
        if folder is not None and Path(folder).exists():
            raise SettingError(f"{setting} = {folder}: is there already; name a new folder")
    if masks is not None and draw is not None and Path(masks).resolve() == Path(draw).resolve():
        raise SettingError(f"masks = {masks} and draw: are one folder; give each its own")


def write_masks(folder: Path, predictions: Sequence[Prediction]) -> None:
    """A PNG for each predicted mask."""
    _write(folder, ((one.path, png) for one in predictions if (png := one.mask_png()) is not None))


def write_drawings(folder: Path, predictions: Sequence[Prediction], classes: Sequence[str], limits: Limits) -> None:
    """A PNG for each image, with its prediction drawn into it or written below it. The images are files."""

    def drawn() -> Iterator[tuple[str, bytes]]:
        for one in predictions:
            target = one.as_target()
            if target is not None:
                image = read_image(unescaped(one.path), limits)
                data = io.BytesIO()
                annotated_image(Sample(one.path, image, target), classes).save(data, "PNG")
                yield one.path, data.getvalue()

    _write(folder, drawn())


def _write(folder: Path, images: Iterator[tuple[str, bytes]]) -> None:
    """Each under the name of its image; of several with one name the second is NAME-2, or the next that is free."""
    with explained(folder):
        folder.mkdir(parents=True)
    written: set[str] = set()
    for path, png in images:
        stem = Path(path).stem
        names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        name = next(name for name in names if name not in written)
        written.add(name)
        write_bytes(folder / f"{name}.png", png)
