"""Images and labels that Python code holds: arrays, tensors, lists, and dictionaries of splits.

    (images, labels)                                      one set, split later
    {"train": (images, labels), "test": (images, labels)} splits, by any usual name
    ((images, labels), (images, labels))                  train and test, as Keras's load_data gives them

Images are an array or a tensor (N H W, N H W C, N C H W), or a list in which each is what image_inputs.py takes; labels are whole
numbers, text, or one-hot rows, by the rules of array_labels.py. White is one value for all arrays, such as 1 or 255 of fractions.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast, final

import numpy as np
import numpy.typing as npt

from striate.data.array_store import ArrayStore, image_store
from striate.data.decoding.limits import DEFAULT_LIMITS, Limits
from striate.data.decoding.rendering import Levels, ValueRange
from striate.data.names import expanded, printable
from striate.data.skipped_files import Unreadable
from striate.data.source import Listing, Source
from striate.data.store import ArrayImage, FileStore, ImageItem, ImageStore, Store
from striate.data.targets import ClassTargets, TaskKind
from striate.errors import DataError, nearest
from striate.sources.arrays.array_files import StoredArray
from striate.sources.arrays.array_labels import read_labels
from striate.sources.arrays.array_pixels import (
    ArrayLayout,
    check_scales,
    check_shape,
    common_levels,
    layout_of,
    read_pixels,
    spans_of,
    stored_values,
)
from striate.sources.arrays.image_inputs import array_of, held_image, holds_file, is_list, not_finite
from striate.sources.asked_task import with_task
from striate.sources.source_splits import by_split, ordered_splits, trainable
from striate.sources.split_words import splits_of

__all__ = ["IN_MEMORY", "open_in_memory"]

IN_MEMORY: Final = "in memory"  # where such data are: nobody can open them again by that
_SPLITS: Final = ("train", "val", "validation", "test")  # the usual names, of the many that are taken
_FORMS: Final = 'give (images, labels), or a dictionary such as {"train": (images, labels), "test": (images, labels)}'
_HINT: Final = (
    "; of a Dataset the images are [image for image, _ in dataset] and the labels [label for _, label in dataset]"
)

Array = npt.NDArray[Any]


@final
@dataclass(frozen=True, eq=False)
class _Split:
    """What was given for one split: an array of images, or images one by one; and a label for each."""

    where: str  # for a person: "images", or "train"
    array: StoredArray | None
    items: tuple[object, ...]
    labels: StoredArray

    def one_by_one(self) -> "_Split":
        """The same with the images of an array apart."""
        return self if self.array is None else replace(self, array=None, items=tuple(self.array.read()))

    def __len__(self) -> int:
        return self.array.shape[0] if self.array is not None else len(self.items)


def open_in_memory(
    data: object, limits: Limits = DEFAULT_LIMITS, task: TaskKind | None = None, *, for_training: bool = True
) -> Source:
    """The source over images and labels in memory; `task` is as in `Columns`, `for_training` as in `ReadOptions`.

    Raises DataError for what does not hold together.
    """
    given = {name: _split(name, *pair) for name, pair in _pairs(data, for_training).items()}
    if len({one.array and one.array.shape[1:] for one in given.values()}) > 1:  # images differ in size or kind
        given = {name: one.one_by_one() for name, one in given.items()}
    learned = given.get("train") or next(iter(given.values()))
    labels = read_labels(
        {name: one.labels for name, one in given.items()},
        {name: len(one) for name, one in given.items()},
        task,
        for_training=for_training,
    )
    stores, description = _stores(given, limits)
    used: set[str] = set()
    listings = {
        name: Listing(_ids(one, used), labels.targets[name], stores[name]) for name, one in given.items()
    }  # fmt: skip
    if learned.array is None and for_training:
        _check_classes(listings["train" if "train" in listings else next(iter(listings))], labels.classes)
    source = Source(
        "in-memory",
        IN_MEMORY,
        f"{description} from Python, {labels.description}",
        labels.classes,
        ordered_splits(listings),
        limits=limits,
        split_origin="the dictionary of splits" if len(given) > 1 else "",
        notes=labels.notes,
        has_class_columns=labels.has_columns,
    )
    return with_task(trainable(source) if for_training else source, task)


def _pairs(data: object, for_training: bool) -> dict[str, tuple[Any, Any]]:
    """Images and labels by split; "all" where they are not split."""
    if _is_train_and_test(data):
        data = dict(zip(("train", "test"), cast(Sequence[object], data), strict=True))
    if not isinstance(data, Mapping):
        return {"all": _pair(data, "the data")}
    pairs = {str(name): pair for name, pair in data.items()}
    known = splits_of(list(pairs))
    unknown = next((name for name in pairs if name not in known), None)
    if unknown is not None:
        raise DataError(f"{printable(unknown)!r} is not a split{nearest(unknown, _SPLITS)}; {_FORMS}")
    names = by_split(((split, name) for name, split in known.items()), "the dictionary")
    found = {split: _pair(pairs[name], f"the split {name!r}") for split, name in names.items()}
    if "train" not in found and (for_training or not found):
        raise DataError(f"the dictionary has {' and '.join(names.values()) or 'nothing'} and no split train; {_FORMS}")
    return found if len(found) > 1 or "train" not in found else {"all": found["train"]}


def _is_train_and_test(data: object) -> bool:
    """Whether it is two pairs of images and labels: no label is an array of images."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        return False
    pairs = all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in data)
    return pairs and all((images := array_of(pair[0])) is not None and images.ndim >= 3 for pair in data)


