"""All the ways in which a folder can be read, the most particular first: how each is found, opened, and called."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, final

from striate.data.names import named
from striate.data.source import Source
from striate.sources.annotations.coco_files import find_coco
from striate.sources.annotations.coco_source import open_coco
from striate.sources.annotations.mask_source import find_masks, open_masks
from striate.sources.annotations.voc_source import find_voc, open_voc
from striate.sources.annotations.yolo_source import YoloFolders, find_yolo, open_yolo
from striate.sources.archives.webdataset_source import find_shards, open_shards
from striate.sources.arrays.array_source import find_arrays, open_arrays
from striate.sources.arrays.cifar_source import find_cifar, open_cifar
from striate.sources.arrays.idx_source import find_idx, open_idx
from striate.sources.read_options import ReadOptions
from striate.sources.tables.image_rows_source import find_rows, open_rows
from striate.sources.tables.table_source import find_table, open_table

__all__ = ["FOLDER_FORMATS", "FolderFormat"]


@final
@dataclass(frozen=True, eq=False)
class FolderFormat:
    """One way to read a folder that is no class folders.

    `find` gives what there is, or nothing; `open` makes a Source of it; both raise DataError. `holds`: the images are in
    the files themselves ("pixels"), or the files speak about images beside them ("labels"). `own_folder` says of what was
    found whether it lies in folders of its own, as no stray file does; `is_stray` whether it is called as what is never
    meant where class folders are.
    """

    name: str  # of --source
    says: str
    needs: str
    suffixes: tuple[str, ...]
    holds: Literal["pixels", "labels"]
    find: Callable[[Path, ReadOptions], Any]
    open: Callable[[Path, Any, ReadOptions], Source]
    own_folder: Callable[[Any], bool] = lambda _: False
    is_stray: Callable[[Any], bool] = lambda _: False


def _idx(folder: Path, found: Any, how: ReadOptions) -> Source:
    return open_idx(*named(folder), found, {}, for_training=how.for_training)


def _yolo_apart(found: YoloFolders) -> bool:
    root = found.file.parent if found.file else None
    return any(
        pair.images != pair.beside and (root is None or (root / pair.beside).is_dir()) for _, pair in found.pairs
    )


FOLDER_FORMATS: Final = (
    FolderFormat(
        "idx", "idx files", "train-images-idx3-ubyte and train-labels-idx1-ubyte", ("ubyte", "ubyte.gz"), "pixels",
        lambda folder, _: find_idx(folder), _idx,
    ),
    FolderFormat(
        "cifar", "CIFAR", "data_batch_1 ... and batches.meta", (".bin", "data_batch_1"), "pixels",
        lambda folder, _: find_cifar(folder), lambda folder, found, _: open_cifar(folder, found),
    ),
    FolderFormat(
        "arrays", "arrays", "a .npz file, or x.npy and y.npy", (".npz", ".npy"), "pixels",
        lambda folder, _: find_arrays(folder),
        lambda folder, found, how: open_arrays(folder, found, how.columns.task, for_training=how.for_training),
    ),
    FolderFormat(
        "webdataset", "WebDataset", ".tar files", (".tar",), "pixels",
        lambda folder, _: find_shards(folder),
        lambda folder, found, how: open_shards(
            folder, found, how.limits, how.columns.task, for_training=how.for_training
        ),
    ),
    FolderFormat(
        "coco", "COCO", "a JSON file with images, annotations and categories", (".json",), "labels",
        lambda folder, _: find_coco(folder.resolve()),
        lambda folder, found, how: open_coco(folder.resolve(), found, how.limits),
        lambda found: any(path.parent.name.lower() == "annotations" for _, path in found),
    ),
    FolderFormat(
        "voc", "Pascal VOC", "XML files in a folder Annotations, or beside the images", (".xml",), "labels",
        lambda folder, _: find_voc(folder.resolve()),
        lambda folder, found, how: open_voc(folder.resolve(), found, how.limits),
        lambda found: any(one != other for _, (one, other) in found.folders),
    ),
    FolderFormat(
        "yolo", "YOLO", "data.yaml, or the folders images and labels", (".yaml", ".yml"), "labels",
        lambda folder, _: find_yolo(folder.resolve()),
        lambda folder, found, how: open_yolo(folder.resolve(), found, how.limits),
        _yolo_apart,
    ),
    FolderFormat(
        "masks", "mask folders", "the folders images and masks", (".png",), "labels",
        lambda folder, _: find_masks(folder.resolve()),
        lambda folder, found, how: open_masks(folder.resolve(), found, how.limits),
        lambda found: any(pair.images != pair.beside for _, pair in found.pairs),
    ),
    FolderFormat(
        "rows", "rows with images in them", "a .parquet or .arrow file with images in it", (".parquet", ".arrow"), "pixels",
        lambda path, _: find_rows(path),
        lambda path, found, how: open_rows(path, found, how.limits, how.columns, for_training=how.for_training),
    ),
    FolderFormat(
        "table", "a table", "a table whose paths lead to images", (".csv", ".tsv", ".tab", ".psv", ".xlsx", ".parquet"), "labels",
        lambda folder, how: find_table(folder, how.columns, follow=how.limits.follow_links),
        lambda _, found, how: open_table(found, how.limits, how.columns, for_training=how.for_training),
        is_stray=lambda found: found.are_predictions,
    ),
)  # fmt: skip
