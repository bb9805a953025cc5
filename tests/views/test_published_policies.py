"""Published policies: drawn as promised, alone or in a batch, on any channels, and their geometry is reported."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.errors import SettingError
from striate.views import (
    POLICIES,
    AugMix,
    AutoAugment,
    Normalization,
    Operations,
    RandAugment,
    TrivialAugment,
    View,
    apply_policy,
)
from striate.views.autoaugment import TABLES
from striate.views.published_operations import KINDS, SIGNED, Steps, perform

PUBLISHED = [
    RandAugment(3, 15),
    TrivialAugment(),
    AutoAugment(),
    AutoAugment("cifar10"),
    AutoAugment("svhn"),
    AugMix(5),
]
MANY = torch.arange(30_000)
RANDOM = torch.randint(0, 256, (40, 3, 17, 19), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def done(operations: Operations, ids: Tensor, epoch: int = 1) -> tuple[Tensor, Tensor]:
    return operations.apply(RANDOM[ids], ids, seed=3, epoch=epoch)


@pytest.mark.parametrize("operations", PUBLISHED, ids=lambda one: one.describe().split(":")[0])
@given(ids=st.lists(st.integers(0, 39), min_size=1, max_size=12))
@settings(max_examples=12, deadline=None)
def test_operations_are_independent_of_the_batch(operations: Operations, ids: list[int]):
    everyone, geometries = done(operations, torch.arange(40))
    some, their_geometry = done(operations, torch.tensor(ids))
    assert torch.equal(some, everyone[ids])
    assert torch.equal(their_geometry, geometries[ids])


@pytest.mark.parametrize("operations", PUBLISHED, ids=lambda one: one.describe().split(":")[0])
def test_epochs_differ_and_nothing_else_matters(operations: Operations):
    ids, before, state = torch.arange(40), RANDOM.clone(), torch.get_rng_state()
    first = done(operations, ids)[0]
    torch.set_num_threads(2)
    try:
        again = done(operations, ids)[0]
    finally:
        torch.set_num_threads(1)
    assert torch.equal(first, again)
    assert torch.equal(RANDOM, before), "the images were written to"
    assert torch.equal(torch.get_rng_state(), state)
    assert (first != done(operations, ids, epoch=2)[0]).flatten(1).any(1).double().mean() > 0.5


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("operations", PUBLISHED, ids=lambda one: one.describe().split(":")[0])
def test_any_number_of_channels(operations: Operations, channels: int):
    images = torch.randint(0, 256, (30, channels, 9, 8), dtype=torch.uint8)
    result, geometry = operations.apply(images, torch.arange(30), seed=0, epoch=0)
    assert result.shape == images.shape
    assert result.dtype == torch.uint8
    assert geometry.shape == (30, 3, 3)


def shares(kinds: Tensor) -> Tensor:
    return torch.bincount(kinds.flatten(), minlength=len(KINDS)).double() / kinds.numel()


@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        (RandAugment(2, 9).steps(MANY, 0, 0, (32, 32)), 14),
        (TrivialAugment().steps(MANY, 0, 0), 14),
    ],
)
def test_kinds_are_as_likely_and_signs_are_even(steps: Steps, kinds: int):
    share = shares(steps.kinds)
    offered = [number for number, kind in enumerate(KINDS) if kind != "Invert"]
    assert share[KINDS.index("Invert")] == 0
    assert (share[offered] - 1 / kinds).abs().max() < 4.5 * (1 / kinds / steps.kinds.numel()) ** 0.5
    for kind in SIGNED:
        magnitudes = steps.magnitudes[steps.kinds == KINDS.index(kind)]
        magnitudes = magnitudes[magnitudes != 0]
        assert abs((magnitudes < 0).double().mean() - 0.5) < 4.5 * 0.5 / len(magnitudes) ** 0.5, kind


def test_trivialaugment_draws_each_of_31_magnitudes():
    steps = TrivialAugment().steps(MANY, 0, 0)
    angles = steps.magnitudes[steps.kinds == KINDS.index("Rotate")].abs()
    counts = angles.round(decimals=3).unique(return_counts=True)[1].double()
    assert len(counts) == 31
    assert (counts / len(angles) - 1 / 31).abs().max() < 4.5 * (1 / 31 / len(angles)) ** 0.5


@pytest.mark.parametrize("name", TABLES)
def test_autoaugment_applies_each_pair_at_its_rate(name):
    steps = AutoAugment(name).steps(MANY, 0, 0, (32, 32))
    expected = torch.zeros(2, len(KINDS), dtype=torch.float64)
    rows = TABLES[name].strip().splitlines()
    for row in rows:
        for step, words in enumerate(row.split(",")):
            kind, chance, _ = words.split()
            expected[step, KINDS.index(kind)] += float(chance) / len(rows)
    expected[:, KINDS.index("Identity")] = 1 - expected.sum(1)
    assert len(rows) == 25
    for step in range(2):
        assert (shares(steps.kinds[step]) - expected[step]).abs().max() < 4.5 * 0.5 / len(MANY) ** 0.5


def test_the_weights_of_augmix_follow_their_distribution():
    """Beta(1, 1) is uniform; a share of Dirichlet(1, 1, 1) has mean 1/3 and variance 1/18."""
    weights = AugMix().weights(MANY, 0, 0).double()
    assert torch.allclose(weights.sum(0), torch.ones(len(MANY)).double(), atol=1e-6)
    image, chains = weights[0], weights[1:] / (1 - weights[0])
    assert abs(image.mean() - 1 / 2) < 4.5 * (1 / 12 / len(MANY)) ** 0.5
    assert abs(image.var() - 1 / 12) < 0.003
    for chain in chains:
        assert abs(chain.mean() - 1 / 3) < 4.5 * (1 / 18 / len(MANY)) ** 0.5
        assert abs(chain.var() - 1 / 18) < 0.003
    kinds = AugMix().steps(MANY, 0, 0, (32, 32)).kinds.view(3, 3, -1)
    lengths = (kinds != KINDS.index("Identity")).sum(1)
    assert (torch.bincount(lengths.flatten()) / lengths.numel() - torch.tensor([0, 1, 1, 1]) / 3).abs().max() < 0.01


@pytest.mark.parametrize("kind", ["ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_geometry_follows_the_image(kind: str, sign: int):
    """The pixels that land in the frame are those that the geometry maps there."""
    magnitude = {"Rotate": 25.0, "TranslateX": 7.0, "TranslateY": 5.0}.get(kind, 0.3)
    images = torch.zeros(1, 1, 41, 47, dtype=torch.uint8)
    images[0, 0, 18:23, 21:26] = 255
    steps = Steps(torch.tensor([[KINDS.index(kind)]]), torch.tensor([[sign * magnitude]], dtype=torch.float64))
    result, geometry = perform(images, steps)
    rows, columns = result[0, 0].nonzero().double().unbind(1)
    found = torch.stack([columns.mean() + 0.5, rows.mean() + 0.5]).float()
    expected = View(geometry, torch.eye(2)[None], (41, 47)).points(torch.tensor([[[23.5, 20.5]]]))[0, 0]
    assert (found - expected).abs().max() < 0.3
    assert geometry[0].sub(torch.eye(3)).abs().max() > 0.2


def test_the_view_of_a_policy_includes_its_operations():
    """A bright patch on black is found where the view puts it, for every kind that leaves it bright."""
    images = torch.zeros(200, 1, 48, 48, dtype=torch.uint8)
    images[:, :, 22:27, 26:31] = 255
    policy = POLICIES["trivialaugment"]
    result, view = apply_policy(
        policy, images, MANY[:200], seed=0, epoch=0, size=(48, 48), normalization=Normalization((0.0,), (1.0,))
    )
    expected = view.points(torch.tensor([[[28.5, 24.5]]]).expand(200, -1, -1))[:, 0]
    checked = 0
    for image, (x, y) in zip(result[:, 0], expected.tolist(), strict=True):
        if not (4 < x < 44 and 4 < y < 44) or image.mean() > 0.1 or image[int(y), int(x)] < 0.2:
            continue  # moved out of the image, or solarized, or dark
        rows, columns = (image > 0.2).nonzero().double().unbind(1)
        assert abs(columns.mean() + 0.5 - x) < 1
        assert abs(rows.mean() + 0.5 - y) < 1
        checked += 1
    assert checked > 100


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandAugment(count=0),
        lambda: RandAugment(count=17),
        lambda: RandAugment(magnitude=31),
        lambda: AugMix(severity=0),
        lambda: AugMix(severity=11),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(SettingError, match=r"randaugment|augmix"):
        make()
