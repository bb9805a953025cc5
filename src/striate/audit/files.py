"""Files that cannot be used, by reason; files with wrong extensions; and the account that counts every file once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final, final

from striate.audit.audit_finding import AuditFinding, audit_finding
from striate.audit.fingerprints import Fingerprints
from striate.data.decoding.formats import EXTENSIONS
from striate.data.skipped_files import Reason, SkippedFile, count_reasons

__all__ = ["FileAccount", "account", "unusable", "wrong_names"]

_IDS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        "truncated": "data-truncated",
        "not an image": "data-wrong-type",
        "unsupported format": "data-format",
        "decompression bomb": "data-bomb",
    }
)  # all other reasons are data-unreadable
_MESSAGES: Final = MappingProxyType(  # of one file, of several, and what to do
    {
        "data-unreadable": ("cannot be used", "cannot be used", "fix the files, or remove them"),
        "data-truncated": (
            "ends before its image does",
            "end before their images do",
            "copy or download the files again",
        ),
        "data-wrong-type": (
            "has the extension of an image and is none",
            "have the extension of an image and are none",
            "replace the files by the images, or remove them",
        ),
        "data-format": (
            "has a format that is not supported",
            "have a format that is not supported",
            "convert the files to JPEG or PNG; DICOM and other 16-bit data to TIFF or .npy",
        ),
        "data-bomb": (
            "is not decoded, because its header declares more pixels than the limit",
            "are not decoded, because their headers declare more pixels than the limit",
            "remove the files or make them smaller, or raise --max-pixels",
        ),
    }
)


@final
@dataclass(frozen=True)
class FileAccount:
    """Every file that was found is used, skipped for one reason, or ignored by name."""

    found: int
    used: int
    skipped: Mapping[str, int]  # by reason
    ignored: Mapping[str, int]  # by kind

    def __post_init__(self) -> None:
        total = self.used + sum(self.skipped.values()) + sum(self.ignored.values())
        if total != self.found:
            raise ValueError(f"{self.found} files were found and {total} are accounted for")


def account(prints: Fingerprints) -> FileAccount:
    """The account of a source whose images have all been read."""
    reasons = [one.reason for one in prints.skipped]
    listings = prints.source.splits.values()
    return FileAccount(
        sum(len(one) + len(one.skipped) for one in listings) + sum(prints.source.ignored.values()),
        len(prints),
        {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
        dict(prints.source.ignored),
    )


def unusable(skipped: Iterable[SkippedFile]) -> list[AuditFinding]:
    """A finding for each kind of file that cannot be used."""
    by_id: dict[str, list[SkippedFile]] = {name: [] for name in _MESSAGES}
    for one in skipped:
        by_id[_IDS.get(one.reason, "data-unreadable")].append(one)
    return [
        audit_finding(
            name,
            "warning",
            f"{_what(name, len(files))}{_why(name, files)}.",
            [(one.id,) for one in files],
            {"details": list(dict.fromkeys(f"{one.reason}: {one.detail}" for one in files))[:3]},
            _MESSAGES[name][2],
        )
        for name, files in by_id.items()
        if files
    ]


def _what(name: str, count: int) -> str:
    one, several, _ = _MESSAGES[name]
    return f"1 file {one}" if count == 1 else f"{count} files {several}"


def _why(name: str, files: Sequence[SkippedFile]) -> str:
    """The reasons or formats, where the finding's name does not say them."""
    if name == "data-format":
        forms = Counter(one.detail.partition(", which")[0] for one in files)
        return f" ({', '.join(f'{count} {form}' for form, count in forms.most_common())})"
    return f" ({count_reasons(files)})" if name == "data-unreadable" else ""


def wrong_names(prints: Fingerprints) -> list[AuditFinding]:
    """Images whose extension is that of another format of image; they are read all the same."""
    known = {extension for extensions in EXTENSIONS.values() for extension in extensions}
    wrong = []
    for i, form in enumerate(prints.formats):
        extension = PurePosixPath(prints.id(i)).suffix.lower()
        if form in EXTENSIONS and extension in known and extension not in EXTENSIONS[form]:
            wrong.append((i, f"{form} as {extension}"))
    if not wrong:
        return []
    kinds = [kind for _, kind in wrong]
    return [
        audit_finding(
            "data-extension",
            "note",
            f"{'1 image has' if len(wrong) == 1 else f'{len(wrong)} images have'} the extension of another format.",
            [(prints.id(i),) for i, _ in wrong],
            {"kinds": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}},
            "nothing needs to be done here; other programs may refuse them, so rename them",
        )
    ]
