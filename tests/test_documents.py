"""Every command and every line of Python that the documents show is run, in order, as a reader would."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.jobs.conftest import make_images

from striate.cli import VERBS

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    """A folder as a reader may have it: photos, a digit."""
    folder = tmp_path_factory.mktemp("desk")
    make_images(folder / "photos", each=12, size=40)
    (folder / "photos" / "dark").rename(folder / "photos" / "cat")
    (folder / "photos" / "cat" / "0.png").rename(folder / "photos" / "cat" / "1.jpg")  # a name says nothing
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 13:16] = 255
    Image.fromarray(digit).save(folder / "digit.png")
    return folder


def run(command: list[str], desk: Path) -> None:
    done = subprocess.run(command, cwd=desk, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr[-2000:]}"


def test_the_commands_of_the_readme_work(desk):
    commands = [line for block in blocks(ROOT / "README.md", "console") for line in block.splitlines()]
    assert len(commands) >= 8
    for command in commands:
        assert command.startswith("striate "), command
        run([sys.executable, "-m", *shlex.split(command)], desk)


def test_the_python_of_the_readme_works(desk):
    for block in blocks(ROOT / "README.md", "python"):
        run([sys.executable, "-c", block], desk)


def test_the_example_of_every_verb_works(desk):
    examples = [example for _, example in VERBS.values() if "resume" not in example]
    for example in examples:
        run([sys.executable, "-m", *shlex.split(example)], desk)
    # resuming needs a run that was cut off, and says so of one that was not
    (resuming,) = [example for _, example in VERBS.values() if "resume" in example]
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(resuming)], cwd=desk, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "the run finished" in done.stderr


def test_links_between_documents_lead_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            assert "://" in target or (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_finding_is_documented():
    findings = (ROOT / "docs" / "architecture.md").read_text().split("## Findings")[1]
    cells = re.findall(r"^\| (`[^|]+) \|", findings, re.MULTILINE)  # one or several ids
    documented = {name for cell in cells for name in re.findall(r"`([a-z-]+)`", cell)}
    sources = "".join(path.read_text() for path in (ROOT / "src" / "striate").rglob("*.py"))
    raised = set(re.findall(r"Finding\(\s*(?:id=)?\"([a-z-]+)\"", sources)) | set(
        re.findall(r"\"(data-[a-z-]+)\"", sources)
    )
    assert raised == documented
