"""Whole processes under the clock: wall time, CPU time of all threads, memory, and how busy others were."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import final

# What the shell of a benchmark may have set. A measured process gets the defaults of its libraries.
TUNING = ("OMP_", "GOMP_", "KMP_", "MKL_", "DNNL_", "ONEDNN_", "OPENBLAS_", "TF_", "TORCH_", "PYTHON")

# of which networks may be faster or slower by a factor
FEATURES = frozenset({"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8"})


@final
@dataclass(frozen=True)
class Cost:
    """What a process cost. `others` is how many cores were busy with anything else meanwhile: 0 on an idle machine."""

    wall: float  # seconds
    cpu: float  # seconds, user and system, over all threads and children
    peak_mib: float
    others: float | None  # cores; None where there is no /proc/stat
    load_before: float  # load average of the last minute
    answer: float | None = None  # seconds until the first line that was waited for


def run(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    limit: float = 3600,
    answer: tuple[str, ...] = (),
) -> tuple[Cost, str]:
    """Run a command to its end: its cost, and what it printed.

    answer: how a line may begin whose time is wanted, the first such. After `limit` seconds the process is killed, which is
    a TimeoutError; an exit code other than 0 is a RuntimeError.
    """
    found = shutil.which(command[0])
    if found is None:
        raise SystemExit(f"{command[0]}: no such program")
    program = str(Path(found).absolute())  # absolute, because the process starts in another folder
    clean = {name: value for name, value in os.environ.items() if not name.startswith(TUNING)}
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryFile("w+") as errors:
        busy_before = busy_seconds()
        started = time.perf_counter()
        process = subprocess.Popen(
            [program, *map(str, command[1:])],
            cwd=folder,
            env={**clean, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        output = Output(process, started, answer)
        alarm = threading.Timer(limit, process.kill)
        alarm.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            alarm.cancel()
        wall = time.perf_counter() - started
        busy_after = busy_seconds()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode and wall >= limit:
            raise TimeoutError(f"{shown(command)}: not over after {limit:g} s")
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{shown(command)}: exit code {process.returncode}\n{errors.read()[-2000:]}")
        cpu = usage.ru_utime + usage.ru_stime
        others = None if busy_before is None or busy_after is None else max(0.0, busy_after - busy_before - cpu) / wall
        printed = output.text()
        return Cost(wall, cpu, usage.ru_maxrss / 1024, others, load_before, output.answered), printed


@final
class Output:
    """What a process prints, and when it first printed a line that begins with one of `answer`."""

    def __init__(self, process: subprocess.Popen[str], started: float, answer: tuple[str, ...]) -> None:
        self.answered: float | None = None  # seconds
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, args=(process, started, answer), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str], started: float, answer: tuple[str, ...]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if self.answered is None and line.startswith(answer):
                    self.answered = time.perf_counter() - started
                self._lines.append(line)

    def text(self) -> str:
        """All that was printed, once the process is over."""
        self._reader.join(timeout=10)  # a child that was left behind may keep the output open
        return "".join(self._lines)


def busy_seconds() -> float | None:
    """CPU seconds that all cores have worked since the machine started, with those that other virtual machines took."""
    try:
        user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    except OSError:
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def shown(command: Sequence[str | Path]) -> str:
    """The command without the folders that only this machine has."""
    return " ".join(Path(word).name if Path(word).is_absolute() else str(word) for word in command)


@final
@dataclass(frozen=True)
class Spread:
    """The median of some values and how far they lie apart."""

    median: float
    low: float  # first quartile
    high: float  # third quartile
    min: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
        return cls(median(values), low, high, min(values))

    def text(self, digits: int) -> str:
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "cpu": cpu_name(),
        "features": ", ".join(sorted(cpu_features())) or "none that matter here",
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def cpu_features() -> frozenset[str]:
    """Which instructions for networks the CPU has; empty where there is no /proc/cpuinfo."""
    try:
        flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        return frozenset()
    return FEATURES & set(flags[1].split() if flags else ())


def print_machine(facts: Mapping[str, object]) -> None:
    print("; ".join(f"{name} {value}" for name, value in facts.items()), flush=True)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned for reading in a terminal."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in padded)
