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
    from striate.data.canvas import Canvas
    from striate.data.decode import Header, decode_bytes, decode_picture, read_header, read_picture
    from striate.data.groups import groups_of
    from striate.data.images import HeldImages, Images
    from striate.data.limits import Limits
    from striate.data.load import decoded_size, load_pictures
    from striate.data.names import printable
    from striate.data.open import BUILT_IN, open_source
    from striate.data.pictures import Pictures
    from striate.data.set_aside import SetAside, Unreadable
    from striate.data.sheet import as_pictures, contact_sheet
    from striate.data.source import Listing, Sample, Source, require_classes
    from striate.data.split_file import apply_split, read_split
    from striate.data.splits import Splits, split_pictures
    from striate.data.store import ArrayStore, FileStore, Store
    from striate.data.stratify import stratified_folds, stratified_split
    from striate.data.streaming import StreamedImages
    from striate.data.targets import Labels, LabelSets, Numbers, ObjectLists, Objects, Skeleton, Targets, TaskKind

__all__ = [
    "BUILT_IN",
    "ArrayStore",
    "Batch",
    "Batches",
    "Cache",
    "Canvas",
    "FileStore",
    "Header",
    "HeldImages",
    "Images",
    "LabelSets",
    "Labels",
    "Limits",
    "Listing",
    "Numbers",
    "ObjectLists",
    "Objects",
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
    "Unreadable",
    "apply_split",
    "as_pictures",
    "check_data",
    "contact_sheet",
    "decode_bytes",
    "decode_picture",
    "decoded_size",
    "groups_of",
    "load_pictures",
    "open_source",
    "printable",
    "read_header",
    "read_picture",
    "read_split",
    "require_classes",
    "split_pictures",
    "stratified_folds",
    "stratified_split",
]

_LAZY = MappingProxyType(
    {
        "ArrayStore": "store",
        "BUILT_IN": "open",
        "Batch": "batches",
        "Batches": "batches",
        "Cache": "cache",
        "Canvas": "canvas",
        "FileStore": "store",
        "Header": "decode",
        "HeldImages": "images",
        "Images": "images",
        "LabelSets": "targets",
        "Labels": "targets",
        "Limits": "limits",
        "Listing": "source",
        "Numbers": "targets",
        "ObjectLists": "targets",
        "Objects": "targets",
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
        "Unreadable": "set_aside",
        "apply_split": "split_file",
        "as_pictures": "sheet",
        "check_data": "audit",
        "contact_sheet": "sheet",
        "decode_bytes": "decode",
        "decode_picture": "decode",
        "decoded_size": "load",
        "groups_of": "groups",
        "load_pictures": "load",
        "open_source": "open",
        "printable": "names",
        "read_header": "decode",
        "read_picture": "decode",
        "read_split": "split_file",
        "require_classes": "source",
        "split_pictures": "splits",
        "stratified_folds": "stratify",
        "stratified_split": "stratify",
    }
)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
