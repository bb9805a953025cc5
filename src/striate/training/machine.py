"""What the machine can do for training: device, precision, and the number of threads that a busy neighbor does not ruin."""

import copy
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch
from torch import nn

from striate.errors import SettingError

FEWEST_TURNS, MOST_TURNS, PROBE_SECONDS = 3, 15, 0.4  # of the probe for threads
LONG_PROBE_SECONDS = 1.0  # after which fewer turns have to do
MOST_PIXELS = 2**18  # of the probe's images: 5 of 224 x 224, 334 of 28 x 28

MOST_THREADS_A_CORE = 4


def choose_device(name: str) -> torch.device:
    """The device of this name; "auto" is the first GPU, or else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:
        available = _available_devices()
        if name in available:
            raise SettingError(f"device = {name!r}: fails: {str(error).splitlines()[0]}; give another device") from None
        raise SettingError(f"device = {name!r}: is not available here; available: {', '.join(available)}") from None
    return device


def _available_devices() -> list[str]:
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["auto", "cpu", *(["cuda", *gpus] if gpus else []), *(["mps"] if torch.backends.mps.is_available() else [])]


def choose_precision(name: str, device: torch.device) -> str:
    """bfloat16 where the hardware multiplies it faster than float32, else float32."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if device.type == "cpu" and cpu_multiplies_bfloat16() else "float32"


def cpu_multiplies_bfloat16() -> bool:
    """Whether the CPU has bfloat16; elsewhere it is emulated, and a step takes many times as long as in float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def available_cores() -> int:
    """Cores that this process may run on."""
    if "sched_getaffinity" in dir(os):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_threads(threads: int | None) -> None:
    """Raise SettingError for so many threads that they only wait for each other. A few too many are for who compares runs."""
    cores = available_cores()
    if threads is not None and threads > MOST_THREADS_A_CORE * cores:
        raise SettingError(
            f"threads = {threads}: this machine has {cores} {'core' if cores == 1 else 'cores'}; "
            f"give at most {MOST_THREADS_A_CORE * cores}, or leave it out, and the fastest number is measured"
        )


Probe = Callable[[nn.Module, torch.Tensor, bool], None]  # of a network on images B C H W, perhaps in bfloat16


def choose_threads(model: nn.Module, example: torch.Tensor, bfloat16: bool, probe: Probe | None = None) -> int:
    """The thread count at which a training step, or another probe, of this model on this batch is fastest just now.

    Threads that wait for a busy core can be slower than one thread alone, so 1, 2, 4 ... up to the cores are tried,
    in turn, on a copy of the model; more threads must win by 5 %.
    """
    cores = available_cores()
    counts = sorted({1, cores} | {2**k for k in range(1, 8) if 2**k < cores})
    if len(counts) == 1:
        return 1
    images = example[: max(2, MOST_PIXELS // example[0, 0].numel())]  # B C H W
    with torch.random.fork_rng(devices=[]):
        copied, step = copy.deepcopy(model).train(), probe or training_step
        seconds = _interleaved(lambda: step(copied, images, bfloat16), counts)
    best = counts[0]
    for count in counts[1:]:
        if seconds[count] < 0.95 * seconds[best]:
            best = count
    return best


def training_step(model: nn.Module, images: torch.Tensor, bfloat16: bool) -> None:
    """A forward and a backward pass for the clock: B C H W with some loss. Returns once the device is done."""
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
        outputs = model(images)
    loss = outputs.float().square().mean()
    loss.backward()
    model.zero_grad()
    loss.item()


@torch.inference_mode()
def forward_pass(model: nn.Module, images: torch.Tensor, bfloat16: bool) -> None:
    """The same without a backward pass, in eval mode."""
    model.eval()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
        model(images)


@contextmanager
def threads_restored() -> Iterator[None]:
    """What follows in this process has torch's number of threads from before."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _interleaved(step: Callable[[], None], counts: list[int]) -> dict[int, float]:
    """Median seconds of a step at each thread count, the counts taking turns so that a drifting machine is fair to all.

    Short steps are repeated more often: a moment's disturbance at the start must not choose for the whole run.
    """
    seconds: dict[int, list[float]] = {count: [] for count in counts}
    step()  # the first step builds its kernels
    probe_started = time.perf_counter()
    with threads_restored():
        for turn in range(MOST_TURNS):
            elapsed = time.perf_counter() - probe_started
            if elapsed > (PROBE_SECONDS if turn >= FEWEST_TURNS else LONG_PROBE_SECONDS):
                break
            for count in counts:
                torch.set_num_threads(count)
                started = time.perf_counter()
                step()
                seconds[count].append(time.perf_counter() - started)
    return {count: median(values) for count, values in seconds.items()}
