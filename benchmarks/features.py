"""Features of a frozen network on the CPU: batches as PyTorch computes them, against `frozen_embeddings`.

    python -m benchmarks.features
    python -m benchmarks.features resnet50 --size 224 --images 64

Both compute the same embeddings from batches that are ready. They take turns in one process, with all cores (wall time) and with
one thread (its CPU time, which a busy neighbor disturbs less); a ratio is taken within a round.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from benchmarks.processes import Spread, machine, markdown, print_machine
from torch import Tensor

from striate.data import Batches, ClassTargets, LabeledImages, TensorImages
from striate.models import Network, create_model
from striate.training import available_cores, frozen_embeddings
from striate.views import Normalization

TARGET = 2.0


def noise(images: int, size: int, channels: int, batch_size: int) -> Batches:
    """What is in the images makes no difference to the time."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (images, size, size, channels), dtype=torch.uint8, generator=generator)
    samples = LabeledImages(
        TensorImages(pixels), ClassTargets(np.zeros(images, np.int64)), tuple(map(str, range(images))), ("a",)
    )
    normalization = Normalization((0.5,) * channels, (0.5,) * channels)
    return Batches(
        samples,
        batch_size=batch_size,
        size=(size, size),
        normalization=normalization,
        policy=None,
        seed=0,
        device="cpu",
    )


@torch.inference_mode()
def eager(network: Network, batches: Batches) -> Tensor:
    """The network as it is, one batch after the other."""
    return torch.cat([network.embed(batch.inputs) for batch in batches.epoch(0)])


def measured(compute: Callable[[], Tensor], clock: Callable[[], float]) -> tuple[float, Tensor]:
    started = clock()
    result = compute()
    return clock() - started, result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("network", nargs="?", default="efficientnet_lite0")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print_machine(machine())

    torch.manual_seed(0)
    network = create_model(arguments.network, classes=8, channels=arguments.channels, size=arguments.size).eval()
    batches = noise(arguments.images, arguments.size, arguments.channels, arguments.batch_size)
    rows = []
    ways = (("all cores, wall", available_cores(), time.perf_counter), ("one thread, CPU", 1, time.process_time))
    for name, threads, clock in ways:
        torch.set_num_threads(threads)
        rates: tuple[list[float], list[float]] = ([], [])
        for turn in range(arguments.rounds + 1):  # the first warms up
            plain, expected = measured(lambda: eager(network, batches), clock)
            ours, found = measured(lambda: frozen_embeddings(network, batches), clock)
            if turn:
                rates[0].append(arguments.images / plain)
                rates[1].append(arguments.images / ours)
        error = float((found - expected).norm() / expected.norm())
        ratios = Spread.of([b / a for a, b in zip(*rates, strict=True)])
        verdict = "met" if ratios.low >= TARGET else "not met"
        rows.append(
            [name, Spread.of(rates[0]).text(1), Spread.of(rates[1]).text(1), ratios.text(2), f"{error:.1e}", verdict]
        )
    print(
        f"\n{arguments.network}, {arguments.images} images of {arguments.size} pixels, batches of {arguments.batch_size}\n"
    )
    header = [
        "",
        "PyTorch, images/s",
        "frozen_embeddings, images/s",
        "times faster",
        "difference",
        f"target {TARGET:g}",
    ]
    print(markdown(header, rows))


if __name__ == "__main__":
    main()
