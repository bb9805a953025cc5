"""Random views: what is drawn belongs to the sample, the seed and the epoch alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.views.draws import EVERYTHING, MANY, RGB, drawn

from striate.settings import annotations
from striate.views import POLICIES, Policy, apply_policy
from striate.views.randomness import Streams
from striate.views.settings import PixelOperation


@pytest.mark.parametrize("name", [*POLICIES, "everything"])
@given(
    ids=st.lists(st.integers(0, 10**6), min_size=1, max_size=40),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 1000),
    data=st.data(),
)
@settings(max_examples=15, deadline=None)
def test_random_views_are_independent_of_the_batch(
    name: str, ids: list[int], seed: int, epoch: int, data: st.DataObject
):
    policy = POLICIES.get(name, EVERYTHING)
    batch = torch.tensor(ids)
    order = torch.tensor(data.draw(st.lists(st.integers(0, len(ids) - 1), min_size=1)))
    together, apart = drawn(policy, batch, seed, epoch), drawn(policy, batch[order], seed, epoch)
    assert torch.equal(together.geometry[order], apart.geometry)
    assert torch.equal(together.color[order], apart.color)


def test_random_views_are_the_same_at_the_end_of_a_long_batch():
    """Vectorized arithmetic may round the last few numbers otherwise than the rest."""
    whole = drawn(EVERYTHING, torch.arange(300))
    for last in range(1, 150):
        few = drawn(EVERYTHING, torch.arange(last))
        assert torch.equal(few.geometry, whole.geometry[:last])
        assert torch.equal(few.color, whole.color[:last])


def test_the_random_views_of_old_runs_stay():
    view = drawn(EVERYTHING, torch.tensor([0, 60_000]), seed=1, epoch=2)
    assert torch.allclose(
        view.geometry[:, :2].flatten(1),
        torch.tensor(
            [[-0.7792, 0.1687, 28.6473, 0.1869, 0.6974, 0.2555], [0.9419, -0.2375, 3.3782, 0.2645, 1.0925, -13.0124]]
        ),
        atol=1e-3,
    )
    assert torch.allclose(
        view.color[:, 0],
        torch.tensor([[3.4665, 0.0205, 0.00398, -2.11452], [4.03231, -0.34454, -0.06691, -2.18327]]),
        atol=1e-4,
    )


def test_no_stream_serves_twice_and_those_of_old_runs_stay():
    pixels = {setting: operation.streams for setting, operation in annotations(Policy, PixelOperation).items()}
    assert (range(10), range(10, 13), range(13, 18)) == (Streams.GEOMETRY, Streams.COLORS, pixels["erase"])
    numbers = [*pixels.values(), *(value for name, value in vars(Streams).items() if name.isupper())]
    taken = [stream for value in numbers for stream in (value if isinstance(value, range) else [value])]
    assert len(set(taken)) == len(taken)


@pytest.mark.parametrize("name", ["digits", "default", "cifar"])
def test_other_seeds_epochs_and_samples_give_other_views(name: str):
    ids = torch.arange(500)
    one = drawn(POLICIES[name], ids, seed=1, epoch=1).geometry
    others = (
        drawn(POLICIES[name], ids, seed=2, epoch=1),
        drawn(POLICIES[name], ids, seed=1, epoch=2),
        drawn(POLICIES[name], ids + 500, seed=1, epoch=1),
    )
    for other in others:
        assert (one == other.geometry).flatten(1).all(1).double().mean() < 0.05
    assert torch.equal(one, drawn(POLICIES[name], ids, seed=1, epoch=1).geometry)


def test_images_do_not_depend_on_threads():
    images = torch.randint(0, 256, (64, 32, 32, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    for policy in (*POLICIES.values(), EVERYTHING):
        result = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            try:
                result.append(
                    apply_policy(policy, images, MANY[:64], seed=1, epoch=2, size=(32, 32), normalization=RGB)[0]
                )
            finally:
                torch.set_num_threads(1)
        assert torch.equal(*result)
