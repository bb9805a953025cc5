"""Networks of the zoo against their twins in torchvision and timm: building, a forward pass, a step of training.

    python -m benchmarks.zoo [NAME ...]

Needs an environment with torchvision and timm. Both networks have the same weights and take turns in one process, in an
order that changes from round to round; each round gives one ratio, and the median of these is what is quoted, with the
quartiles. The control is the twin against itself, built a second time. The last column is striate's step in channels-last
and bfloat16 against the twin's in float32.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import cycle, islice, permutations

import torch
import torch.nn.functional as F
from benchmarks.processes import Spread, machine, markdown, print_machine
from tests.oracles.twins import TWINS
from torch import Tensor, nn

from striate.models import Network, create_model
from striate.models.weights import converted
from striate.training.machine import cpu_multiplies_bfloat16

NAMES = (
    "alexnet", "vgg11_bn", "googlenet", "inception_v3", "resnet18", "resnet50", "resnext50_32x4d", "densenet121",
    "squeezenet1_1", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v2_x1_0", "mnasnet1_0",
    "ghostnet_100", "efficientnet_b0", "efficientnet_lite0", "xception", "se_resnet50", "eca_resnet50", "cbam_resnet50",
    "preact_resnet50", "regnet_y_400mf", "repvgg_a0", "convnext_tiny", "vit_b_16", "swin_t",
)  # fmt: skip
SIZES = {"vit_b_16": 224, "inception_v3": 299}  # which their twins need
BUILD_TARGET, STEP_TARGET = 1.2, 1.03


def pair(name: str) -> dict[str, nn.Module]:
    """Ours, the twin, and the twin again, all with the weights of the twin."""
    reference, control = TWINS[name](), TWINS[name]()
    control.load_state_dict(reference.state_dict())
    network = create_model(name, classes=1000)
    network.load_state_dict(converted(network, reference.state_dict()))
    return {"striate": network, "twin": reference, "control": control}


def step(model: nn.Module, images: Tensor, labels: Tensor, context: AbstractContextManager[object]) -> None:
    """One step of plain SGD on the sum of the losses of all heads."""
    with context:
        logits = model.training_logits(images) if isinstance(model, Network) else model(images)
    heads = (logits,) if isinstance(logits, Tensor) else logits
    torch.stack([F.cross_entropy(one.float(), labels) for one in heads]).sum().backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=1e-6)
                parameter.grad = None


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    work()
    return clock() - started


def ratios(works: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float]) -> dict[str, Spread]:
    """Times of each relative to the twin's in the same round; a first round warms up."""
    for work in works.values():
        work()
    measured = []
    for order in islice(cycle(permutations(works)), rounds):
        took = {name: seconds(works[name], clock) for name in order}
        measured.append({name: value / took["twin"] for name, value in took.items()})
    return {name: Spread.of([one[name] for one in measured]) for name in works}


def compare(name: str, batch: int, size: int, rounds: int, clock: Callable[[], float]) -> list[str]:
    """A row of the table."""
    side = SIZES.get(name, size)
    images, labels = torch.randn(batch, 3, side, side), torch.randint(0, 1000, (batch,))
    models = pair(name)
    fast = nn.utils.convert_conv2d_weight_memory_format(create_model(name, classes=1000), torch.channels_last)
    laid_out = images.to(memory_format=torch.channels_last)

    def forward(model: nn.Module) -> None:
        with torch.inference_mode():
            model.eval()(images)

    def plain_step(model: nn.Module) -> None:
        step(model.train(), images, labels, nullcontext())

    def fast_step() -> None:
        step(fast.train(), laid_out, labels, torch.autocast("cpu", torch.bfloat16))

    builds: dict[str, Callable[[], object]] = {
        "striate": partial(create_model, name, classes=1000),
        "twin": TWINS[name],
    }
    build = ratios(builds, rounds, clock)["striate"]
    forwards = ratios({key: partial(forward, model) for key, model in models.items()}, rounds, clock)["striate"]
    steps = ratios({key: partial(plain_step, model) for key, model in models.items()}, rounds, clock)
    faster = "left out"
    if cpu_multiplies_bfloat16():
        both: dict[str, Callable[[], object]] = {"striate": fast_step, "twin": partial(plain_step, models["twin"])}
        faster = ratios(both, rounds, clock)["striate"].text(2)
    met = build.median <= BUILD_TARGET and max(forwards.median, steps["striate"].median) <= STEP_TARGET
    return [
        name,
        build.text(2),
        forwards.text(3),
        steps["striate"].text(3),
        steps["control"].text(3),
        faster,
        "yes" if met else "NO",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=128, help="side of the images")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    arguments = parser.parse_args()
    print_machine(machine())
    if not cpu_multiplies_bfloat16():
        print("left out: steps in bfloat16, which this CPU emulates")
    torch.set_num_threads(1 if arguments.clock == "cpu" else 2)
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    header = ["", "build", "forward", "step", "control step", "step, bfloat16 channels-last", "within the targets"]
    rows = []
    for name in arguments.names:
        rows.append(compare(name, arguments.batch, arguments.size, arguments.rounds, clock))
        print("|".join(rows[-1]), flush=True)
    print(markdown(header, rows))


if __name__ == "__main__":
    main()
