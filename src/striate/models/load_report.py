"""What was loaded from a file of weights, and in one line what was not."""

from dataclasses import dataclass
from typing import final

from striate.models.weight_pickles import printable

__all__ = ["LoadReport", "Mismatch", "some"]


@final
@dataclass(frozen=True)
class Mismatch:
    """A layer whose shape differs: by a number of classes or channels, or by a kernel, in the file and in the network."""

    layer: str
    file: str
    network: str


@final
@dataclass(frozen=True)
class LoadReport:
    """What was loaded from a file, under the network's names."""

    loaded: tuple[str, ...]
    other_classes: tuple[Mismatch, ...]  # classifier layers not loaded: the file has another number of classes
    other_heads: tuple[str, ...]  # classifier layers not loaded: the file has another module there, such as a k-NN
    other_channels: tuple[Mismatch, ...]  # input layers adapted: the file has another number of channels
    other_patches: tuple[Mismatch, ...]  # input layers not loaded: the file has another patch size
    missing: tuple[str, ...]  # weights of auxiliary classifiers, or of all but the trunk, that the file does not have
    unexpected: tuple[
        str, ...
    ]  # weights of auxiliary classifiers, or of a trunk's head, that the network does not have
    computed: tuple[str, ...]  # buffers that a network computes itself, in only one of the two

    @property
    def complete(self) -> bool:
        """Whether every weight was loaded as it is."""
        skipped = self.other_classes or self.other_heads or self.other_patches
        return not (skipped or self.other_channels or self.missing or self.unexpected)

    def __str__(self) -> str:
        """One line."""
        return "; ".join(
            [
                f"{len(self.loaded)} weights loaded",
                *(
                    f"{one.layer} not loaded: {one.file} classes in the file, {one.network} in the network"
                    for one in self.other_classes
                ),
                *(f"{layer} not loaded: the file has another head there" for layer in self.other_heads),
                *(f"{one.layer} adapted from {one.file} channels to {one.network}" for one in self.other_channels),
                *(
                    f"{one.layer} not loaded: {one.file} in the file, {one.network} in the network"
                    for one in self.other_patches
                ),
                *([f"not in the file: {some(self.missing)}"] if self.missing else []),
                *([f"in the file and not used: {some(self.unexpected)}"] if self.unexpected else []),
            ]
        )


def some(names: tuple[str, ...]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return printable(", ".join(names[:3])) + more
