"""Files of weights as torch saves them, damaged and dangerous ones, and their refusals."""

import io
import os
import zipfile
from pathlib import Path

import pytest
import torch

from striate.errors import SettingError, StriateError
from striate.models.weight_files import read_weights


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def saved(held: object, **how: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(held, buffer, **how)
    return buffer.getvalue()


def with_entry(ending: str, content: bytes) -> bytes:
    """A zip archive as torch.save writes it, with another content, compressed, of one entry."""
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved({"w": torch.ones(1000)}))) as honest,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name in honest.namelist():
            archive.writestr(name, content if name.endswith(ending) else honest.read(name))
    return changed.getvalue()


def refusal(path: Path) -> str:
    """The refusal after the file's name; checked to be what a user gets, one line and exit code 2."""
    with pytest.raises(SettingError) as caught:
        read_weights(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert isinstance(caught.value, StriateError)
    assert caught.value.exit_code == 2
    return message.removeprefix(f"{path}: ")
