"""Files of weights, read without trust.

A `.safetensors` file holds numbers and nothing else. Every other kind (.pth, .pt, .bin, .ckpt) is a pickle, and a pickle
is a program: `torch.load(weights_only=True)` runs of it only what rebuilds tensors, and it does so in a child process
with limited memory, time and disk, none of our environment and no file but this one. The child hands the tensors over
as safetensors.
"""

import argparse
import logging
import os
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
from typing import Any, Final, NoReturn

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file
from torch import Tensor

from striate.errors import SettingError

__all__ = ["printable", "read_weights"]

# What training scripts call the weights in a file that holds more; averaged ones first, because they are those that were measured
NESTS: Final = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model")
# What wraps a network in training code: DataParallel, Lightning and its like, torch.compile, self-supervised training
PREFIXES: Final = (
    "module.",
    "model.",
    "_orig_mod.",
    "net.",
    "network.",
    "backbone.",
    "base_model.",
    "student.",
    "teacher.",
)
PREFIXES_OF_ALL: Final = (*PREFIXES, "encoder.")  # a network may have an encoder beside other things
NEARLY_ALL: Final = 0.9  # of the names: a head may lie beside the backbone
LOG: Final = logging.getLogger("striate")

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
CHILD: Final = """
import sys
sys.path[:] = sys.argv[3:]
from striate.models.weight_files import convert
convert(int(sys.argv[1]), int(sys.argv[2]))
"""


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by name, without the names that training scripts wrap around them. Raises SettingError.

    Those of a `.safetensors` file are not copied: they stay in the file until they are used.
    """
    path = Path(path)
    with _opened(path) as file:
        weights = _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_pickle(path, file)
    for name, value in weights.items():
        if not _finite(value):
            _refuse(path, f"{printable(name)} is not finite (NaN or infinity): take another file, this one is spoilt")
    taken_off, weights = _without_prefix(weights)
    if taken_off:
        LOG.info("%s: names are taken without %s", path, taken_off)
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


def _without_prefix(weights: dict[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """A prefix that all names have, or nearly all a usual one, and the weights by their names without it; perhaps ""."""
    averaged = [name for name in weights if name != "n_averaged"]  # the counter of torch's AveragedModel
    for prefix in PREFIXES_OF_ALL:
        having = sum(name.startswith(prefix) for name in averaged)
        wanted = NEARLY_ALL * len(averaged) if prefix in PREFIXES else len(averaged)
        bare = {name.removeprefix(prefix): weights[name] for name in averaged}
        if having and having >= wanted and len(bare) == len(averaged):  # two names may not become one
            further, found = _without_prefix(bare)
            return prefix + further, found
    return "", weights


def convert(room: int, seconds: int) -> None:
    """The child: the pickle on standard input becomes OUTPUT in this folder, or its last line says why not.

    `room` is the memory and the disk that it may take, in bytes, `seconds` its processor time.
    """
    _limit(room, seconds)
    try:
        # A Namespace, the settings in torchvision's own checkpoints, is nothing but its attributes: making one runs nothing
        with os.fdopen(0, "rb") as file, torch.serialization.safe_globals([argparse.Namespace]):
            tensors = _tensors(torch.load(file, map_location="cpu", weights_only=True), room)
    except SettingError as error:
        sys.exit(str(error))
    except Exception as error:  # noqa: BLE001  whatever a stranger's file provokes
        sys.exit(_reason(error))
    try:
        save_file(tensors, OUTPUT)
    except (SafetensorError, OSError) as error:
        sys.exit(f"cannot be handed over ({printable(error)}); set TMPDIR to a folder with room")


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
    tensors = {name: value for name, value in held.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if not tensors:
        raise SettingError(
            f"holds no weights, only {printable(', '.join(map(str, held)) or 'nothing', 100)}: take another file"
        )
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
