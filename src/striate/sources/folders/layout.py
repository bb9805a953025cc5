"""How class folders are arranged: which folder is a class, which a split, and which neither.

    cat/  dog/                          one set
    train/cat/  test/cat/               splits around classes, by any of the names that people give to splits
    cat/train/  cat/test/               splits inside classes
    site_a/cat/  site_b/cat/            ambiguous: the sites or the animals may be the classes (class_level chooses)

A class that is called test or train beside other classes, with no folders inside, is a class.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final, final

from striate.data.names import natural_key, printable
from striate.errors import AmbiguousDataError, DataError, nearest
from striate.sources.data_path import DataPath
from striate.sources.files.image_files import holds_images
from striate.sources.files.tree import Folder, refuse_links
from striate.sources.folders.inner_folders import again_inside, same_inside, splits_inside
from striate.sources.folders.layout_errors import refuse_few, some, splits_in_groups, splits_in_names, two_levels
from striate.sources.source_splits import origin
from striate.sources.split_words import splits_of, train_and_more

__all__ = ["ClassFolder", "ClassFolderLayout", "arrange", "class_folder_names", "known_classes"]

_ORDER: Final = ("train", "val", "test")


@final
@dataclass(frozen=True)
class ClassFolder:
    """A folder of one class, its path relative to the root; `around` is the folder around it where classes lie in it."""

    split: str
    name: str
    path: str
    around: str = ""


@final
@dataclass(frozen=True)
class ClassFolderLayout:
    """All class folders, split by split, what is learned first; `passed` are folders that hold no images.

    `unlabeled` are a test folder, or others beside two splits, whose images are in no class folders, as competitions give
    them. `again` are folders that hold all classes once more.

    `between` are the folders that lie around classes, whose own files belong to no class. `notes` are for a person.
    """

    folders: tuple[ClassFolder, ...]
    between: tuple[str, ...]
    passed: tuple[str, ...]
    split_origin: str = ""
    unlabeled: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(folder.split for folder in self.folders))


def arrange(data: DataPath) -> ClassFolderLayout:
    """The layout of the class folders of the data.

    Raises DataError where nothing can be trained on, if that is wanted, or where two layouts fit.
    """
    return _Arranger(data).layout()


@final
class _Arranger:
    def __init__(self, data: DataPath) -> None:
        self._data, self._root, self._follow = data, data.path, data.follow
        self._level, self._for_training = data.options.class_level, data.options.for_training
        self._between: list[str] = []
        self._passed: list[str] = []
        self._unlabeled: list[str] = []
        self._again: list[str] = []
        self._notes: list[str] = []

    def layout(self) -> ClassFolderLayout:
        top = self._list(".")
        splits = self._splits(top)
        bases = {split: self._base(path, split) for split, path in splits.items()}
        learned, names = next(iter(bases.items()))
        base = splits[learned]
        if learned == "all" and (parted := self._splits_in_classes(base, names)):
            return parted
        where = self._root / base
        if self._level is None and base == "." and (more := train_and_more(names)):
            raise splits_in_names(where, *more)
        if self._level is None and (inside := same_inside(str(where), names, follow=self._follow)):
            raise two_levels(where, names, inside)
        folders: list[ClassFolder] = []
        for split, here in bases.items():
            folders += self._classes(split, splits[split], here)
        if not folders:
            refuse_few(self._root / base, self._list(base), [])
        self._between += [
            folder for path in splits.values() if path != "." for folder in {path, path.partition("/")[0]}
        ]
        return self._layout(folders, self._between, origin("folders", list(splits.values())))

    def _layout(self, folders: Sequence[ClassFolder], between: Sequence[str], split_origin: str) -> ClassFolderLayout:
        return ClassFolderLayout(
            tuple(folders),
            tuple(between),
            tuple(self._passed),
            split_origin,
            tuple(self._unlabeled),
            tuple(self._again),
            tuple(self._notes),
        )

    @property
    def _fewest(self) -> int:
        """How many classes there must be."""
        return 2 if self._for_training else 1

    def _list(self, path: str) -> Folder:
        folder = self._data.list(path, follow=self._follow)
        refuse_links(self._root / path, folder)
        return folder

    def _holds_images(self, path: str, *, documents: bool = False) -> bool:
        return holds_images(f"{self._root}/{path}", follow=self._follow, documents=documents)

    def _holds_files(self, path: str) -> bool:
        return _holds_files(self._data, path, follow=self._follow)

    def _with_images(self, base: str, names: Sequence[str], fewest: int = 0) -> list[str]:
        """The names without those of folders that hold files, but nothing that looks like an image.

        Folders of PDF or SVG count as with images where there are less than `fewest` others: the error then gives the way out.
        """
        paths = {name: name if base == "." else f"{base}/{name}" for name in sorted(names, key=natural_key)}
        found = [name for name in paths if self._holds_images(paths[name]) or not self._holds_files(paths[name])]
        if len(found) < fewest:
            found = [name for name in paths if name in found or self._holds_images(paths[name], documents=True)]
        self._passed += [path for name, path in paths.items() if name not in found]
        return found

    def _base(self, base: str, split: str) -> list[str]:
        """The folders of a split, or of all of the data, in which classes are looked for."""
        here = self._list(base)
        fewest = self._fewest if split in ("all", "train") and self._level != 2 else 0
        names = self._with_images(base, here.folders, fewest)
        again = again_inside(f"{self._root}/{base}", names, follow=self._follow) if self._level is None else None
        if again is not None:
            names.remove(again)
            self._again.append(again if base == "." else f"{base}/{again}")
        if len(names) < fewest:
            refuse_few(self._root / base, here, names)
        return names

    def _splits(self, top: Folder) -> dict[str, str]:
        """The folder of each split, what is learned first; {"all": "."} where the folders are no splits."""
        where = printable(self._root)
        named = splits_of(top.folders)
        unpacked = {name: _unpacked(self._data, name) for name in named}
        holding = [name for name in named if self._data.list(unpacked[name], follow=self._follow).folders]
        if not holding:
            named = splits_of(top.folders, in_context=False)
        others = [name for name in top.folders if name not in named]
        twice = len(set(named.values())) < len(named)
        if not named or (not holding and (others or twice)):
            return {"all": "."}
        others = [name for name in others if self._holds_images(name)]
        if {"train"} < {named[name] for name in holding}:  # beside two splits, images in no class folder have no label
            flat = [name for name in others if not self._list(_unpacked(self._data, name)).folders]
            self._unlabeled += flat
            others = [name for name in others if name not in flat]
        if others and self._may_mix(holding[0], others[0], {named[name] for name in holding}):
            return {"all": "."}
        self._passed += [name for name in top.folders if name not in {*named, *self._unlabeled}]
        splits: dict[str, str] = {}
        for split in _ORDER:
            same = [name for name in named if named[name] == split]
            if len(same) > 1:
                both = " and ".join(printable(name) for name in same[:2])
                raise DataError(
                    f"{where} has {both}, which are both the split {split}; rename one of them, or put their images into one"
                )
            if same and same[0] not in holding and split == "test" and self._holds_images(same[0]):
                self._unlabeled.append(same[0])
                continue
            if same and same[0] not in holding:
                raise DataError(
                    f"{where}/{printable(same[0])} has no class folders; "
                    "sort its images into folders, or move it elsewhere"
                )
            if same:
                splits[split] = unpacked[same[0]]
        if not splits:
            raise DataError(
                f"{where}/{printable(self._unlabeled[0])} has no class folders, so its images have no labels; "
                "sort them into folders"
            )
        if "train" not in splits and self._for_training:
            there = " and ".join(map(printable, splits.values()))
            raise DataError(f"{where} has {there} but no training images; add a folder train")
        return splits if len(splits) > 1 or "train" not in splits else {"all": splits["train"]}

    def _may_mix(self, known: str, other: str, splits: Set[str]) -> bool:
        """Whether a person chose that all top folders are classes or groups, though some have names of splits.

        DataError where nobody chose, or where val or test would be lost by it.
        """
        if self._level == 1:
            return True
        if self._level == 2 and splits == {"train"}:
            self._notes.append(
                f"{printable(known)} is not used as a split: its images and those of {printable(other)} are mixed"
            )
            return True
        levels = "--class-level 1: all of these" + (
            ", --class-level 2: the folders in them" if splits == {"train"} else ""
        )
        raise AmbiguousDataError(
            f"{printable(self._root)} has {printable(known)} with folders in it, and beside it {printable(other)}, which is "
            "not the name of a split; rename it to train, val or test if it is one, move it elsewhere, or choose which folders "
            f"are the classes ({levels})"
        )

    def _classes(self, split: str, base: str, names: Sequence[str]) -> list[ClassFolder]:
        prefix = "" if base == "." else f"{base}/"
        if self._level != 2:
            return [ClassFolder(split, name, prefix + name) for name in names]
        found = []
        for around in names:
            self._between.append(prefix + around)
            inner = self._with_images(prefix + around, self._list(prefix + around).folders)
            found += [ClassFolder(split, name, f"{prefix}{around}/{name}", around) for name in inner]
        if split in ("all", "train") and len({folder.name for folder in found}) < self._fewest:
            what = "two classes" if self._for_training else "class"
            raise DataError(
                f"{printable(self._root / base)} has no {what} in its folders; leave --class-level out, or give 1"
            )
        return sorted(found, key=lambda folder: natural_key(folder.name))

    def _splits_in_classes(self, base: str, names: Sequence[str]) -> ClassFolderLayout | None:
        """The layout where the folders in the classes are their splits; None where they are none.

        AmbiguousDataError where only some classes have them.
        """
        inner = splits_inside(str(self._root / base), names, follow=self._follow, for_training=self._for_training)
        if inner is not None and inner.again and self._level != 1:
            raise splits_in_groups(self._root / base, inner)
        if inner is None or self._level == 2:
            return None
        if inner.unclear:
            name, of = inner.example
            there = f"{printable(name)} has {some(list(of))} in it, but {inner.unclear}"
            if self._level is None:
                raise AmbiguousDataError(
                    f"{printable(self._root / base)}: {there}; put all images of each class into such folders, "
                    "or ignore these folders and split the images at random (--class-level 1)"
                )
            self._notes.append(f"{there}; so these folders are not used as splits, and their images are mixed")
            return None
        prefix = "" if base == "." else f"{base}/"
        called = inner.names
        order = [split for split in _ORDER if split in called]
        folders = [
            ClassFolder(split, name, f"{prefix}{name}/{folder}")
            for split in order
            for name in names
            for folder, of in inner.of[name].items()
            if of == split
        ]
        between = [path for path in (base, *(prefix + name for name in names)) if path != "."]
        return self._layout(
            folders, between, f"{origin('folders', [called[split] for split in order])} inside the classes"
        )


def known_classes(data: DataPath, layout: ClassFolderLayout) -> tuple[str, ...]:
    """The classes of what is learned, in their order. DataError for a class elsewhere that it does not have.

    Where nothing is to be learned, the classes of all.
    """
    if not data.options.for_training:
        return tuple(sorted({folder.name for folder in layout.folders}, key=natural_key))
    first = layout.splits[0]
    names = dict.fromkeys(folder.name for folder in layout.folders if folder.split == first)
    for folder in layout.folders:
        if folder.name not in names:
            here, name = printable((data.path / folder.path).parent), printable(folder.name)
            raise DataError(
                f"{here} has the class {name}, which the training split does not have"
                f"{nearest(name, map(printable, names))}; rename it, move it elsewhere, or add it to the training split"
            )
    return tuple(names)


def _unpacked(data: DataPath, name: str) -> str:
    """The folder of a split: the one in it, where archives were unpacked so that seg_train holds seg_train alone."""
    here = data.list(name, follow=data.follow)
    return f"{name}/{name}" if here.folders == (name,) and not here.files else name


def _holds_files(data: DataPath, below: str, *, follow: bool = False) -> bool:
    here = data.list(below, follow=follow)
    return bool(here.files) or any(_holds_files(data, f"{below}/{name}") for name in here.folders)


def class_folder_names(data: DataPath) -> tuple[str, ...]:
    """The names of folders with images where classes would be, at the top or in the splits there; nothing is refused."""
    root, follow, top = data.path, data.follow, data.list(follow=data.follow)
    splits = [_unpacked(data, name) for name in splits_of(top.folders)]
    splits = [path for path in splits if data.list(path, follow=follow).folders]
    places = [(name, name) for name in top.folders]
    if splits:
        places = [(name, f"{split}/{name}") for split in splits for name in data.list(split, follow=follow).folders]
    there: dict[str, None] = {}
    for name, path in places:
        if name not in there and holds_images(f"{root}/{path}", follow=follow):
            there[name] = None
    return tuple(there)
