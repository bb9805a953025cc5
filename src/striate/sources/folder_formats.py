"""All formats that a folder can be in, the most specific first: how each is found and opened, and its name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, final

from striate.data.source import Source
from striate.sources.annotations.coco_files import find_coco
from striate.sources.annotations.coco_source import open_coco
from striate.sources.annotations.mask_source import find_masks, open_masks
from striate.sources.annotations.voc_source import find_voc, open_voc
from striate.sources.annotations.yolo_source import find_yolo, open_yolo
from striate.sources.archives.webdataset_source import find_shards, open_shards
from striate.sources.arrays.array_source import find_arrays, open_arrays
from striate.sources.arrays.cifar_source import find_cifar, open_cifar
from striate.sources.arrays.idx_source import find_idx, open_idx
from striate.sources.data_path import DataPath
from striate.sources.settings import FolderFormatName
from striate.sources.tables.image_rows_source import find_rows, open_rows
from striate.sources.tables.table_source import find_table, open_table

__all__ = ["FOLDER_FORMATS", "FolderFormat"]


@final
@dataclass(frozen=True, eq=False)
class FolderFormat:
    """One format of a folder, other than class folders.

    `find` gives what there is, or nothing; `open` makes a Source of it; both raise DataError. `holds`: the images are in
    the files themselves ("pixels"), or the files describe images beside them ("labels"). `has_own_folders` is whether what
    was found lies in folders of its own, so that it is there on purpose; `is_prediction` whether it is named as predictions
    are, which never hold labels where there are class folders. `draws`: whether it may have masks, or outlines for masks.
    """

    name: FolderFormatName  # of --source
    title: str
    needs: str
    suffixes: tuple[str, ...]
    holds: Literal["pixels", "labels"]
    find: Callable[[DataPath], Any]
    open: Callable[[DataPath, Any], Source]
    has_own_folders: Callable[[Any], bool] = lambda _: False
    is_prediction: Callable[[Any], bool] = lambda _: False
    draws: bool = False


FOLDER_FORMATS: Final = (
    FolderFormat(
        "idx", "idx files", "train-images-idx3-ubyte and train-labels-idx1-ubyte", ("ubyte", "ubyte.gz"), "pixels",
        find_idx, open_idx,
    ),
    FolderFormat(
        "cifar", "CIFAR", "data_batch_1 ... and batches.meta", (".bin", "data_batch_1"), "pixels",
        find_cifar, open_cifar,
    ),
    FolderFormat(
        "arrays", "arrays", "a .npz file, or x.npy and y.npy", (".npz", ".npy"), "pixels",
        find_arrays, open_arrays,
    ),
    FolderFormat(
        "webdataset", "WebDataset", ".tar files", (".tar",), "pixels",
        find_shards, open_shards,
    ),
    FolderFormat(
        "coco", "COCO", "a JSON file with images, annotations and categories", (".json",), "labels",
        find_coco, open_coco, lambda found: any(path.parent.name.lower() == "annotations" for _, path in found), draws=True,
    ),
    FolderFormat(
        "voc", "Pascal VOC", "XML files in a folder Annotations, or beside the images", (".xml",), "labels",
        find_voc, open_voc, lambda found: found.has_own_folders,
    ),
    FolderFormat(
        "yolo", "YOLO", "data.yaml, or the folders images and labels", (".yaml", ".yml"), "labels",
        find_yolo, open_yolo, lambda found: found.has_own_folders, draws=True,
    ),
    FolderFormat(
        "masks", "mask folders", "the folders images and masks", (".png",), "labels",
        find_masks, open_masks, lambda found: found.has_own_folders, draws=True,
    ),
    FolderFormat(
        "rows", "rows with images in them", "a .parquet or .arrow file with images in it", (".parquet", ".arrow"), "pixels",
        find_rows, open_rows,
    ),
    FolderFormat(
        "table", "a table", "a table whose paths lead to images", (".csv", ".tsv", ".tab", ".psv", ".xlsx", ".parquet"), "labels",
        find_table, open_table, is_prediction=lambda found: found.are_predictions,
    ),
)  # fmt: skip
