"""What is loaded when, and what importing does not do."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import striate
from striate.cli import main

HEAVY = ("torch", "numpy", "PIL", "safetensors", "jinja2", "matplotlib")
ROOMS = sorted(path.parent.name for path in Path(striate.__file__).parent.glob("*/__init__.pyi"))


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_every_room_opens_and_what_needs_no_torch_loads_nothing_heavy():
    report = f"""
import sys
def check(what):
    heavy = [name for name in {HEAVY} if name in sys.modules]
    if heavy: print(what, heavy)
import striate
check("striate")
import striate.cli.app, striate.cli.train, striate.cli.augment, striate.cli.features; striate.cli.app.create_app()
check("striate.cli")
for room in {ROOMS}:
    __import__(f"striate.{{room}}")
    check(room)
assert striate.list_models("res*"); check("list_models")
assert striate.models.NETWORKS["lenet5"]; check("NETWORKS")
import striate.models.pretrained; check("pretrained")
assert striate.training.RECIPES; check("RECIPES")
striate.create_model
check("create_model, which is to be seen")
striate.views.View
check("View, which is to be seen")
"""
    assert run(report).splitlines() == ["View, which is to be seen ['torch', 'numpy']"]


def test_a_report_loads_neither_torch_nor_numpy():
    assert (
        run("import sys, striate.report as r; r.render_report; print({'torch', 'numpy', 'PIL'} & set(sys.modules))")
        == "set()\n"
    )


def test_help_loads_nothing_heavy():
    code = "import sys, striate.cli\ntry: striate.cli.main(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    assert not set(run(code).split()) & {*HEAVY, "cyclopts", "rich"}


@pytest.mark.parametrize("arguments", [["recipes"], ["recipes", "photos"], ["runs"], ["models"]])
def test_a_list_needs_no_torch(arguments):
    code = f"import sys, striate.cli\ntry: striate.cli.main({arguments})\nexcept SystemExit: pass\nprint(*sys.modules)"
    assert not set(run(code).splitlines()[-1].split()) & {"torch", "numpy", "PIL", "safetensors"}


def test_importing_opens_no_connection_and_starts_no_process():
    code = """
import sys
def refuse(event, arguments):
    if event.startswith(("socket.", "subprocess.")) or event in ("os.system", "os.exec", "os.posix_spawn"):
        raise RuntimeError(event)
sys.addaudithook(refuse)
import striate, striate.cli, striate.jobs, striate.training, striate.data, striate.report
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_changes_no_environment_variable():
    code = """
import os, pkgutil
before = dict(os.environ)
import striate
modules = [one.name for one in pkgutil.walk_packages(striate.__path__, "striate.")]
for name in modules:
    if name != "striate.__main__":  # which runs the command
        __import__(name)
        assert dict(os.environ) == before, name
print(len(modules))
"""
    assert int(run(code)) > 300


@pytest.mark.parametrize(
    ("chosen", "expected"), [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)]
)
def test_threads_of_a_command_spin_shortly_unless_someone_chose_otherwise(monkeypatch, chosen, expected):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main(["no such command"])
    assert os.environ.get("GOMP_SPINCOUNT") == expected


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_every_public_name_is_there_once_and_from_its_own_room(room):
    package = import_module(f"striate.{room}".rstrip("."))
    assert package.__all__ == sorted(set(package.__all__)) == dir(package)
    assert all(getattr(package, name) is not None for name in package.__all__)
    inside = {path.stem for path in Path(str(package.__file__)).parent.iterdir()}
    assert not inside & set(package.__all__)  # once a file is loaded, its name in the room is the file
    stub = Path(str(package.__file__)).with_suffix(".pyi").read_text()
    assert set(re.findall(r"^from (\S+) import (\w+) as \2$", stub, re.MULTILINE)) == {
        (module, name) for module, name in re.findall(r"^from (\S+) import (\w+)", stub, re.MULTILINE)
    }
    if room:
        assert set(re.findall(r"^from striate\.(\w+)", stub, re.MULTILINE)) == {room}
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = package.trian
