"""The depth of a layer is where the network computes it, over all kinds of networks; rates fall toward the input."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.models.networks import REPRESENTATIVE, on_meta, other_ways_marked
from torch import Tensor, nn

from striate.models import Network, create_model
from striate.training.layer_groups import layer_depths, learning_rate_scales, module_depths


def outputs(network: Network) -> Iterator[Any]:
    """The stem's output, every stage's, and the logits."""
    size = max(network.min_size, 64)
    x = network.stem(torch.randn(2, 3, size, size, device="meta"))
    yield x
    stages = []
    for stage in network.stages():
        yield (x := stage(x))
        stages.append(x)
    yield network.from_stages(stages, (size, size))


def used(output: Any) -> set[Tensor]:
    """The parameters on which an output depends."""
    found, seen = set(), set()
    ahead = [one.grad_fn for one in ([output] if isinstance(output, Tensor) else output)]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(leaf := getattr(node, "variable", None), Tensor):
            found.add(leaf)
        ahead += [one for one, _ in node.next_functions]
    return found


@pytest.mark.parametrize("name", other_ways_marked(REPRESENTATIVE))
def test_a_layer_is_as_deep_as_the_first_output_that_depends_on_it(name):
    network = on_meta(name, channels=3, size=64)
    called: list[nn.Module] = []
    for module in network.modules():
        module.register_forward_hook(lambda module, *_: called.append(module))
    of_modules, of_parameters, last = module_depths(network), layer_depths(network), len(network.stages()) + 1
    first: dict[Tensor, int] = {}
    for depth, output in enumerate(outputs(network)):
        for parameter in used(output):
            first.setdefault(parameter, depth)
        assert {of_modules[module] for module in called} <= {depth}
        called.clear()
    assert [*of_parameters] == [key for key, _ in network.named_parameters()]
    for key, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert of_parameters[key] == first.get(parameter, last), (
                key
            )  # auxiliary heads are not on the way to the logits


def test_cosines_that_are_never_trained_are_in_the_stem():
    assert layer_depths(create_model("cosine_cnn_small", classes=2, channels=1))["filters.0.weight"] == 0


def test_rates_fall_by_the_decay_for_each_stage_toward_the_input():
    scales = learning_rate_scales(on_meta("resnet18"), 0.5)
    assert {key.partition(".")[0]: scale for key, scale in scales.items()} == {
        "conv1": 0.5**5,
        "bn1": 0.5**5,
        **{f"layer{stage}": 0.5 ** (5 - stage) for stage in (1, 2, 3, 4)},
        "fc": 1.0,
    }
    assert {*learning_rate_scales(on_meta("vit_ti_16"), 1.0).values()} == {1.0}
