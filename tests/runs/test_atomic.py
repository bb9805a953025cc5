"""Files are written whole or not at all."""

import errno
import os

import pytest

from striate.errors import RunError
from striate.runs.atomic import write_bytes, write_text


def test_replaces_a_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "metrics.json"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_fault_of_the_disk_keeps_the_old_file(tmp_path, monkeypatch, call, fault):
    path = tmp_path / "metrics.json"
    write_bytes(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(fault, os.strerror(fault))

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(RunError, match="disk full" if fault == errno.ENOSPC else "cannot be written") as refused:
        write_bytes(path, b"new")
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_fault_of_the_disk_names_no_temporary_file(tmp_path, monkeypatch):
    folder = tmp_path / ".tmp-17-step-00000001"
    folder.mkdir()

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RunError) as refused:
        write_bytes(folder / "state.json", b"new")
    assert str(refused.value).startswith(f"{tmp_path}/step-00000001/state.json: cannot be written")


def test_text_that_cannot_be_encoded_is_escaped(tmp_path):
    write_text(tmp_path / "names.csv", "caf\udce9.png")
    assert (tmp_path / "names.csv").read_text() == "caf\\udce9.png"
