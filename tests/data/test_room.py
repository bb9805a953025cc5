"""The room's door: its names are found, and opening it costs nothing."""

import subprocess
import sys

import pytest

from striate import data


def test_every_public_name_is_there_and_no_other() -> None:
    unnamed = ("BUILT_IN", "IN_MEMORY", "TaskKind", "ImageInput", "ImagesInput", "LabelsInput", "TrainingData")
    for name in data.__all__:
        assert name in unnamed or getattr(data, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'Sauce'"):
        getattr(data, "Sau" + "ce")


def test_importing_the_room_loads_neither_torch_nor_numpy_nor_pillow() -> None:
    code = "import striate.data, sys; print(sorted({'torch', 'numpy', 'PIL'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
