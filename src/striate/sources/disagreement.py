"""How annotations beside class folders disagree with the folders, by one example."""

from collections import Counter
from collections.abc import Mapping, Sequence

from striate.data.source import Source
from striate.data.targets import ClassTargets

__all__ = ["disagreement"]


def disagreement(folders: Source, other: Source, name: str) -> str | None:
    """Where the labels of a source differ from the folders; None where they agree on every image that it names.

    It may have other names for the classes, each always the same one. `name` is that of the source, for the message.
    """
    if other.task != "classify":
        return f"{name} has labels for {other.task}"
    by_folder, by_other = _labels(folders), _labels(other)
    outside = next((file for file in by_other if file not in by_folder), None)
    if outside is not None:
        return f"{outside} is in none of the class folders"
    pairs = Counter((by_folder[file][1], label) for file, (_, label) in by_other.items())
    name_of = _other_names(folders.classes, other.classes, pairs)
    for file, (split, label) in by_other.items():
        folder_split, folder = by_folder[file]
        if name_of.get(folder) != label:
            return f"{file} is in the folder {folder}, and {name} has the label {label}"
        if len(folders.splits) > 1 and len(other.splits) > 1 and split != folder_split:
            return f"{file} is in {folder_split} by its folder, and in {split} by {name}"
    return None


def _labels(source: Source) -> dict[str, tuple[str, str]]:
    """Split and class of each image."""
    found = {}
    for split, listing in source.splits.items():
        assert isinstance(listing.targets, ClassTargets)
        for file, label in zip(listing.ids, listing.labels.tolist(), strict=True):
            found[file] = split, source.classes[label]
    return found


def _other_names(
    folders: Sequence[str], classes: Sequence[str], pairs: Mapping[tuple[str, str], int]
) -> dict[str, str]:
    """Folder -> the other source's name of its class: the same but for case, else the label of most images there."""
    alike = {folder: [one for one in classes if one.casefold() == folder.casefold()] for folder in folders}
    names = {folder: folder if folder in same else same[0] for folder, same in alike.items() if same}
    for folder, label in sorted(pairs, key=lambda pair: -pairs[pair]):
        if folder not in names and label not in names.values():
            names[folder] = label
    return names
