"""Random numbers: known answers of SplitMix64, a second implementation in Python integers, and statistics."""

from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.views.randomness import GOLDEN, WORD, _scramble, _signed, permutation, uniform, uniforms

COUNT = 1 << 16
integers = st.integers(-(2**63), 2**63 - 1)


def splitmix(state: int) -> int:
    """The published generator: one step from `state`, in Python's unbounded integers."""
    word = (state + GOLDEN) % 2**64
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


def chi_square(cells: Tensor) -> float:
    """Pearson's statistic over equally likely cells, in standard deviations from its mean."""
    expected = cells.sum() / cells.numel()
    freedom = cells.numel() - 1
    return (((cells - expected).square() / expected).sum().item() - freedom) / (2 * freedom) ** 0.5


def test_known_answers_of_splitmix64():
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]  # from seed 0
    counters = torch.arange(1, 5) * _signed(GOLDEN)
    assert [word & WORD for word in _scramble(counters).tolist()] == published


@given(seed=integers, epoch=integers, ids=st.lists(integers, min_size=1, max_size=9), stream=st.integers(-9, 99))
@settings(max_examples=100, deadline=None)
def test_equals_python_integers(seed: int, epoch: int, ids: list[int], stream: int):
    key = 0
    for word in (seed, epoch, stream):
        key = splitmix((key ^ word) * GOLDEN)
    expected = [splitmix(key + (number - 1) * GOLDEN) >> 40 for number in ids]
    assert (uniform(seed, epoch, torch.tensor(ids), stream) * 2**24).tolist() == expected


def test_the_numbers_of_old_runs_stay():
    assert (uniform(1, 2, torch.tensor([0, 1, 60_000]), 3) * 2**24).tolist() == [11519690, 16339300, 14098667]
    assert permutation(1, 2, 8).tolist() == [7, 4, 6, 5, 3, 2, 1, 0]


def test_uniform_in_range_mean_variance_and_cells():
    for seed in range(3):
        draws = uniforms(seed, 7, torch.arange(COUNT), range(4))
        assert draws.shape == (4, COUNT)
        assert draws.dtype == torch.float32
        assert draws.min() >= 0
        assert draws.max() < 1
        for row in draws.double():
            assert abs(row.mean() - 1 / 2) < 4 * (1 / 12 / COUNT) ** 0.5
            assert abs(row.var() - 1 / 12) < 4 * (1 / 180 / COUNT) ** 0.5
            assert abs(chi_square(torch.histc(row, 256, 0, 1))) < 4.5


def test_every_bit_is_a_fair_coin():
    bits = (uniform(0, 0, torch.arange(COUNT), 0) * 2**24).long()
    for bit in range(24):
        assert abs(((bits >> bit) & 1).double().mean() - 0.5) < 4 * 0.5 / COUNT**0.5


def test_neighbors_are_independent():
    """Seeds, epochs, streams and samples that differ by one: no correlation, and pairs fill the square evenly."""
    ids = torch.arange(COUNT)
    rows = {
        "as it is": uniform(5, 5, ids, 5),
        "next seed": uniform(6, 5, ids, 5),
        "next epoch": uniform(5, 6, ids, 5),
        "next stream": uniform(5, 5, ids, 6),
        "next sample": uniform(5, 5, ids + 1, 5),
        "seed and epoch exchanged": uniform(5, 4, ids, 5),
        "epoch and seed exchanged": uniform(4, 5, ids, 5),
    }
    for (first, x), (second, y) in combinations(rows.items(), 2):
        correlation = torch.corrcoef(torch.stack([x, y]).double())[0, 1].item()
        assert abs(correlation) < 4.5 / COUNT**0.5, (first, second)
        cells = torch.bincount((x * 16).long() * 16 + (y * 16).long(), minlength=256).double()
        assert abs(chi_square(cells)) < 4.5, (first, second)


@given(seed=integers, ids=st.lists(st.integers(0, 10**6), min_size=1, max_size=70), data=st.data())
@settings(max_examples=30, deadline=None)
def test_draws_are_independent_of_the_batch(seed: int, ids: list[int], data: st.DataObject):
    batch = torch.tensor(ids)
    order = torch.tensor(data.draw(st.permutations(range(len(ids)))))
    together = uniforms(seed, 1, batch, range(5))
    assert torch.equal(uniforms(seed, 1, batch[order], range(5)), together[:, order])
    assert torch.equal(uniform(seed, 1, batch[:1], 3), together[3, :1])


def test_generators_and_threads_do_not_matter():
    state = torch.get_rng_state()
    ids = torch.arange(200_000)
    one = uniforms(1, 1, ids, range(2)), permutation(1, 1, 200_000)
    torch.set_num_threads(2)
    try:
        two = uniforms(1, 1, ids, range(2)), permutation(1, 1, 200_000)
    finally:
        torch.set_num_threads(1)
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_permutation_is_one(count: int):
    assert torch.equal(permutation(3, 4, count).sort().values, torch.arange(count))


def test_permutations_differ_and_every_position_is_as_likely():
    assert not torch.equal(permutation(0, 0, 50), permutation(0, 1, 50))
    assert not torch.equal(permutation(0, 0, 50), permutation(1, 0, 50))
    cells = torch.zeros(8, 8)
    for epoch in range(2000):
        cells[torch.arange(8), permutation(0, epoch, 8)] += 1
    assert abs(chi_square(cells)) < 4.5
