"""Files of weights, read without trust.

A `.safetensors` file holds numbers and nothing else. Every other kind (.pth, .pt, .bin, .ckpt) is a pickle, and a pickle
is a program: `torch.load(weights_only=True)` runs of it only what rebuilds tensors, and it does so in a child process
with limited memory, time and disk, none of our environment and no file but this one. Paths, settings, NumPy's numbers and
whatever else a training script has saved beside the weights becomes a stand-in without content. The child hands the tensors
over as safetensors.
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

from striate.errors import SettingError

__all__ = ["printable", "read_weights"]

# What training scripts call the weights in a file that holds more; averaged ones first, because they are those that were measured
NESTS: Final = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model")
LOG: Final = logging.getLogger("striate")
MOST_STAND_INS: Final = 50  # kinds of things that are no weights, in one file

SPARE_BYTES: Final = 256 * 2**20  # that a child may take beside what is in proportion to the file
# The file's size so many times: read, copied, written, and once more for weights that share their memory in the file
TIMES: Final = 4
CPU_SECONDS: Final = 30  # for a small file; a large one has more
BYTES_A_SECOND: Final = 10 * 2**20
WAITS: Final = 10  # times the processor time, for a slow disk
# Of the environment: where libraries are
INHERITED: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
FOLDER: Final = "is a folder; give the file in it that holds the weights"
UNUSED: Final = "it is damaged or a trap, and nothing of it is used"
OUTPUT: Final = "weights.safetensors"
BESIDE: Final = "beside"  # in its metadata: what a pickle asks for that is no weights
CHILD: Final = """
import sys
sys.path[:] = sys.argv[3:]
from striate.models.weight_files import convert
convert(int(sys.argv[1]), int(sys.argv[2]))
"""


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by name. Raises SettingError.

    Those of a `.safetensors` file are not copied: they stay in the file until they are used.
    """
    path = Path(path)
    with _opened(path) as file:
        weights = _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_pickle(path, file)
    for name, value in weights.items():
        if not _finite(value):
            _refuse(path, f"{printable(name)} is not finite (NaN or infinity): take another file, this one is spoilt")
    return weights


def printable(text: object, longest: int = 300) -> str:
    """What a file says, fit for one line on a terminal."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return line if len(line) <= longest else f"{line[:longest]}..."


@contextmanager
def _opened(path: Path) -> Iterator[FileIO]:
    """The file, if it is a regular one with something in it; a FIFO without a writer would hold an ordinary open for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        _refuse(path, "there is no such file; weights are a .safetensors or .pth file, or 'imagenet'")
    except OSError as error:
        folder = path.is_dir()  # which Windows does not even open
        _refuse(path, FOLDER if folder else f"cannot be read ({error.strerror}); take a .safetensors or .pth file")
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        _refuse(
            path,
            FOLDER if stat.S_ISDIR(status.st_mode) else "is a FIFO, socket or device; take a .safetensors or .pth file",
        )
    with FileIO(descriptor) as file:
        if status.st_size == 0:
            _refuse(path, "is empty; download or copy it again")
        yield file


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        _refuse(path, f"is damaged or no safetensors file ({printable(error)}); download or copy it again")


def _read_pickle(path: Path, file: FileIO) -> dict[str, Tensor]:
    size, start = os.fstat(file.fileno()).st_size, file.read(64)
    if not start.startswith((b"PK\x03\x04", b"\x80")):  # a zip archive; a pickle of the days before
        _refuse(path, f"is no PyTorch file: it begins with {start[:20]!r}; take a .pth or .safetensors file")
    file.seek(0)
    try:
        with tempfile.TemporaryDirectory(prefix="striate-", ignore_cleanup_errors=True) as folder:
            _convert_in_a_child(path, file, size, Path(folder))
            with safe_open(Path(folder, OUTPUT), "pt") as output:
                beside = (output.metadata() or {}).get(BESIDE)
            if beside:
                LOG.info("%s: of %s in the file nothing was read or run", path, printable(beside))
            return load(Path(folder, OUTPUT).read_bytes())  # not mapped: the folder is about to go
    except (OSError, SafetensorError) as error:
        _refuse(path, f"cannot be handed to the process that reads it ({error}); set TMPDIR to a folder with room")


