"""What is loaded when, and what importing does not do."""

import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "PIL", "safetensors", "jinja2")


def loaded_after(code: str) -> set[str]:
    report = f"import sys\n{code}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True).stdout.split()[-9:]
    )


@pytest.mark.parametrize(
    "code",
    [
        "import striate",
        "import striate.cli; striate.cli.create_app()",
        "import striate.cli.augment",
        "import striate.cli.train",
        "import striate; striate.list_models('res*')",
        "import striate.training; striate.training.RECIPES",
    ],
)
def test_loads_nothing_heavy(code):
    assert loaded_after(code) == set()


def test_the_probe_can_see_what_is_loaded():
    assert loaded_after("import striate; striate.create_model") <= set(HEAVY)
    assert "torch" in loaded_after("import striate; striate.create_model('lenet5', classes=2)")


def test_help_loads_nothing_heavy():
    code = "import sys, striate.cli\ntry: striate.cli.main(['--help'])\nexcept SystemExit: pass"
    assert not loaded_after(code) & set(HEAVY)


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


@pytest.mark.parametrize(
    ("chosen", "expected"), [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "None")]
)
def test_threads_spin_shortly_unless_someone_chose_otherwise(chosen, expected):
    code = "import os, striate; print(os.environ.get('GOMP_SPINCOUNT'))"
    rest = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**rest, **chosen}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected


def test_everything_public_is_there():
    import striate

    assert all(getattr(striate, name) is not None for name in striate.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = striate.trian
