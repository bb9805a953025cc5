"""Folders with a table of labels."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tests.data.sources.tables import Tabled


@pytest.fixture
def png(encode: Callable[..., bytes]) -> Callable[[Path], None]:
    """A small image at a path, with its folders."""
    content = encode(Image.new("RGB", (4, 3)))

    def make(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return make


@pytest.fixture
def tabled(tmp_path: Path, encode: Callable[..., bytes]) -> Tabled:
    """A folder with the pictures a.png to f.png and labels.csv with this content: tabled(b"path,label\n...")."""

    def make(content: bytes | str, name: str = "labels.csv", pictures: str = "", folder: str = "data") -> Path:
        root = tmp_path / folder
        (root / pictures).mkdir(parents=True, exist_ok=True)
        for i, one in enumerate("abcdef"):
            (root / pictures / f"{one}.png").write_bytes(encode(Image.new("RGB", (4, 3), (40 * i, 0, 0))))
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return make