def _convert_in_a_child(path: Path, file: FileIO, size: int, folder: Path) -> None:
    seconds = CPU_SECONDS + size // BYTES_A_SECOND
    said = folder / "said"
    with said.open("wb") as out:
        try:
            code = subprocess.run(  # noqa: S603  our own code, by our own Python
                [sys.executable, "-I", "-c", CHILD, str(TIMES * size + SPARE_BYTES), str(seconds), *_import_paths()],
                stdin=file,
                stdout=out,
                stderr=out,
                cwd=folder,
                env=_environment(os.environ, folder),
                timeout=WAITS * seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            _refuse(path, f"could not be read within {WAITS * seconds} s; {UNUSED}")
    if code < 0:  # ended by a signal
        too_much = f"than {seconds} s" if -code == signal.SIGXCPU else f"memory than such a file needs (signal {-code})"
        _refuse(path, f"to read it takes more {too_much}; {UNUSED}")
    if code > 0:
        with said.open("rb") as lines:
            lines.seek(max(0, said.stat().st_size - 4096))
            last = lines.read().decode(errors="replace").strip().rpartition("\n")[2]
        _refuse(path, printable(last, 600))


def _import_paths() -> list[str]:
    """Where this process found torch, safetensors and striate; never the folder that it happens to be in."""
    return [path for path in sys.path if Path(path).is_absolute()]


def _environment(ours: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Nothing that could be a secret, and no graphics card."""
    kept = {name: ours[name] for name in INHERITED if name in ours}
    return {**kept, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def _refuse(path: Path, reason: str) -> NoReturn:
    raise SettingError(f"{printable(path)}: {reason}") from None


def _finite(value: Tensor) -> bool:
    """Whether all numbers are: by the smallest and the largest, 15 times faster than one by one."""
    if value.numel() == 0 or not (value.is_floating_point() or value.is_complex()):
        return True
    if value.is_complex():
        value = torch.view_as_real(value)
    if value.element_size() == 1:  # the types of 8 bits cannot do it
        value = value.float()
    return all(bool(extreme.isfinite()) for extreme in torch.aminmax(value))


def convert(room: int, seconds: int) -> None:
    """The child: the pickle on standard input becomes OUTPUT in this folder, or its last line says why not.

    `room` is the memory and the disk that it may take, in bytes, `seconds` its processor time.
    """
    _limit(room, seconds)
    beside: dict[str, Exception] = {}
    try:
        with os.fdopen(0, "rb") as file:
            held = _unpickled(file, beside)
        tensors = _tensors(held, room)
    except SettingError as error:  # a whole network, for one, of which only a stand-in is here
        sys.exit(_reason(next(iter(beside.values()))) if beside else str(error))
    except Exception as error:  # noqa: BLE001  whatever a stranger's file provokes
        sys.exit(_reason(error))
    try:
        save_file(tensors, OUTPUT, {BESIDE: ", ".join(beside)})
    except (SafetensorError, OSError) as error:
        sys.exit(f"cannot be handed over ({printable(error)}); set TMPDIR to a folder with room")


@final
class _StandIn:
    """Takes the place of anything that is no weights: made of whatever it is asked to be made of, it keeps nothing."""

    def __new__(cls, *_: object) -> "_StandIn":
        return object.__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def _dictionary(*_: object) -> dict[Any, Any]:
    return {}


def _list(*_: object) -> list[Any]:
    return []


# What may be filled later has to be filled
CONTAINERS: Final = ((_dictionary, "collections.defaultdict"), (_list, "collections.deque"))


def _unpickled(file: BinaryIO, beside: dict[str, Exception]) -> Any:
    """What the file holds, with a stand-in for all that is neither weights nor plain values; `beside` takes their names."""
    while True:
        file.seek(0)
        try:
            with torch.serialization.safe_globals([*CONTAINERS, *((_StandIn, name) for name in beside)]):
                return torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            name = _asked_for(error)
            if name is None or name in beside or len(beside) == MOST_STAND_INS:
                raise next(iter(beside.values()), error) from None
            beside[name] = error


def _asked_for(error: Exception) -> str | None:
    """What torch does not know and a stand-in can replace. Files that ask for eval or for os are traps, and stay refused."""
    asked = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
    if asked is None:
        return None
    name = asked[1]
    if "." in name:
        return name
    return f"builtins.{name}" if isinstance(getattr(builtins, name, None), type) else None


def _limit(room: int, seconds: int) -> None:
    """From here on; importing torch may have taken any amount."""
    if sys.platform == "win32":
        return
    import resource

    def at_most(what: int, amount: int, spare: int = 0) -> None:
        hard = resource.getrlimit(what)[1]
        most = amount + spare if hard == resource.RLIM_INFINITY else min(hard, amount + spare)
        resource.setrlimit(what, (min(amount, most), most))

    used = resource.getrusage(resource.RUSAGE_SELF)
    at_most(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds, spare=1)  # a signal, and a second to die
    at_most(resource.RLIMIT_FSIZE, room)
    at_most(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":  # others cannot say what they have
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        at_most(resource.RLIMIT_AS, pages * resource.getpagesize() + room)


def _tensors(held: Any, room: int) -> dict[str, Tensor]:
    """The tensors of a checkpoint, each with memory of its own."""
    for _ in range(4):
        if isinstance(held, dict):
            held = next((held[nest] for nest in NESTS if isinstance(held.get(nest), dict)), held)
    if not isinstance(held, dict):
        raise SettingError(
            f"holds a {type(held).__name__}, not weights by name: save the network's state_dict() instead"
        )
    sets = dict(_sets_of_tensors(held))
    if not sets:
        raise SettingError(
            f"holds no weights, only {printable(', '.join(map(str, held)) or 'nothing', 100)}: take another file"
        )
    largest = max(sets, key=lambda name: len(sets[name]))
    if 2 * len(sets[largest]) <= sum(map(len, sets.values())):
        names = ", ".join(name or "(not nested)" for name in sets)
        raise SettingError(
            f"holds several sets of weights, {printable(names, 100)}: save the state_dict() of one network"
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
            f"claims {claimed / 2**30:,.1f} GiB of weights, which is no honest size for this file: take another file"
        )
    return {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}


def _sets_of_tensors(held: dict[Any, Any], name: str = "", depth: int = 4) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """The tensors by name, and those in whatever lies within. An optimizer's are numbered, and no weights."""
    tensors = {key: value for key, value in held.items() if isinstance(key, str) and isinstance(value, Tensor)}
    if tensors:
        yield name, tensors
    for key, value in held.items():
        if isinstance(key, str) and isinstance(value, dict) and depth:
            yield from _sets_of_tensors(value, f"{name}.{key}" if name else key, depth - 1)


def _reason(error: Exception) -> str:
    """One line of what torch says in many."""
    text = str(error)
    asked = re.search(r"GLOBAL (\S+)", text)
    if asked or "TorchScript" in text:
        what = f"asks for {printable(asked[1], 100)}" if asked else "is a TorchScript archive"
        return f"{what}, which is code and not weights; nothing of it was run: take a file of the state_dict() alone"
    if isinstance(error, MemoryError) or "allocate memory" in text or "not enough memory" in text:
        return f"to read it takes more memory than such a file needs; {UNUSED}"
    told = text.rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0].partition(". ")[0]
    return (
        f"is damaged, cut off or no file of weights ({type(error).__name__}: {printable(told, 160)}); "
        "download or copy it again"
    )
