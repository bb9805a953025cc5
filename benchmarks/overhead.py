"""What striate's loop costs over a bare PyTorch loop on the digit CNN: same network, optimizer and ready batches.

    python -m benchmarks.overhead

Blocks of steps take turns in one process, in an order that changes from round to round; each round gives one ratio. The
bare loop runs a second time as a control: its ratio to the first shows how far the figures can be trusted. The cost is
what striate does and the bare loop leaves out: the learning rates, the counts of loss and accuracy, the check for
a finite loss, the record of each step.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle, islice, permutations
from unittest.mock import patch

import torch
import torch.nn.functional as F
from benchmarks.processes import Spread, machine, markdown, print_machine

from striate.data import Batch, Batches, ClassTargets, LabeledImages, TensorImages
from striate.models import create_model
from striate.tasks import Classify
from striate.training import Recipe, TrainingState, choose_threads, train
from striate.training.machine import cpu_multiplies_bfloat16
from striate.views import Normalization

TARGET = 1.03
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
DIGITS = tuple("0123456789")
STEPS_AN_EPOCH = 200


def batches_of(size: int) -> Batches:
    """Images of noise: what is in them makes no difference to the time."""
    generator = torch.Generator().manual_seed(0)
    count = size * STEPS_AN_EPOCH
    images = LabeledImages(
        TensorImages(torch.randint(0, 256, (count, 28, 28, 1), dtype=torch.uint8, generator=generator)),
        targets=ClassTargets(torch.randint(0, 10, (count,), generator=generator).numpy()),
        ids=tuple(map(str, range(count))),
        classes=DIGITS,
    )
    normalization = Normalization((0.5,), (0.5,))
    return Batches(
        images, batch_size=size, size=(28, 28), normalization=normalization, policy=None, seed=0, device="cpu"
    )


def bare_steps(state: TrainingState, ready: Sequence[Batch], precision: str) -> Iterator[None]:
    """The plain loop as a generator, so that it can be stopped between two blocks; a yield costs a tenth of a microsecond."""
    model, optimizer = state.model.train(), state.optimizer
    autocast: AbstractContextManager[object] = nullcontext()
    if precision == "bfloat16":
        autocast = torch.autocast("cpu", torch.bfloat16)
    for batch in cycle(ready):
        with autocast:
            outputs = model(batch.inputs)
        loss = F.cross_entropy(outputs.float(), batch.targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        yield


def seconds_a_step(clock: Callable[[], float], steps: int, loop: Iterator[object]) -> float:
    started = clock()
    done = sum(1 for _ in islice(loop, steps))
    assert done == steps
    return (clock() - started) / steps


def compare(
    batch_size: int, precision: str, rounds: int, steps: int, threads: int | None, clock: Callable[[], float]
) -> list[str]:
    recipe = Recipe.of(
        model="digit_cnn",
        size=28,
        channels=1,
        epochs=(rounds + 1) * steps // STEPS_AN_EPOCH + 1,
        batch_size=batch_size,
        optimizer="adam",
        precision=precision,
        device="cpu",
    )
    task = Classify(DIGITS)
    batches = batches_of(batch_size)
    ready = list(batches.epoch(0))

    def fresh_state() -> TrainingState:
        torch.manual_seed(0)
        return TrainingState(create_model("digit_cnn", classes=10, channels=1), task, recipe)

    def ready_epoch(_: int, start: int = 0) -> Iterator[Batch]:  # the same in every epoch
        return iter(ready[start:])

    threads = threads or choose_threads(fresh_state().model, ready[0].inputs, precision == "bfloat16")
    torch.set_num_threads(threads)
    with patch.object(batches, "epoch", ready_epoch):
        loops: dict[str, Iterator[object]] = {
            "bare": bare_steps(fresh_state(), ready, precision),
            "striate": train(fresh_state(), task, batches, None, recipe),
            "control": bare_steps(fresh_state(), ready, precision),
        }
        for loop in loops.values():
            seconds_a_step(clock, steps, loop)  # builds the kernels
        orders = islice(cycle(permutations(loops)), rounds)
        measured = [{name: seconds_a_step(clock, steps, loops[name]) for name in order} for order in orders]
    ratio = Spread.of([one["striate"] / one["bare"] for one in measured])
    return [
        f"{precision}, batch {batch_size}, threads {threads}",
        f"{1e3 * Spread.of([one['bare'] for one in measured]).median:.3f}",
        f"{1e6 * Spread.of([one['striate'] - one['bare'] for one in measured]).median:+.0f}",
        ratio.text(4),
        Spread.of([one["control"] / one["bare"] for one in measured]).text(4),
        "met" if ratio.median < TARGET else "NOT met",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--steps", type=int, default=25, help="steps in a block")
    parser.add_argument("--threads", type=int, help="default: as many as striate would choose")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu, with --threads 1, for a machine that is not idle"
    )
    arguments = parser.parse_args()
    print_machine(machine())
    cases = [(64, "float32"), (256, "float32")]
    if cpu_multiplies_bfloat16():
        cases[1] = (256, "bfloat16")
    else:
        print("left out: bfloat16, which this CPU emulates; float32 in its place")
    header = [
        "",
        "bare, ms a step",
        "striate more, us",
        "striate / bare (quartiles)",
        "control / bare",
        f"below {TARGET}",
    ]
    rounds, steps, clock = arguments.rounds, arguments.steps, CLOCKS[arguments.clock]
    rows = [compare(size, precision, rounds, steps, arguments.threads, clock) for size, precision in cases]
    print(markdown(header, rows))


if __name__ == "__main__":
    main()
