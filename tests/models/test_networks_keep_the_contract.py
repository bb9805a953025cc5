"""One network for each way through the code keeps the contract, and its siblings train.

That forward is the head on the last stage, that nothing works in place, that the initialization follows from the seed and that
torch.export finds its way are questions to the code, which siblings share; test_zoo.py asks all for their shapes.
"""

import pytest
import torch
from tests.models.networks import REPRESENTATIVE, SIBLINGS, other_ways_marked

from striate.models import NETWORKS, check_model, contract, create_model

# To save time not the largest, whose steps take seconds.
TRAINABLE = [name for name in SIBLINGS if NETWORKS[name].parameters <= 60e6]


def small(name: str) -> int:
    return min(NETWORKS[name].size, 64)


@pytest.mark.parametrize("name", other_ways_marked(REPRESENTATIVE))
def test_one_network_for_each_way_through_the_code_keeps_the_contract(name):
    size = small(name)
    check_model(lambda: create_model(name, classes=5, channels=2, size=size), channels=2, size=size)


@pytest.mark.large
@pytest.mark.parametrize("name", TRAINABLE)
def test_siblings_learn_under_bfloat16_with_finite_gradients(name):
    """What overflows or vanishes in a deep network need not do so in a shallow one; bfloat16 has the range of float32."""
    size = small(name)
    torch.manual_seed(0)
    network = create_model(name, classes=5, channels=2, size=size).train()
    with torch.autocast("cpu", torch.bfloat16):
        contract._every_parameter_learns(network, torch.rand(2, 2, size, size))
