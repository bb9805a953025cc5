"""Read untrusted files of weights.

A `.safetensors` file contains tensors only. Every other format (.pth, .pt, .bin, .ckpt) is a pickle, and a pickle is a
program: `torch.load(weights_only=True)` runs only what rebuilds tensors, and it does so in a child process with limited
memory, time and disk, an empty environment and no file but this one. Paths, settings, NumPy values and other objects that a
training script saved others the weights are replaced by an empty placeholder. The child returns the tensors as safetensors.
"""

import builtins
import logging
import os
import pickle
import re
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn, final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, load_file, save_file
from torch import Tensor

from striate.errors import SettingError, first_bytes

__all__ = ["printable", "read_weights"]

# Keys of the weights in a checkpoint; averaged weights (EMA) first, because they are those that were evaluated
NESTS: Final = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model")
LOG: Final = logging.getLogger("striate")
MAX_PLACEHOLDERS: Final = 50  # classes of other objects, in one file

SPARE_BYTES: Final = 256 * 2**20  # memory of the child, in addition to a multiple of the file's size
# Multiples of the file's size: read, copied, written, and once more for weights that share memory in the file
TIMES: Final = 4
CPU_SECONDS: Final = 30  # for a small file
BYTES_A_SECOND: Final = 10 * 2**20
WALL_TIME_FACTOR: Final = 10  # of the CPU time, for a slow disk
# Environment variables of the child: where libraries are
INHERITED: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
FOLDER: Final = "is a folder; give the file of weights in it"
UNUSED: Final = "it is damaged or malicious, and is not used"
OUTPUT: Final = "weights.safetensors"
OTHER_OBJECTS: Final = "other_objects"  # key of its metadata: classes in the pickle that are not weights
CHILD: Final = """
import sys
sys.path[:] = sys.argv[3:]
from striate.models.weight_files import convert
convert(int(sys.argv[1]), int(sys.argv[2]))
"""


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by name. Raises SettingError.

    Those of a `.safetensors` file are memory-mapped, not copied.
    """
    path = Path(path)
    with _opened(path) as file:
        weights = _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_pickle(path, file)
    for name, value in weights.items():
        if not _finite(value):
            _refuse(path, f"{printable(name)} is not finite (NaN or infinity); use another file")
    return weights


def printable(text: object, longest: int = 300) -> str:
    """Text from a file, made safe for one line on a terminal."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return line if len(line) <= longest else f"{line[:longest]}..."


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


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        _refuse(path, f"is damaged or not a safetensors file ({printable(error)}); download or copy it again")


def _read_pickle(path: Path, file: FileIO) -> dict[str, Tensor]:
    size, start = os.fstat(file.fileno()).st_size, file.read(64)
    if not start.startswith((b"PK\x03\x04", b"\x80")):  # a zip archive; a pickle of PyTorch before 1.6
        _refuse(path, f"is not a PyTorch file: it begins with {first_bytes(start)}; use a .pth or .safetensors file")
    file.seek(0)
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


def convert(room: int, seconds: int) -> None:
    """The child process: convert the pickle on standard input to OUTPUT in this folder, or print the reason as its last line.

    `room` is its limit of memory and disk in bytes, `seconds` that of CPU time.
    """
    _limit(room, seconds)
    others: dict[str, Exception] = {}
    try:
        with os.fdopen(0, "rb") as file:
            held = _unpickled(file, others)
        tensors = _tensors(held, room)
    except SettingError as error:  # such as a pickled network, which became a placeholder
        sys.exit(_reason(next(iter(others.values()))) if others else str(error))
    except Exception as error:  # noqa: BLE001 - an untrusted file may make torch raise any kind, and each means that it is refused
        sys.exit(_reason(error))
    try:
        save_file(tensors, OUTPUT, {OTHER_OBJECTS: ", ".join(others)})
    except (SafetensorError, OSError) as error:
        sys.exit(f"cannot be written ({printable(error)}); set TMPDIR to a folder with room")


@final
class _Placeholder:
    """Replaces any object that is not a tensor or a plain value: it accepts all arguments and stores nothing."""

    def __new__(cls, *_: object) -> "_Placeholder":
        return object.__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def _dictionary(*_: object) -> dict[Any, Any]:
    return {}


def _list(*_: object) -> list[Any]:
    return []


