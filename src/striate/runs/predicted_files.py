"""Files of predictions: masks at the size of their images, and images with what is predicted drawn into them."""

import io
import logging
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import final

from striate.data import Limits, Sample, Unreadable, annotated_image, read_image
from striate.data.names import unescaped
from striate.errors import SettingError
from striate.runs.atomic import explained, write_bytes
from striate.tasks import Prediction

__all__ = ["NewFolder", "check_new_folders", "drawing"]

LOGGER = logging.getLogger("striate")


def check_new_folders(masks: str | None, draw: str | None) -> None:
    """Raise SettingError for a folder that is there already: nothing in it may be replaced."""
    for setting, folder in (("masks", masks), ("draw", draw)):
        if folder is not None and Path(folder).exists():
            raise SettingError(f"{setting} = {folder}: is there already; name a new folder")
    if masks is not None and draw is not None and Path(masks).resolve() == Path(draw).resolve():
        raise SettingError(f"masks = {masks} and draw: are one folder; give each its own")


@final
class NewFolder:
    """A folder of PNG files, made when the first is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: set[str] = set()

    def write(self, image: str, png: bytes) -> None:
        """Under the name of its image; of several with one name the second is NAME-2, or the next that is free."""
        if not self._names:
            with explained(self._path):
                self._path.mkdir(parents=True)
        stem = Path(image).stem
        names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        name = next(name for name in names if name not in self._names)
        self._names.add(name)
        write_bytes(self._path / f"{name}.png", png)


def drawing(prediction: Prediction, classes: Sequence[str], limits: Limits) -> bytes | None:
    """A PNG of the image, a file, with its prediction drawn into it or written below it; None where nothing is predicted.

    None also, with a warning, of a file that cannot be read any more: its prediction, and those after it, are not lost.
    """
    target = prediction.as_target()
    if target is None:
        return None
    try:
        image = read_image(unescaped(prediction.path), limits)
    except Unreadable as failure:
        LOGGER.warning(
            f"{prediction.path}: was predicted, and cannot be read any more ({failure.detail}); it is not drawn"
        )
        return None
    data = io.BytesIO()
    annotated_image(Sample(prediction.path, image, target), classes).save(data, "PNG")
    return data.getvalue()
