"""Data: what is on disk becomes samples, and samples become batches. Nothing on disk is ever changed.

source = open_source("photos/")                      # listed and checked, nothing decoded
pictures = load_pictures(source, source.native(), threads=2, limits=Limits())
splits = split_pictures(pictures, val=0.1, test=0.1, seed=0)
check_data(splits)                                   # findings; healthy data gives none
Batches(splits.train, batch_size=64, ...).epoch(0)   # what the network sees
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.data.audit import check_data
    from striate.data.batches import Batch, Batches
    from striate.data.cache import Cache
    from striate.data.decoding.canvas import Canvas
    from striate.data.decoding.decode import Header, decode_picture, read_header, read_picture
    from striate.data.decoding.limits import Limits
    from striate.data.describe import understood, understood_as_json
    from striate.data.drawing import as_rgb, draw_sample
    from striate.data.faults import Fault
    from striate.data.given import Given, ImageInput, ImagesInput, LabelsInput, TrainingData, given_images, is_list
    from striate.data.groups import groups_of
    from striate.data.images import HeldImages, Images, as_colours
    from striate.data.known_images import KnownImages, read_known_images, split_rows
    from striate.data.load import decoded_size, load_pictures
    from striate.data.moving import fitting_view, moved
    from striate.data.names import printable
    from striate.data.pictures import Pictures
    from striate.data.set_aside import SetAside, Unreadable
    from striate.data.sheet import as_pictures, contact_sheet, headed_sheet, is_sheet
    from striate.data.source import Listing, Sample, Source, require_classes
    from striate.data.sources.columns import Columns, split_names
    from striate.data.sources.in_memory import IN_MEMORY, open_in_memory
    from striate.data.sources.mask_folders import MaskFiles
    from striate.data.sources.open import BUILT_IN, open_source
    from striate.data.sources.outlines import OutlinedObjects
    from striate.data.split_file import apply_split, read_split
    from striate.data.splits import Splits, split_pictures
    from striate.data.statistics import TrainingStatistics, image_statistics, training_statistics
    from striate.data.store import ArrayStore, ContentStore, FileStore, ImageStore, Store
    from striate.data.stratify import stratified_folds, stratified_split
    from striate.data.streaming import StreamedImages
    from striate.data.targets import Labels, LabelSets, Numbers, ObjectLists, Objects, Skeleton, Targets, TaskKind

__all__ = [
    "BUILT_IN",
    "IN_MEMORY",
    "ArrayStore",
    "Batch",
    "Batches",
    "Cache",
    "Canvas",
    "Columns",
    "ContentStore",
    "Fault",
    "FileStore",
    "Given",
    "Header",
    "HeldImages",
    "ImageInput",
    "ImageStore",
    "Images",
    "ImagesInput",
    "KnownImages",
    "LabelSets",
    "Labels",
    "LabelsInput",
    "Limits",
    "Listing",
    "MaskFiles",
    "Numbers",
    "ObjectLists",
    "Objects",
    "OutlinedObjects",
    "Pictures",
    "Sample",
    "SetAside",
    "Skeleton",
    "Source",
    "Splits",
    "Store",
    "StreamedImages",
    "Targets",
    "TaskKind",
    "TrainingData",
    "TrainingStatistics",
    "Unreadable",
    "apply_split",
    "as_colours",
    "as_pictures",
    "as_rgb",
    "check_data",
    "contact_sheet",
    "decode_picture",
    "decoded_size",
    "draw_sample",
    "fitting_view",
    "given_images",
    "groups_of",
    "headed_sheet",
    "image_statistics",
    "is_list",
    "is_sheet",
    "load_pictures",
    "moved",
    "open_in_memory",
    "open_source",
    "printable",
    "read_header",
    "read_known_images",
    "read_picture",
    "read_split",
    "require_classes",
    "split_names",
    "split_pictures",
    "split_rows",
    "stratified_folds",
    "stratified_split",
    "training_statistics",
    "understood",
    "understood_as_json",
]

_LAZY = MappingProxyType(
    {
        "ArrayStore": "store",
        "BUILT_IN": "sources.open",
        "Batch": "batches",
        "Batches": "batches",
        "Cache": "cache",
        "Canvas": "decoding.canvas",
        "Columns": "sources.columns",
        "ContentStore": "store",
        "Fault": "faults",
        "FileStore": "store",
        "Given": "given",
        "Header": "decoding.decode",
        "HeldImages": "images",
        "IN_MEMORY": "sources.in_memory",
        "ImageInput": "given",
        "ImageStore": "store",
        "Images": "images",
        "ImagesInput": "given",
        "KnownImages": "known_images",
        "LabelSets": "targets",
        "Labels": "targets",
        "LabelsInput": "given",
        "Limits": "decoding.limits",
        "Listing": "source",
        "MaskFiles": "sources.mask_folders",
        "Numbers": "targets",
        "ObjectLists": "targets",
        "Objects": "targets",
        "OutlinedObjects": "sources.outlines",
        "Pictures": "pictures",
        "Sample": "source",
        "SetAside": "set_aside",
        "Skeleton": "targets",
        "Source": "source",
        "Splits": "splits",
        "Store": "store",
        "StreamedImages": "streaming",
        "Targets": "targets",
        "TaskKind": "targets",
        "TrainingData": "given",
        "TrainingStatistics": "statistics",
        "Unreadable": "set_aside",
        "apply_split": "split_file",
        "as_colours": "images",
        "as_pictures": "sheet",
        "as_rgb": "drawing",
        "check_data": "audit",
        "contact_sheet": "sheet",
        "decode_picture": "decoding.decode",
        "decoded_size": "load",
        "draw_sample": "drawing",
        "fitting_view": "moving",
        "given_images": "given",
        "groups_of": "groups",
        "headed_sheet": "sheet",
        "image_statistics": "statistics",
        "is_list": "given",
        "is_sheet": "sheet",
        "load_pictures": "load",
        "moved": "moving",
        "open_in_memory": "sources.in_memory",
        "open_source": "sources.open",
        "printable": "names",
        "read_header": "decoding.decode",
        "read_known_images": "known_images",
        "read_picture": "decoding.decode",
        "read_split": "split_file",
        "require_classes": "source",
        "split_names": "sources.columns",
        "split_pictures": "splits",
        "split_rows": "known_images",
        "stratified_folds": "stratify",
        "stratified_split": "stratify",
        "training_statistics": "statistics",
        "understood": "describe",
        "understood_as_json": "describe",
    }
)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
