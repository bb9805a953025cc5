"""A path to data with the options to read it by; each folder below is listed once, however many formats look into it."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, final

from striate.data.decoding.limits import Limits
from striate.data.names import printable
from striate.sources.files.tree import Folder, list_folder
from striate.sources.read_options import ReadOptions

__all__ = ["DataPath"]

_DEFAULT: Final = ReadOptions()


@final
@dataclass(frozen=True, eq=False)
class DataPath:
    """A folder or a file as it was given. `replace` with other options keeps what is listed already."""

    path: Path
    options: ReadOptions = _DEFAULT
    _listed: dict[tuple[str, bool], Folder] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The path for messages."""
        return printable(self.path)

    @cached_property
    def root(self) -> Path:
        """The path with its links resolved."""
        return self.path.resolve()

    @property
    def limits(self) -> Limits:
        return self.options.limits

    @property
    def follow(self) -> bool:
        """Whether links out of the data are followed."""
        return self.options.limits.follow_links

    def list(self, below: str = ".", *, follow: bool = False) -> Folder:
        """What lies directly in a folder, whose path is relative to this one. Raises DataError where it cannot be listed."""
        key = posixpath.normpath(below), follow
        if key not in self._listed:
            self._listed[key] = list_folder(str(self.path / below), follow=follow)
        return self._listed[key]

    def files(self, fits: Callable[[str], bool], below: str = ".") -> tuple[Path, ...]:
        """The files directly in a folder whose names fit, and the links to files, wherever those lead; sorted."""
        listing, folder = self.list(below), self.path / below
        links = [name for name in listing.others if fits(name) and (folder / name).is_file()]
        return tuple(folder / name for name in sorted([*filter(fits, listing.files), *links]))