def _pair(given: object, what: str) -> tuple[Any, Any]:
    if isinstance(given, tuple) and len(given) == 2:
        return given
    if isinstance(given, tuple | list):
        raise DataError(f"{what} is a {type(given).__name__} of {len(given)}; {_FORMS}")
    indexed = array_of(given) is None and callable(getattr(given, "__getitem__", None))
    raise DataError(f"{what} is {type(given).__name__}; {_FORMS}{_HINT if indexed else ''}")


def _split(name: str, images: object, labels: object) -> _Split:
    where = "images" if name == "all" else name
    array = array_of(images)
    items: tuple[object, ...] = ()
    if array is None or array.dtype.kind in "UO":
        if isinstance(images, Mapping) or not is_list(images):
            raise DataError(
                f"{where}: {type(images).__name__} is not a list of images; give an array or a list of images"
            )
        items = tuple(cast(Iterable[object], images) if array is None else array.tolist())
        array = _stacked(items)
    if (len(items) if array is None else len(array) if array.ndim else 0) == 0:
        raise DataError(f"{where}: it has no image; {_FORMS}")
    if array is not None:
        items = ()
        check_shape(where, array.shape)
        bad = np.flatnonzero(not_finite(array))
        if len(bad):
            raise DataError(f"{where}[{bad[0]}] contains NaN or infinite values; leave it out, or fix it")
        array = np.require(array, requirements=["C", "W"])  # torch takes no steps backwards, as in x[..., ::-1]
    stored = None if array is None else _stored(where, array)
    label_array = _labels(labels, "labels" if name == "all" else f"labels of {name}")
    return _Split(where, stored, items, label_array)


def _stacked(items: Sequence[object]) -> Array | None:
    """The arrays of a list as one, where all have one shape and type."""
    arrays = [array_of(one) for one in items]
    first = arrays[0] if arrays else None
    if first is None or first.ndim not in (2, 3):
        return None
    alike = [one for one in arrays if one is not None and one.shape == first.shape and one.dtype == first.dtype]
    return np.stack(alike) if len(alike) == len(arrays) else None


def _labels(labels: object, where: str) -> StoredArray:
    """Labels as an array of numbers or text, N or N K. Raises DataError where they are of several kinds or missing."""
    array = array_of(labels)
    if array is not None and array.dtype.kind == "O":
        labels, array = array.tolist(), None
    if array is None:
        if isinstance(labels, str | bytes | Mapping) or not isinstance(labels, Iterable):
            raise DataError(
                f"{where} are {type(labels).__name__}; give one label for each image, as a list or an array"
            )
        array = _label_array(list(labels), where)
    if array.ndim == 0:
        raise DataError(f"{where} are one value; give one label for each image")
    if array.dtype.kind not in "buifU":
        raise DataError(f"{where} are {array.dtype}; give whole numbers or text")
    if array.ndim > 2 or 0 in array.shape[:1]:
        sizes = " x ".join(map(str, array.shape))
        raise DataError(f"{where} are an array of {sizes}; give one label, or one row of 0 and 1, for each image")
    return _stored(where, array)


def _label_array(items: list[Any], where: str) -> Array:
    """A list of labels; NumPy would make text of numbers that stand beside text."""
    values = [_label_value(one) for one in items]
    for i, (one, value) in enumerate(zip(items, values, strict=True)):
        if value.dtype.kind not in "buifU":
            raise DataError(f"{where}[{i}] is {printable(repr(one))[:40]}; give whole numbers or text")
        if value.shape != values[0].shape:
            raise DataError(f"{where}[{i}] does not have the shape of {where}[0]; give all labels the same shape")
        if (value.dtype.kind == "U") != (values[0].dtype.kind == "U"):
            kinds = f"{printable(repr(items[0]))[:40]} and {where}[{i}] is {printable(repr(one))[:40]}"
            raise DataError(f"{where}[0] is {kinds}; give all of them as text, or all as numbers")
    return np.stack(values) if values else np.empty(0)


