"""The same small work for each of many items, in threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event

__all__ = ["Progress", "in_threads"]

Progress = Callable[[int, int], None]  # called in the caller's thread with items done and items in all

CHUNK = 16  # items a thread takes at a time


def in_threads(work: Callable[[int], None], count: int, threads: int, progress: Progress | None = None) -> None:
    """`work(i)` for each i below `count`, in `threads` threads; an error or Ctrl-C stops what has not started."""
    stopped = Event()

    def work_chunk(first: int) -> int:
        if stopped.is_set():
            return 0
        last = min(first + CHUNK, count)
        for i in range(first, last):
            work(i)
        return last - first

    done = 0
    with ThreadPoolExecutor(threads, "striate-read") as pool:
        futures = [pool.submit(work_chunk, first) for first in range(0, count, CHUNK)]
        try:
            for future in as_completed(futures):
                done += future.result()
                if progress is not None:
                    progress(done, count)
        except BaseException:
            stopped.set()
            raise
