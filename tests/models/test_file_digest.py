"""The digest of a file of weights, which is not computed again while the file stays as it is."""

import hashlib
from pathlib import Path

from striate.models.file_digest import file_digest


def test_a_changed_file_has_another_digest(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        (tmp_path / "new").write_bytes(content)
        (tmp_path / "new").replace(tmp_path / "file")
        assert file_digest(tmp_path / "file") == hashlib.sha256(content).hexdigest()
