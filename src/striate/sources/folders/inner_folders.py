"""What lies inside the folders that may be classes: splits of each class, or the classes themselves, one level deeper.

cat/train/  cat/test/  dog/train/   splits inside classes; a class may lack those that are not learned from
site_a/train/cat/                   groups around splits around classes, more likely
cat/  dog/  all/cat/  all/dog/      the data twice
site_a/cat/  site_b/cat/            the folders inside may be the classes
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from striate.data.names import printable
from striate.sources.files.folder_names import holds_no_classes
from striate.sources.files.image_files import holds_images, resembles_image
from striate.sources.files.tree import list_folder
from striate.sources.split_words import splits_of

__all__ = ["InnerSplits", "again_inside", "same_inside", "splits_inside"]

_SHARED: Final = 0.75  # of the folders inside; above it all folders hold the same ones


@final
@dataclass(frozen=True)
class InnerSplits:
    """Class -> folder in it -> split. `unclear` is why they cannot be used, empty where they can.

    `again` are folders that the splits of one name hold in all classes, and that may be the classes instead.
    """

    of: Mapping[str, Mapping[str, str]]
    unclear: str
    again: Sequence[str]

    @property
    def example(self) -> tuple[str, Mapping[str, str]]:
        """A class that has several."""
        return max(self.of.items(), key=lambda item: len(item[1]))

    @property
    def names(self) -> Mapping[str, str]:
        """Split -> what the folder of it is called."""
        return {split: inner for folders in self.of.values() for inner, split in folders.items()}


def splits_inside(where: str, classes: Sequence[str], *, follow: bool, for_training: bool) -> InnerSplits | None:
    """The splits inside the classes in the folder `where`; None where no class holds train and another one.

    With one such class no accident is left, so all of them must be separated, and by nothing else.
    """
    inside = {name: list_folder(f"{where}/{name}", follow=follow).folders for name in classes}
    splits = splits_of(sorted({folder for folders in inside.values() for folder in folders}))
    of = {name: {folder: splits[folder] for folder in inside[name] if folder in splits} for name in classes}
    needed = {"train"} if for_training else set()
    if not any(len(set(its.values())) > 1 and needed <= set(its.values()) for its in of.values()):
        return None
    unclear = next((why for name in classes if (why := _unclear(where, name, of[name], follow, needed))), "")
    return InnerSplits(of, unclear, _again(where, of, follow))


def _again(where: str, of: Mapping[str, Mapping[str, str]], follow: bool) -> Sequence[str]:
    """The folders that are in one split of all classes."""
    for wanted in ("train", "val", "test"):
        places = [f"{name}/{folder}" for name, its in of.items() for folder, split in its.items() if split == wanted]
        if again := same_inside(where, places, follow=follow):
            return again
    return ()


def _unclear(where: str, name: str, splits: Mapping[str, str], follow: bool, needed: set[str]) -> str:
    """Why the folders in a class do not give the split of each of its images."""
    path = f"{where}/{name}"
    here = list_folder(path, follow=follow)
    loose = next((file for file in here.files if resembles_image(f"{path}/{file}")), None)
    other = next(
        (one for one in here.folders if one not in splits and holds_images(f"{path}/{one}", follow=follow)), None
    )
    if loose is not None or other is not None:
        return f"{printable(name)}/{printable(loose or other or '')} is in none of them"
    if len(set(splits.values())) < len(splits):
        return f"{printable(name)} has two folders for one split"
    missing = next(iter(needed - set(splits.values())), None)
    return "" if missing is None else f"{printable(name)} has no {missing}"


def again_inside(where: str, names: Sequence[str], *, follow: bool) -> str | None:
    """The folder that holds folders alone, called as all the others beside it are: the data once more."""
    for name in names:
        here = list_folder(f"{where}/{name}", follow=follow)
        if len(names) > 2 and not here.files and {*here.folders} == {*names} - {name}:
            return name
    return None


def same_inside(where: str, names: Sequence[str], *, follow: bool) -> Sequence[str] | None:
    """The folders inside, where nearly all are in several of the folders and may be classes, and no images lie beside them."""
    if len(names) < 2:
        return None
    inside: dict[str, tuple[str, ...]] = {}
    for name in names:
        path = f"{where}/{name}"
        here = list_folder(path, follow=follow)
        if not here.folders or any(resembles_image(f"{path}/{file}") for file in here.files):
            return None
        inside[name] = here.folders
    times = Counter(one for of in inside.values() for one in of)
    shared = {one for one, count in times.items() if count > 1}
    alike = sum(times[one] for one in shared) >= _SHARED * times.total()
    if not alike or all(map(holds_no_classes, shared)) or not all(shared.intersection(of) for of in inside.values()):
        return None
    holding: set[str] = set()  # two are enough
    for name, of in inside.items():
        for one in shared.intersection(of) - holding:
            if holds_images(f"{where}/{name}/{one}", follow=follow):
                holding.add(one)
            if len(holding) > 1:
                return list(times)
    return None
