"""No command writes into the data: all of them work on a folder that is mounted read-only, and leave every byte and date."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.jobs.conftest import QUICK, make_images

COMMANDS = """
import sys
from striate.cli import main
quick = sys.argv[1:]
for command in (
    ["check", "data", "--out", "page.html"],
    ["augment", "data", "--out", "sheet.png"],
    ["train", "data", "--out", "run", "--cache", "disk", *quick],
    ["train", "data", "--out", "folds", "--folds", "2", "--cache", "none", *quick],
    ["train", "data/table.csv", "--out", "tabled", *quick],
    ["evaluate", "run"],
    ["evaluate", "run", "--data", "data"],
    ["predict", "run", "data/dark"],
    ["features", "data", "--weights", "run", "--out", "features.npz"],
    ["check", "data", "--run", "run", "--out", "suspects.html"],
):
    try:
        main(command)
    except SystemExit as end:
        assert not end.code, (command, end.code)
print("all done")
"""


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for path in [folder, *folder.rglob("*")]:
        about = path.stat()
        found[str(path)] = (about.st_mtime_ns, about.st_ctime_ns, path.read_bytes() if path.is_file() else b"")
    return found


def read_only(folder: Path, command: list[str]) -> list[str]:
    """The command in a mount namespace of its own in which the folder cannot be written; as it is where that is not allowed."""
    where = shlex.quote(str(folder))
    mount = f"mount --bind {where} {where} && mount -o remount,ro,bind {where}"
    proof = ["unshare", "-rm", "sh", "-c", f"{mount} && ! touch {where}/written"]
    try:
        allowed = subprocess.run(proof, capture_output=True, check=False).returncode == 0
    except OSError:
        allowed = False
    return ["unshare", "-rm", "sh", "-c", f"{mount} && exec {shlex.join(command)}"] if allowed else command


@pytest.mark.large
def test_every_command_works_on_data_that_cannot_be_written(tmp_path: Path) -> None:
    data = make_images(tmp_path / "data", each=8)
    rows = [f"{path.relative_to(data)},{path.parent.name}" for path in sorted(data.rglob("*.png"))]
    (data / "table.csv").write_text("\n".join(["path,label", *rows]))
    before = state(data)
    quick = [f"--{name.replace('_', '-')}={value}" for name, value in {**QUICK, "epochs": 1}.items()]
    command = read_only(data, [sys.executable, "-c", COMMANDS, *quick])
    done = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert state(data) == before
    assert done.stdout.endswith("all done\n")
