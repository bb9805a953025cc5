"""Files of predictions: masks at the size of their images, and images with what is predicted drawn into them."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from striate.data import Limits, Sample, annotated_image, read_image
from striate.data.names import unescaped
from striate.errors import SettingError
from striate.runs.atomic import explained, write_bytes
from striate.tasks import Prediction

__all__ = ["check_new_folder", "write_drawings", "write_masks"]


def check_new_folder(setting: str, folder: str | None) -> None:
    """Raise SettingError for a folder that is there already: nothing in it may be replaced."""
    if folder is not None and Path(folder).exists():
        raise SettingError(f"{setting} = {folder}: is there already; name a new folder")


def write_masks(folder: Path, predictions: Sequence[Prediction]) -> None:
    """A PNG for each predicted mask. Raises SettingError where the network predicts no masks."""
    images = {one.path: png for one in predictions if (png := one.mask_png()) is not None}
    if not images:
        raise SettingError(f"masks = {folder}: this network predicts no masks; leave it out, or give draw")
    _write(folder, ((path, png) for path, png in images.items()))


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
    """Each under the name of its image; of several with one name the second is NAME-2."""
    with explained(folder):
        folder.mkdir(parents=True)
    taken: Counter[str] = Counter()
    for path, png in images:
        stem = Path(path).stem
        taken[stem] += 1
        write_bytes(folder / f"{stem}{f'-{taken[stem]}' if taken[stem] > 1 else ''}.png", png)
