"""Folders with a table of labels."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tests.sources.tables.table_folder import TableFolder


@pytest.fixture
def png(encode: Callable[..., bytes]) -> Callable[[Path], None]:
    """A small image at a path, with its folders."""
    content = encode(Image.new("RGB", (4, 3)))

    def make(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return make


@pytest.fixture
def table_folder(tmp_path: Path, encode: Callable[..., bytes]) -> TableFolder:
    """A folder with labels.csv of this content and the images a.png to f.png that it names: table_folder("path,label\n...").

    Content that names none has a.png to c.png beside it.
    """

    def make(content: bytes | str, name: str = "labels.csv", images: str = "", folder: str = "data") -> Path:
        root = tmp_path / folder
        (root / images).mkdir(parents=True, exist_ok=True)
        content = content.encode() if isinstance(content, str) else content
        plain = content.replace(b"\0", b"").decode("latin-1")
        named = [one for one in "abcdef" if re.search(rf"\b{one}\b", plain)]
        for i, one in enumerate(named or "abc"):
            (root / images / f"{one}.png").write_bytes(encode(Image.new("RGB", (4, 3), (40 * i, 0, 0))))
        (root / name).write_bytes(content)
        return root

    return make
