"""Errors, as the command line and as Python show them."""

import pickle
import traceback

import pytest

from striate.errors import DataError, SettingError, first_bytes


@pytest.mark.parametrize(
    ("message", "note"),
    [
        ("a or b; say which: --task classify, or --task regress", "From Python: task="),
        ("a; say which: --split-column none, or --source folders", "From Python: split_column=, source="),
        ("a; `--no-flip` leaves it (--val, --test)", "From Python: flip=False, val=, test="),
    ],
)
def test_a_traceback_has_the_options_as_python_does(message: str, note: str) -> None:
    error = DataError(message)
    assert str(error) == message
    assert traceback.format_exception_only(error)[1:] == [note + "\n"]
    assert traceback.format_exception_only(pickle.loads(pickle.dumps(error)))[1:] == [note + "\n"]


@pytest.mark.parametrize(
    "message", ["a.csv, row 3: there is no label", "a -- b; pip install --force-reinstall striate"]
)
def test_an_error_without_options_has_no_note(message: str) -> None:
    assert not hasattr(SettingError(message), "__notes__")


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        (b"version https://git-lfs.github.com", "'version https://git-'"),
        (b"<!DOCTYPE html>\n<html>", "'<!DOCTYPE html>'"),
        (b"\x89PNG\r\n\x1a\n\0\0", "the bytes 89 50 4e 47 0d 0a 1a 0a"),
        (b"caf\xc3\xa9", "the bytes 63 61 66 c3 a9"),
    ],
)
def test_how_a_file_begins_is_shown_as_text_or_in_hexadecimal(start: bytes, shown: str) -> None:
    assert first_bytes(start) == shown
