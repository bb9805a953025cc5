"""What another reading says of the images in class folders that the folders do not say, by an example that is true."""

from collections import Counter
from collections.abc import Mapping, Sequence

from striate.data.source import Source
from striate.data.targets import ClassTargets

__all__ = ["disagreement"]


def disagreement(folders: Source, rival: Source, name: str) -> str | None:
    """What a rival says that the folders do not; None where they agree on every image that it names.

    It may call classes by other names, each always by the same one. `name` is what the rival is called.
    """
    if rival.task != "classify":
        return f"{name} asks for {rival.task}"
    own, said = _labels(folders), _labels(rival)
    outside = next((file for file in said if file not in own), None)
    if outside is not None:
        return f"{outside} is in none of the class folders"
    called = _called(
        folders.classes, rival.classes, Counter((own[file][1], label) for file, (_, label) in said.items())
    )
    for file, (split, label) in said.items():
        where, folder = own[file]
        if called.get(folder) != label:
            return f"{file} is in the folder {folder}, and {name} says {label}"
        if len(folders.splits) > 1 and len(rival.splits) > 1 and split != where:
            return f"{file} is of {where} by its folder, and of {split} by {name}"
    return None


def _labels(source: Source) -> dict[str, tuple[str, str]]:
    """Split and class of each image."""
    found = {}
    for split, listing in source.splits.items():
        assert isinstance(listing.targets, ClassTargets)
        for file, label in zip(listing.ids, listing.labels.tolist(), strict=True):
            found[file] = split, source.classes[label]
    return found


def _called(folders: Sequence[str], classes: Sequence[str], pairs: Mapping[tuple[str, str], int]) -> dict[str, str]:
    """Folder -> what the rival calls its class: the same name but for case, else what it says of most images there."""
    alike = {folder: [one for one in classes if one.casefold() == folder.casefold()] for folder in folders}
    called = {folder: folder if folder in same else same[0] for folder, same in alike.items() if same}
    for folder, label in sorted(pairs, key=lambda pair: -pairs[pair]):
        if folder not in called and label not in called.values():
            called[folder] = label
    return called