# Containers, which unpickling fills later
CONTAINERS: Final = ((_dictionary, "collections.defaultdict"), (_list, "collections.deque"))


def _unpickled(file: BinaryIO, others: dict[str, Exception]) -> Any:
    """The content of the file, with placeholders for all but tensors and plain values; `others` collects their names."""
    while True:
        file.seek(0)
        try:
            with torch.serialization.safe_globals([*CONTAINERS, *((_Placeholder, name) for name in others)]):
                return torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            name = _asked_for(error)
            if name is None or name in others or len(others) == MAX_PLACEHOLDERS:
                raise next(iter(others.values()), error) from None
            others[name] = error


def _asked_for(error: Exception) -> str | None:
    """The name of a class that a placeholder can replace, or None. Files that ask for functions such as eval are refused."""
    asked = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
    if asked is None:
        return None
    name = asked[1]
    if "." in name:
        return name
    return f"builtins.{name}" if isinstance(getattr(builtins, name, None), type) else None


def _limit(room: int, seconds: int) -> None:
    """Limit this process; what importing torch took is not counted."""
    if sys.platform == "win32":
        return
    import resource

    def at_most(what: int, amount: int, spare: int = 0) -> None:
        hard = resource.getrlimit(what)[1]
        most = amount + spare if hard == resource.RLIM_INFINITY else min(hard, amount + spare)
        resource.setrlimit(what, (min(amount, most), most))

    used = resource.getrusage(resource.RUSAGE_SELF)
    at_most(
        resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds, spare=1
    )  # a signal, and one second more until it is killed
    at_most(resource.RLIMIT_FSIZE, room)
    at_most(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":  # other systems do not report their memory
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        at_most(resource.RLIMIT_AS, pages * resource.getpagesize() + room)


def _tensors(held: Any, room: int) -> dict[str, Tensor]:
    """The tensors of a checkpoint, each with its own memory."""
    for _ in range(4):
        if isinstance(held, dict):
            held = next((held[nest] for nest in NESTS if isinstance(held.get(nest), dict)), held)
    if not isinstance(held, dict):
        raise SettingError(
            f"contains a {type(held).__name__}, not a dictionary of weights: save the network's state_dict() instead"
        )
    sets = dict(_sets_of_tensors(held))
    if not sets:
        raise SettingError(
            f"contains no weights, only {printable(', '.join(map(str, held)) or 'nothing', 100)}: use another file"
        )
    largest = max(sets, key=lambda name: len(sets[name]))
    if 2 * len(sets[largest]) <= sum(map(len, sets.values())):
        names = ", ".join(name or "(not nested)" for name in sets)
        raise SettingError(
            f"contains several sets of weights, {printable(names, 100)}: save the state_dict() of one network"
        )
    tensors = sets[largest]
    for name, value in tensors.items():
        if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
            raise SettingError(
                f"{printable(name)} is sparse, quantized or without values: save the plain network instead"
            )
    claimed = sum(value.numel() * value.element_size() for value in tensors.values())
    if claimed > room:
        raise SettingError(
            f"claims {claimed / 2**30:,.1f} GiB of weights, more than a file of its size can contain: use another file"
        )
    return {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}


def _sets_of_tensors(held: dict[Any, Any], name: str = "", depth: int = 4) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """The tensors by name, of this dictionary and of nested ones. An optimizer's are numbered, so they are not weights."""
    tensors = {key: value for key, value in held.items() if isinstance(key, str) and isinstance(value, Tensor)}
    if tensors:
        yield name, tensors
    for key, value in held.items():
        if isinstance(key, str) and isinstance(value, dict) and depth:
            yield from _sets_of_tensors(value, f"{name}.{key}" if name else key, depth - 1)


def _reason(error: Exception) -> str:
    """torch's message in one line."""
    text = str(error)
    asked = re.search(r"GLOBAL (\S+)", text)
    if asked or "TorchScript" in text:
        what = f"asks for {printable(asked[1], 100)}" if asked else "is a TorchScript archive"
        return f"{what}, which is code; none of it was run: use a file of the state_dict() only"
    if isinstance(error, MemoryError) or "allocate memory" in text or "not enough memory" in text:
        return f"reading it takes more memory than such a file needs; {UNUSED}"
    message = text.rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0].partition(". ")[0]
    return (
        f"is damaged, truncated or not a file of weights ({type(error).__name__}: {printable(message, 160)}); "
        "download or copy it again"
    )
