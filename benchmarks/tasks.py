"""Dense networks and the evaluation of masks against their twins: segmentation-models-pytorch, torchvision, torchmetrics.

    PYTHONPATH=src python -m benchmarks.tasks

Runs in an environment with these three beside striate. Steps take turns in one process, in an order that changes from round to
round; each round gives one ratio of the twin's time to striate's, so above 1 is faster. Training steps are forward, cross-entropy
and backward, in float32, of both networks in the same memory format. The evaluation is of predicted masks that are ready:
mean IoU of each class, over 1,000 masks in batches.
"""

import argparse
import time
from collections.abc import Callable
from itertools import cycle, islice, permutations

import torch
import torch.nn.functional as F
from benchmarks.processes import Spread, machine, markdown, print_machine
from torch import Tensor, nn

from striate.data import Batch
from striate.models import create_model
from striate.tasks.segment.pixel_counts import PixelCounts
from striate.views import Normalization, evaluation_view

CLASSES = 21
MASKS, TOGETHER, SIDE = 1000, 10, 256


def twins(name: str) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """The twin of one of striate's networks, and its logits."""
    if name == "unet_resnet18":
        import segmentation_models_pytorch as smp

        network = smp.Unet("resnet18", encoder_weights=None, classes=CLASSES)
        return network, network
    from torchvision.models import segmentation

    build = {
        "deeplab_v3_resnet50": segmentation.deeplabv3_resnet50,
        "fcn_resnet50": segmentation.fcn_resnet50,
    }[name]
    network = build(weights=None, weights_backbone=None, num_classes=CLASSES)
    return network, lambda images: network(images)["out"]


def step(network: nn.Module, logits: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> float:
    """Seconds of one training step, without the optimizer's."""
    network.zero_grad()
    started = time.perf_counter()
    F.cross_entropy(logits(images), labels).backward()
    return time.perf_counter() - started


def compare_steps(name: str, size: int, batch_size: int, rounds: int) -> list[str]:
    ours = create_model(name, classes=CLASSES, channels=3, size=size).train()
    theirs, their_logits = twins(name)
    images = torch.randn(batch_size, 3, size, size).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (batch_size, size, size))
    for network in (ours, theirs):
        network.train()
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    kinds: dict[str, tuple[nn.Module, Callable[[Tensor], Tensor]]] = {
        "ours": (ours, ours),
        "theirs": (theirs, their_logits),
    }
    for network, logits in kinds.values():
        step(network, logits, images, labels)  # builds the kernels
    orders = islice(cycle(permutations(kinds)), rounds)
    measured = [{kind: step(*kinds[kind], images, labels) for kind in order} for order in orders]
    ratio = Spread.of([one["theirs"] / one["ours"] for one in measured])
    return [
        f"{name}, {size} pixels, batch {batch_size}",
        f"{1e3 * Spread.of([one['ours'] for one in measured]).median:.0f} ms",
        ratio.text(2),
        "met" if ratio.median >= 1 else "NOT met",
    ]


def compare_evaluation(rounds: int) -> list[str]:
    from torchmetrics.segmentation import MeanIoU

    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, CLASSES, (TOGETHER, SIDE // 16, SIDE // 16), generator=generator)
    labels = labels.repeat_interleave(16, 1).repeat_interleave(16, 2)
    logits = torch.randn(TOGETHER, CLASSES, SIDE, SIDE, generator=generator)
    view = evaluation_view(
        TOGETHER, image_size=(SIDE, SIDE), size=(SIDE, SIDE), normalization=Normalization((0.5,), (0.5,))
    )
    batch = Batch(logits, labels, torch.arange(TOGETHER), view)

    def ours() -> float:
        metrics = PixelCounts(CLASSES)
        for _ in range(MASKS // TOGETHER):
            metrics.update(logits, batch)
        return metrics.compute()[0].value

    def theirs() -> float:
        metrics = MeanIoU(num_classes=CLASSES, input_format="index")
        for _ in range(MASKS // TOGETHER):
            metrics.update(logits.argmax(1), labels)
        return float(metrics.compute())

    def seconds(run: Callable[[], float]) -> float:
        started = time.perf_counter()
        run()
        return time.perf_counter() - started

    kinds = {"ours": ours, "theirs": theirs}
    orders = islice(cycle(permutations(kinds)), rounds)
    measured = [{kind: seconds(kinds[kind]) for kind in order} for order in orders]
    ratio = Spread.of([one["theirs"] / one["ours"] for one in measured])
    return [
        f"mean IoU of {MASKS:,} masks of {SIDE} pixels, {CLASSES} classes, from logits",
        f"{1e3 * Spread.of([one['ours'] for one in measured]).median:.0f} ms",
        ratio.text(2),
        "met" if ratio.median >= 3 else "NOT met",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print_machine(machine())
    rows = [
        compare_steps("unet_resnet18", 256, 4, arguments.rounds),
        compare_steps("deeplab_v3_resnet50", 128, 4, arguments.rounds),
        compare_steps("fcn_resnet50", 128, 4, arguments.rounds),
        compare_evaluation(max(3, arguments.rounds // 3)),
    ]
    print(markdown(["what", "striate", "times as fast as its twin", "target"], rows))


if __name__ == "__main__":
    main()
