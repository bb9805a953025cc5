"""Features of images, their .npz file, and where it is written: never into the data, never over a file of somebody else's."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from striate.data import LabeledImages, Source
from striate.errors import SettingError
from striate.runs.folder import plain_name
from striate.runs.output_paths import check_file_path
from striate.sources import TrainingData
from striate.training.opening import refuse_within_the_data

__all__ = ["Features", "check_features_path", "features_path"]

ARRAYS = ("embeddings", "ids", "labels", "splits")


@final
@dataclass(frozen=True)
class Features:
    """The embeddings of images, and what is known of each; `path` is the .npz with the same, `page` the chart."""

    embeddings: npt.NDArray[np.float32]  # N D
    ids: tuple[str, ...]
    labels: tuple[str, ...]  # names of classes
    splits: tuple[str, ...]  # train, val, test; or all
    classes: tuple[str, ...]
    model: str
    path: Path

    @classmethod
    def of(
        cls,
        embeddings: npt.NDArray[np.float32],
        images: Mapping[str, LabeledImages],
        split_of: Mapping[str, str],
        model: str,
        path: Path,
    ) -> "Features":
        """Embeddings N D of the images of all splits, in their order. split_of: by id, where a run split them otherwise."""
        (classes,) = {split.classes for split in images.values()}
        return cls(
            embeddings=embeddings,
            ids=tuple(one for split in images.values() for one in split.ids),
            labels=tuple(classes[label] for split in images.values() for label in split.labels.tolist()),
            splits=tuple(split_of.get(one, name) for name, split in images.items() for one in split.ids),
            classes=classes,
            model=model,
            path=path,
        )

    @property
    def page(self) -> Path:
        return _page(self.path)

    def as_npz(self) -> bytes:
        """`embeddings` N D float32, and text of N each: `ids`, `labels`, `splits`. No pickle."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            embeddings=self.embeddings,
            ids=np.array(self.ids),
            labels=np.array(self.labels),
            splits=np.array(self.splits),
        )
        return file.getvalue()

    def __repr__(self) -> str:
        count, dimensions = self.embeddings.shape
        return f"<features of {count:,} images: {dimensions:,} each by {self.model}, {self.path}>"


def features_path(out: str | Path | None, data: TrainingData, source: Source) -> Path:
    """The path of the features, `NAME-features.npz` in the current folder if `out` is None. Raises SettingError."""
    path = Path(out) if out is not None else Path(f"{plain_name(source.name) or 'data'}-features.npz")
    check_features_path(path)
    refuse_within_the_data(path, data, source)
    return path


def check_features_path(path: Path) -> None:
    """Raise SettingError where features cannot be written, whatever the data are."""
    check_file_path(path, ".npz file", ".npz", _is_features, "features")
    page = _page(path)
    if page.exists() and not path.exists():
        raise SettingError(
            f"--out {path}: its page would replace {page}, which is not of these features; choose another"
        )


def _page(path: Path) -> Path:
    return path.with_suffix(".html")


def _is_features(path: Path) -> bool:
    try:
        with ZipFile(path) as archive:
            return archive.namelist() == [f"{name}.npy" for name in ARRAYS]
    except (BadZipFile, IsADirectoryError):
        return False
