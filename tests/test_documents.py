"""Every command and every line of Python that the documents show is run, in order, as a reader would."""

import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.jobs.conftest import make_images

from striate.cli import main
from striate.cli.verbs import VERBS
from striate.training import OPTIMIZERS, SCHEDULES

ROOT = Path(__file__).parent.parent
ROOMS = {path.parent.name for path in (ROOT / "src" / "striate").glob("*/__init__.py")}
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def desk(tmp_path) -> Path:
    """A folder as a reader may have it: photos, so few that no epoch fine-tunes on them, and a digit."""
    folder = tmp_path
    make_images(folder / "photos", each=10, size=32)
    (folder / "photos" / "dark").rename(folder / "photos" / "cat")
    (folder / "photos" / "cat" / "0.png").rename(folder / "photos" / "cat" / "1.jpg")  # the name tells nothing
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 13:16] = 255
    Image.fromarray(digit).save(folder / "digit.png")
    return folder


@pytest.fixture
def type_in(desk, monkeypatch, small_mnist) -> Callable[[str], None]:
    """Types a command at the desk; MNIST has a few digits only, for `.ci/run` trains on all of them."""
    monkeypatch.chdir(desk)
    monkeypatch.setattr("striate.training.machine.available_cores", lambda: 1)  # for two cores run tests

    def typed(command: str) -> None:
        assert command.startswith("striate "), command
        with pytest.raises(SystemExit) as end:
            main(shlex.split(command)[1:])
        assert not end.value.code, command

    return typed


def test_the_commands_of_the_readme_work(type_in):
    commands = [line for block in blocks(ROOT / "README.md", "console") for line in block.splitlines()]
    assert len(commands) >= 8
    for command in commands:
        type_in(command)


def test_the_python_of_the_readme_works(desk, monkeypatch, small_mnist):
    monkeypatch.chdir(desk)
    monkeypatch.setattr("striate.training.machine.available_cores", lambda: 1)  # for two cores run tests
    for block in blocks(ROOT / "README.md", "python"):
        exec(compile(block, "README.md", "exec"), {})


def test_the_example_of_every_verb_works(type_in, capsys):
    examples = [verb.example for verb in VERBS.values() if "resume" not in verb.example]
    for example in examples:
        type_in(example)
    # resuming needs a run that was cut off, and refuses one that was not
    (resuming,) = [verb.example for verb in VERBS.values() if "resume" in verb.example]
    with pytest.raises(SystemExit) as end:
        main(shlex.split(resuming)[1:])
    assert end.value.code == 2
    assert "the run finished" in capsys.readouterr().err


def test_links_between_documents_lead_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            assert "://" in target or (document.parent / target).exists(), f"{document.name}: {target}"


def test_files_that_documents_name_are_there():
    for document in (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "architecture.md"):
        for name in re.findall(r"`(?:src/striate/)?([a-z_]+/[a-z_/]*(?:\.py)?)`", document.read_text(encoding="utf-8")):
            if name.partition("/")[0] in ROOMS and not name.startswith("models/my"):  # one to be added
                assert (ROOT / "src" / "striate" / name).exists(), f"{document.name}: {name}"


def test_the_readme_names_every_optimizer_and_schedule():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for setting, names in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        (row,) = re.findall(rf"^\| `--{setting}` \|(.*)\|$", readme, re.MULTILINE)
        assert set(re.findall(r"`([a-z_]+)`", row)) == set(names)


def test_every_finding_is_documented():
    findings = (ROOT / "docs" / "architecture.md").read_text().split("## Findings")[1]
    cells = re.findall(r"^\| (`[^|]+) \|", findings, re.MULTILINE)  # one or several ids
    documented = {name for cell in cells for name in re.findall(r"`([a-z-]+)`", cell)}
    sources = "".join(path.read_text() for path in (ROOT / "src" / "striate").rglob("*.py"))
    raised = set(re.findall(r"Finding\(\s*(?:id=)?\"([a-z-]+)\"", sources)) | set(
        re.findall(r"\"(data-[a-z-]+)\"", sources)
    )
    assert raised == documented


def test_the_extra_all_is_every_extra_for_users():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    for_users = extras.keys() - {"all", "test", "lint"}
    assert everything == f"striate[{','.join(sorted(for_users))}]"
