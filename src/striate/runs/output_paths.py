"""Where a page or a sheet is written: never into the data, and never over a file that striate did not make."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from striate.data import Source, is_labeled_contact_sheet
from striate.errors import SettingError
from striate.runs.atomic import explained
from striate.runs.folder import plain_name
from striate.sources import TrainingData
from striate.training.opening import refuse_within_the_data

__all__ = ["check_contact_sheet_path", "check_file_path", "check_page_path", "contact_sheet_path", "page_path"]

TITLE_OF_CHECK: Final = "· striate check</title>".encode()
TITLE_BYTES: Final = 8192  # from the beginning of a page, that its title is within


def page_path(out: str | Path | None, data: TrainingData, source: Source) -> Path:
    """The path of a check's page, `check-NAME.html` in the current folder if `out` is None. Raises SettingError."""
    name = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in source.name).strip("-.")
    page = Path(f"check-{name or 'data'}.html") if out is None else Path(out)
    check_page_path(page)
    refuse_within_the_data(page, data, source)
    return page


def check_page_path(page: Path) -> None:
    """Raise SettingError where a page cannot be written, whatever the data are."""
    if page.is_dir():
        raise SettingError(f"out = {page}: is a folder; name the HTML file in it")
    if not page.parent.is_dir():
        raise SettingError(f"out = {page}: there is no folder {page.parent}; make it, or choose another")
    with explained(page):
        is_foreign = page.exists() and TITLE_OF_CHECK not in page.read_bytes()[:TITLE_BYTES]
    if is_foreign:
        raise SettingError(f"out = {page}: exists and is no page of `striate check`; choose another")


def contact_sheet_path(out: str | Path | None, data: TrainingData, source: Source) -> Path:
    """The path of an augmentation sheet, `NAME-augment.png` in the current folder if `out` is None. Raises SettingError."""
    path = Path(out) if out is not None else Path(f"{plain_name(source.name) or 'data'}-augment.png")
    check_contact_sheet_path(path)
    refuse_within_the_data(path, data, source)
    return path


def check_contact_sheet_path(path: Path) -> None:
    """Raise SettingError where a sheet cannot be written, whatever the data are."""
    check_file_path(path, "PNG", ".png", is_labeled_contact_sheet, "augment")


def check_file_path(path: Path, kind: str, suffix: str, is_own: Callable[[Path], bool], verb: str) -> None:
    """Raise SettingError where a file of a verb cannot be written: only files that the verb wrote itself are replaced."""
    if path.suffix.lower() != suffix:
        raise SettingError(f"--out {path}: is no {kind}; give a name that ends in {suffix}")
    if not path.parent.is_dir():
        raise SettingError(f"--out {path}: there is no folder {path.parent}; make it, or choose another")
    with explained(path):
        is_foreign = path.exists() and not (path.is_file() and is_own(path))
    if is_foreign:
        raise SettingError(f"--out {path}: exists and is no {kind} of `striate {verb}`; choose another")
