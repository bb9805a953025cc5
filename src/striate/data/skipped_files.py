"""Why a file is not used: the fixed few reasons, the exception that carries one, and the record of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

from striate.data.decoding.limits import Limits
from striate.errors import DataError

__all__ = ["Reason", "SkippedFile", "Unreadable", "check_skipped", "count_reasons", "first_three"]

Reason = Literal[
    "empty file",  # zero bytes
    "not an image",  # the first bytes are of no format that is read here, whatever the file is called
    "unsupported format",  # an image, but of a format that is not supported: HEIC, DICOM, raw camera files
    "truncated",  # the file ends before the image does
    "decompression bomb",  # the header declares more pixels than the limit; nothing was decoded
    "not a regular file",  # FIFO, socket, device, folder
    "link out of the folder",  # a link to a folder, or to a file outside the data; not followed without --follow-links
    "unreadable",  # a header or pixels that the decoder refuses, a file that may not be opened, NaN or infinite values
    "missing",  # named or listed, and not there when it was read
    "unpaired",  # an image without its mask, or a mask or label file without its image
    "another size",  # its mask or annotation is for pixels that the image has neither stored nor when upright
]


@final
@dataclass(frozen=True)
class SkippedFile:
    """A file that was not used, and why; `detail` is one printable line."""

    id: str
    reason: Reason
    detail: str


@final
class Unreadable(Exception):  # noqa: N818 - an outcome that is expected of any folder and becomes a SkippedFile, like StopIteration no error
    """A file that gives no image; `detail` is one printable line."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


def count_reasons(skipped: Sequence[SkippedFile]) -> str:
    """ "12 truncated, 3 empty file": each reason with its count, most frequent first."""
    return ", ".join(f"{count} {reason}" for reason, count in Counter(one.reason for one in skipped).most_common())


def check_skipped(skipped: Sequence[SkippedFile], files: int, limits: Limits) -> None:
    """DataError when more than `limits.max_bad` of the `files` were skipped; it names reasons and the first three."""
    if len(skipped) > limits.max_bad * files:
        raise DataError(
            f"{len(skipped)} of {files} files cannot be used ({count_reasons(skipped)}), more than --max-bad "
            f"{limits.max_bad:g} allows: {first_three(skipped)}; fix or remove them, or raise --max-bad"
        )


def first_three(skipped: Sequence[SkippedFile]) -> str:
    """The first three files with their details, which stand once where they are alike."""
    details = {one.detail for one in skipped[:3]}
    if len(details) == 1 and len(skipped) > 1:
        more = " ..." if len(skipped) > 3 else ""
        return ", ".join(one.id for one in skipped[:3]) + f"{more} ({details.pop()})"
    return ", ".join(f"{one.id} ({one.detail})" for one in skipped[:3]) + (" ..." if len(skipped) > 3 else "")
