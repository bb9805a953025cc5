"""Class folders: one folder for each class, with or without a folder for each split of the data around them.

    photos/cat/1.jpg                  one set, split later
    photos/train/cat/1.jpg            splits by any of the names that people give to them (split_words.py); val and test may
    photos/Testing Set/cat/9.jpg      lack classes that train has, not the other way round

Within a class folder files are found at any depth; which of them are images is in files/image_files.py, which folders are
classes in layout.py. Hidden files, thumbnails and what systems leave behind are ignored by name and counted.
Links are followed to files inside the data only, unless the limits say otherwise. Classes are in natural order, files in
that of their names' bytes, the same on every machine.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from striate.data.decoding.decode import read_header
from striate.data.names import named, printable
from striate.data.skipped_files import Unreadable
from striate.data.source import Listing, Source
from striate.data.store import FileStore
from striate.data.targets import ClassTargets
from striate.errors import DataError
from striate.sources.data_path import DataPath
from striate.sources.files.folder_names import MASKS
from striate.sources.files.image_files import HIDDEN, ImageFiles, image_files
from striate.sources.files.tree import walk
from striate.sources.folders.layout import ClassFolder, ClassFolderLayout, arrange, known_classes

__all__ = ["open_folders"]

_LOOSE = "outside the class folders"  # a kind of ignored files


def open_folders(data: DataPath) -> Source:
    """The source over a folder of class folders. Raises DataError for whatever cannot be learned from, or measured."""
    root, for_training = data.path, data.options.for_training
    layout = arrange(data)
    names = known_classes(data, layout)
    label_of = {name: label for label, name in enumerate(names)}
    ignored: Counter[str] = Counter()
    found = {folder.path: _images(data, folder.path) for folder in layout.folders}
    for images in found.values():
        ignored.update(images.ignored)
    learned = layout.splits[0]
    needed: dict[
        str, list[ClassFolder]
    ] = {}  # those of each class that is learned; of data that are measured all as one
    for folder in layout.folders:
        if not for_training or folder.split == learned:
            needed.setdefault(folder.name if for_training else "", []).append(folder)
    for folders in needed.values():
        _check_class(data, folders, found)
    splits = {}
    for split in layout.splits:
        folders = [folder for folder in layout.folders if folder.split == split]
        files = tuple(file for folder in folders for file in found[folder.path].files)
        counts = [len(found[folder.path].files) for folder in folders]
        around = tuple(
            printable(folder.around) for folder, count in zip(folders, counts, strict=True) for _ in range(count)
        )
        splits[split] = Listing(
            tuple(map(printable, files)),
            ClassTargets(np.repeat(np.array([label_of[folder.name] for folder in folders], np.int64), counts)),
            FileStore(tuple(f"{root}/{file}" for file in files), data.limits),
            tuple(one for folder in folders for one in found[folder.path].skipped),
            MappingProxyType({"folder": around} if any(around) else {}),
        )
    for between in {".", *layout.between}:
        here = data.list(between, follow=data.follow)
        ignored.update({HIDDEN: here.ignored, _LOOSE: len(here.files) + len(here.others)})
    for passed in (*layout.passed, *layout.unlabeled, *layout.again):
        tree = walk(str(root), passed, follow=data.follow)
        ignored.update({HIDDEN: tree.ignored, _LOOSE: len(tree.files) + len(tree.skipped)})
    return Source(
        *named(root),
        "class folders",
        tuple(map(printable, names)),
        MappingProxyType(splits),
        MappingProxyType(dict(+ignored)),  # without zeros
        data.limits,
        split_origin=layout.split_origin,
        notes=(*_notes(layout), *_notes_on_masks(layout, found)),
    )


def _notes(layout: ClassFolderLayout) -> tuple[str, ...]:
    around = tuple(dict.fromkeys(printable(folder.around) for folder in layout.folders if folder.around))
    grouped = f"the folders around the classes are the column folder (--group folder keeps each of the {len(around)} in one split)"
    passed = [f"the folder {printable(passed)} has no images and is not a class" for passed in layout.passed]
    unlabeled = [
        f"the images in {printable(name)} are not in class folders, so they have no labels and are left out; "
        "`striate predict` takes them"
        for name in layout.unlabeled
    ]
    again = [
        f"the folder {printable(name)} contains folders with the names of all others beside it, so it is left out as a "
        "copy of the data (--class-level 1 reads it as a class)"
        for name in layout.again
    ]
    return (*layout.notes, *([grouped] if around else []), *passed, *unlabeled, *again)


def _notes_on_masks(layout: ClassFolderLayout, found: Mapping[str, ImageFiles]) -> Iterator[str]:
    """A note for images in a folder masks inside a class, which belong to no image there by their names."""
    for folder in layout.folders:
        files = found[folder.path].files
        inner = Counter(
            file[len(folder.path) + 1 :].partition("/")[0]
            for file in files
            if file.count("/") > folder.path.count("/") + 1
        )
        for name, count in inner.items():
            if name.lower() in MASKS and count < len(files):
                yield (
                    f"of the files in {printable(folder.path)}/{printable(name)}, {count:,} are read as images of the class "
                    f"{printable(folder.name)}; move them elsewhere if they are masks"
                )
                return


def _images(data: DataPath, path: str) -> ImageFiles:
    return image_files(str(data.path), walk(str(data.path), path, follow=data.follow), without_masks=True)


def _check_class(data: DataPath, folders: Sequence[ClassFolder], found: dict[str, ImageFiles]) -> None:
    """DataError when no file in these folders of a class has the header of an image."""
    failure = None
    for folder in folders:
        for file in found[folder.path].files:
            try:
                read_header(f"{data.path}/{file}", data.limits)
            except Unreadable as error:
                failure = failure or f"{printable(file)}: {error}"
            else:
                return
    skipped = [one for folder in folders for one in found[folder.path].skipped]
    failure = failure or next((f"{one.id}: {one.reason}: {one.detail}" for one in skipped), None)
    others = Counter[str]()
    for folder in folders:
        others.update(found[folder.path].ignored)
    holds = f"it holds {', '.join(f'{count} {kind}' for kind, count in others.items())}" if others else "it is empty"
    path = data.path / folders[0].path
    if path.name.lower() in MASKS:
        raise DataError(
            f"the folder of masks {printable(path)} has no readable mask ({failure or holds}); add one for each image"
        )
    raise DataError(
        f"the class folder {printable(path)} has no readable image ({failure or holds}); add some, or remove it"
    )
