"""Read untrusted files of weights.

A `.safetensors` file contains tensors only. Every other format (.pth, .pt, .bin, .ckpt) is a pickle, and a pickle is a
program: `torch.load(weights_only=True)` runs only what rebuilds tensors, and it does so in a child process with limited
memory, time and disk, an empty environment and no file but this one. Paths, settings, NumPy values and other objects that a
training script saved others the weights are replaced by an empty placeholder. The child returns the tensors as safetensors.
"""

import logging
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final, NoReturn

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, load_file
from torch import Tensor

from striate.errors import SettingError, first_bytes
from striate.models.weight_pickles import OTHER_OBJECTS, OUTPUT, UNUSED, printable

__all__ = ["check_weights_file", "read_weights"]

LOG: Final = logging.getLogger("striate")

SPARE_BYTES: Final = 256 * 2**20  # memory of the child, in addition to a multiple of the file's size
# Multiples of the file's size: read, copied, written, and once more for weights that share memory in the file
TIMES: Final = 4
CPU_SECONDS: Final = 30  # for a small file
BYTES_A_SECOND: Final = 10 * 2**20
WALL_TIME_FACTOR: Final = 10  # of the CPU time, for a slow disk
# Environment variables of the child: where libraries are
INHERITED: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
FOLDER: Final = "is a folder; give the file of weights in it"
CHILD: Final = """
import sys
sys.path[:] = sys.argv[3:]
from striate.models.weight_pickles import convert
convert(int(sys.argv[1]), int(sys.argv[2]))
"""


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by name. Raises SettingError.

    Those of a `.safetensors` file are memory-mapped, not copied.
    """
    path = Path(path)
    with _opened(path) as file:
        weights = _read_safetensors(path) if _is_safetensors(path) else _read_pickle(path, file)
    for name, value in weights.items():
        if not _finite(value):
            _refuse(path, f"{printable(name)} is not finite (NaN or infinity); use another file")
    return weights


def check_weights_file(path: str | Path) -> None:
    """Raise SettingError for what is plainly no file of weights, long before its tensors are read."""
    path = Path(path)
    with _opened(path) as file:
        if _is_safetensors(path):
            _read_safetensors(path)
        else:
            _check_pickle(path, file)


@contextmanager
def _opened(path: Path) -> Iterator[FileIO]:
    """Open a regular, non-empty file; opening a FIFO without a writer would block forever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        _refuse(path, "there is no such file; weights are a .safetensors or .pth file, a run, or 'imagenet'")
    except OSError as error:
        folder = path.is_dir()  # which Windows does not even open
        _refuse(path, FOLDER if folder else f"cannot be read ({error.strerror}); use a .safetensors or .pth file")
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        _refuse(
            path,
            FOLDER if stat.S_ISDIR(status.st_mode) else "is a FIFO, socket or device; use a .safetensors or .pth file",
        )
    with FileIO(descriptor) as file:
        if status.st_size == 0:
            _refuse(path, "is empty; download or copy it again")
        yield file


def _is_safetensors(path: Path) -> bool:
    return path.suffix.lower() == ".safetensors"


def _check_pickle(path: Path, file: FileIO) -> None:
    start = file.read(64)
    if not start.startswith((b"PK\x03\x04", b"\x80")):  # a zip archive; a pickle of PyTorch before 1.6
        _refuse(path, f"is not a PyTorch file: it begins with {first_bytes(start)}; use a .pth or .safetensors file")
    file.seek(0)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        _refuse(path, f"is damaged or not a safetensors file ({printable(error)}); download or copy it again")


def _read_pickle(path: Path, file: FileIO) -> dict[str, Tensor]:
    _check_pickle(path, file)
    size = os.fstat(file.fileno()).st_size
    try:
        with tempfile.TemporaryDirectory(prefix="striate-", ignore_cleanup_errors=True) as folder:
            _convert_in_a_child(path, file, size, Path(folder))
            with safe_open(Path(folder, OUTPUT), "pt") as output:
                others = (output.metadata() or {}).get(OTHER_OBJECTS)
            if others:
                LOG.info("%s: %s in the file was neither read nor run", path, printable(others))
            return load(Path(folder, OUTPUT).read_bytes())  # not memory-mapped, because the folder is deleted
    except (OSError, SafetensorError) as error:
        _refuse(path, f"cannot be read in a child process ({error}); set TMPDIR to a folder with room")


def _convert_in_a_child(path: Path, file: FileIO, size: int, folder: Path) -> None:
    seconds = CPU_SECONDS + size // BYTES_A_SECOND
    output = folder / "output"
    with output.open("wb") as out:
        try:
            code = subprocess.run(  # noqa: S603 - the program is a constant of this file, run by this interpreter
                [sys.executable, "-I", "-c", CHILD, str(TIMES * size + SPARE_BYTES), str(seconds), *_import_paths()],
                stdin=file,
                stdout=out,
                stderr=out,
                cwd=folder,
                env=_environment(os.environ, folder),
                timeout=WALL_TIME_FACTOR * seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            _refuse(path, f"could not be read within {WALL_TIME_FACTOR * seconds} s; {UNUSED}")
    if code < 0:  # ended by a signal
        too_much = f"than {seconds} s" if -code == signal.SIGXCPU else f"memory than such a file needs (signal {-code})"
        _refuse(path, f"reading it takes more {too_much}; {UNUSED}")
    if code > 0:
        with output.open("rb") as lines:
            lines.seek(max(0, output.stat().st_size - 4096))
            last = lines.read().decode(errors="replace").strip().rpartition("\n")[2]
        _refuse(path, printable(last, 600))


def _import_paths() -> list[str]:
    """The import paths of this process; never the current folder."""
    return [path for path in sys.path if Path(path).is_absolute()]


def _environment(ours: Mapping[str, str], folder: Path) -> dict[str, str]:
    """An environment without secrets and without GPU."""
    kept = {name: ours[name] for name in INHERITED if name in ours}
    return {**kept, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def _refuse(path: Path, reason: str) -> NoReturn:
    raise SettingError(f"{printable(path)}: {reason}") from None


def _finite(value: Tensor) -> bool:
    """Whether all values are finite: by their minimum and maximum, 15 times faster than one by one."""
    if value.numel() == 0 or not (value.is_floating_point() or value.is_complex()):
        return True
    if value.is_complex():
        value = torch.view_as_real(value)
    if value.element_size() == 1:  # aminmax does not take types of 8 bits
        value = value.float()
    return all(bool(extreme.isfinite()) for extreme in torch.aminmax(value))
