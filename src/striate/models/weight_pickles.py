"""Unpickle an untrusted file of weights: the child process of weight_files, with limited memory, time and disk."""

import builtins
import os
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, final

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from striate.errors import SettingError

__all__ = ["OTHER_OBJECTS", "OUTPUT", "UNUSED", "convert", "printable"]

# Keys of the weights in a checkpoint; averaged weights (EMA) first, because they are those that were evaluated
NESTS: Final = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model")
MAX_PLACEHOLDERS: Final = 50  # classes of other objects, in one file
UNUSED: Final = "it is damaged or malicious, and is not used"
OUTPUT: Final = "weights.safetensors"
OTHER_OBJECTS: Final = "other_objects"  # key of its metadata: classes in the pickle that are not weights


def printable(text: object, longest: int = 300) -> str:
    """Text from a file, made safe for one line on a terminal."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return line if len(line) <= longest else f"{line[:longest]}..."


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
