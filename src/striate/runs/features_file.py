"""The .npz file of features, and where it is written: never into the data, and never over a file that striate did not make."""

import io
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from striate.data import Source
from striate.errors import SettingError
from striate.runs.folder import plain_name
from striate.runs.output_paths import check_file_path
from striate.sources import TrainingData
from striate.training.opening import refuse_within_the_data

__all__ = ["check_features_path", "features_bytes", "features_path"]

ARRAYS = ("embeddings", "ids", "labels", "splits")


def features_path(out: str | Path | None, data: TrainingData, source: Source) -> Path:
    """The path of the features, `NAME-features.npz` in the current folder if `out` is None. Raises SettingError."""
    path = Path(out) if out is not None else Path(f"{plain_name(source.name) or 'data'}-features.npz")
    check_features_path(path)
    refuse_within_the_data(path, data, source)
    return path


def check_features_path(path: Path) -> None:
    """Raise SettingError where features cannot be written, whatever the data are."""
    check_file_path(path, ".npz file", ".npz", _is_features, "features")
    page = path.with_suffix(".html")
    if page.exists() and not path.exists():
        raise SettingError(
            f"--out {path}: its page would replace {page}, which is not of these features; choose another"
        )


def features_bytes(
    embeddings: npt.NDArray[np.float32], ids: Sequence[str], labels: Sequence[str], splits: Sequence[str]
) -> bytes:
    """The content of a .npz: `embeddings` N D float32, and text of N each: `ids`, `labels`, `splits`. No pickle."""
    file = io.BytesIO()
    np.savez_compressed(
        file, embeddings=embeddings, ids=np.array(ids), labels=np.array(labels), splits=np.array(splits)
    )
    return file.getvalue()


def _is_features(path: Path) -> bool:
    try:
        with ZipFile(path) as archive:
            return archive.namelist() == [f"{name}.npy" for name in ARRAYS]
    except (BadZipFile, IsADirectoryError):
        return False