def _label_value(label: object) -> Array:
    array = array_of(label)
    if array is not None:
        return array
    try:
        return np.asarray(label)
    except ValueError:  # rows of unequal length
        return np.array(None)


def _stored(where: str, values: Array) -> StoredArray:
    return StoredArray(where, values.shape, values.dtype, lambda: values)


def _stores(given: Mapping[str, _Split], limits: Limits) -> tuple[dict[str, Store], str]:
    """Where the images of each split lie, and what was understood of their axes."""
    arrays = {name: one.array for name, one in given.items() if one.array is not None}
    if arrays:
        layouts = {name: layout_of(array) for name, array in arrays.items()}
        where = {name: array.where for name, array in arrays.items()}
        spans = {name: spans_of(array) for name, array in arrays.items()} if len(arrays) > 1 else {}
        levels = check_scales(layouts, where, spans)
        stores: dict[str, Store] = {}
        for name, array in arrays.items():
            if any(one.own_range for one in layouts.values()):
                stores[name] = image_store(stored_values(array, layouts[name]), levels)
                continue
            read = partial(read_pixels, array, layouts[name], levels[1])
            stored = None if array.dtype == np.uint8 else partial(stored_values, array, layouts[name])
            stores[name] = ArrayStore(layouts[name].shape, read, levels[1], stored)
        return stores, f"arrays {next(iter(layouts.values())).axes}"
    if all(isinstance(item, str | Path) for one in given.values() for item in one.items):
        paths = {name: tuple(str(expanded(str(item))) for item in one.items) for name, one in given.items()}
        return {name: FileStore(of_split, limits) for name, of_split in paths.items()}, "image files"
    by_kind = _levels(given)
    return {name: ImageStore(tuple(_held(one, by_kind, limits)), limits) for name, one in given.items()}, "images"


def _levels(given: Mapping[str, _Split]) -> Mapping[str, Levels]:
    """The values that are black and white in arrays of each kind of number, the same for all images of all splits."""
    levels: dict[str, list[Levels]] = defaultdict(list)
    layouts: dict[str, ArrayLayout] = {}
    spans: dict[str, list[ValueRange]] = defaultdict(list)
    for name, split in given.items():
        for i, item in enumerate(split.items):
            if (values := _array_item(item)) is not None:
                layout = layout_of(image := _stored(f"{split.where}[{i}]", values))
                spans[name] += spans_of(image)
                if name not in layouts or layout.scale > layouts[name].scale:
                    layouts[name] = layout
                levels[_kind(values)].append(layout.levels)
    check_scales(layouts, {name: given[name].where for name in layouts}, spans)
    return {kind: common_levels(of_kind) for kind, of_kind in levels.items()}


def _held(split: _Split, levels: Mapping[str, Levels], limits: Limits) -> Iterable[ImageItem]:
    """Each image of a list. DataError for what is no image, NaN among it."""
    for i, item in enumerate(split.items):
        held = held_image(item, limits)
        if isinstance(held, Unreadable) and not holds_file(item):  # a damaged file is skipped, as in a folder
            raise DataError(f"{split.where}[{i}]: {held.detail}")
        yield replace(held, levels=levels[held.kind]) if isinstance(held, ArrayImage) else held


def _array_item(item: object) -> Array | None:
    """An array of one image in a list, with an axis N of 1 before it."""
    values = array_of(item)
    if values is None or values.ndim not in (2, 3) or 0 in values.shape or not_finite(values[None]).any():
        return None
    return np.require(values[None], requirements=["C", "W"])


def _kind(values: Array) -> str:
    return "uint8" if values.dtype == np.uint8 else values.dtype.kind.replace("u", "i")


def _ids(split: _Split, used: set[str]) -> tuple[str, ...]:
    """The path of each file, with its position where it comes again; "train[3]" of what is no file."""
    ids = []
    for i in range(len(split)):
        item = split.items[i] if split.items else None
        called = printable(str(item)) if isinstance(item, str | Path) else f"{split.where}[{i}]"
        called = f"{called} ({split.where}[{i}])" if called in used else called
        used.add(called)
        ids.append(called)
    return tuple(ids)


def _check_classes(listing: Listing, classes: Sequence[str]) -> None:
    """DataError when no image of a class has the header of one."""
    if not isinstance(listing.targets, ClassTargets):
        return
    failures: dict[int, str] = {}
    readable: set[int] = set()
    for i, label in enumerate(listing.labels.tolist()):
        if label not in readable:
            try:
                listing.store.header(i)
                readable.add(label)
            except Unreadable as failure:
                failures.setdefault(label, f"{listing.ids[i]}: {failure}")
    for label, first in failures.items():
        if label not in readable:
            raise DataError(f"the class {classes[label]} has no readable image ({first}); add some, or leave it out")
