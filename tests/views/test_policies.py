"""Policies: what is drawn stays within its settings, is spread as promised, and belongs to the sample alone."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.errors import SettingError
from striate.settings import annotations, declared_settings
from striate.views import POLICIES, Normalization, Policy, View, apply_policy, evaluation_view, image_means, random_view
from striate.views.cropping import is_exact
from striate.views.random_geometry import random_boxes
from striate.views.randomness import Streams
from striate.views.settings import Geometry, PixelOperation, Step

RGB = Normalization((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
EVERYTHING = Policy(
    rotate=20,
    shift=0.1,
    zoom=0.2,
    shear=10,
    flip=True,
    crop=0.3,
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
    erase=0.5,
)
MANY = torch.arange(20_000)


def drawn(
    policy: Policy, ids: Tensor = MANY, seed: int = 0, epoch: int = 0, image_size=(40, 40), size=(32, 32)
) -> View:
    means = torch.full((len(ids), 3), 0.5)
    return random_view(
        policy, ids, seed=seed, epoch=epoch, image_size=image_size, size=size, normalization=RGB, means=means
    )


def spread_evenly(values: Tensor, low: float, high: float) -> bool:
    """Within the interval and, by Kolmogorov and Smirnov, uniform on it."""
    values = ((values.double() - low) / (high - low)).sort().values
    ladder = torch.arange(1, len(values) + 1) / len(values)
    return bool(
        values.min() > -1e-4 and values.max() < 1 + 1e-4 and (values - ladder).abs().max() < 2.2 / len(values) ** 0.5
    )


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


def test_rotation_and_zoom_are_about_the_center():
    geometry = drawn(Policy(rotate=30, zoom=0.25)).geometry
    degrees = torch.atan2(geometry[:, 1, 0], geometry[:, 0, 0]).rad2deg()
    zoom = torch.linalg.det(geometry[:, :2, :2].double()).sqrt()
    assert spread_evenly(degrees, -30, 30)
    assert spread_evenly(zoom.log(), math.log(0.75), math.log(1.25))
    assert torch.allclose(geometry[:, 0, 0], geometry[:, 1, 1], atol=1e-5)
    center = geometry[:, :2, :2].sum(2) * 20 + geometry[:, :2, 2]
    assert torch.allclose(center, torch.tensor(16.0), atol=1e-4)


def test_shear_keeps_rows_level():
    geometry = drawn(Policy(shear=20)).geometry
    assert torch.equal(geometry[:, 1, :2], torch.tensor([0.0, 1.0]).expand(len(MANY), -1))
    slant = geometry[:, 0, 1].atan().rad2deg()
    assert spread_evenly(slant, -20, 20)


def test_shifts_alone_are_whole_pixels_each_as_likely():
    view = drawn(Policy(shift=0.125))
    assert is_exact(view.geometry).all()
    for axis in range(2):
        right = view.geometry[:, axis, 2] + 4  # the center crop of 40 to 32 takes off 4
        assert set(right.tolist()) == set(range(-4, 5))
        assert torch.bincount(right.long() + 4).double().div(len(MANY)).sub(1 / 9).abs().max() < 0.012


def test_shifts_with_rotation_are_continuous():
    geometry = drawn(Policy(shift=0.125, rotate=1e-6)).geometry
    assert spread_evenly(geometry[:, 0, 2], -4 - 4, -4 + 4)
    assert not is_exact(geometry).any()


def test_flips_are_half_and_exact():
    geometry = drawn(Policy(flip=True)).geometry
    mirrored = geometry[:, 0, 0] == -1
    assert abs(mirrored.double().mean() - 0.5) < 4 * 0.5 / len(MANY) ** 0.5
    assert is_exact(geometry).all()
    left = torch.tensor([[[4.0, 4.0]]]).expand(len(MANY), -1, -1)
    result = View(geometry, torch.eye(4)[None], (32, 32)).points(left)[:, 0]
    assert torch.equal(result, torch.where(mirrored[:, None], torch.tensor([32.0, 0]), torch.tensor([0.0, 0])))


def test_vertical_flips_are_half_exact_and_independent():
    geometry = drawn(Policy(flip=True, flip_vertical=True)).geometry
    upturned, mirrored = geometry[:, 1, 1] == -1, geometry[:, 0, 0] == -1
    assert abs(upturned.double().mean() - 0.5) < 4 * 0.5 / len(MANY) ** 0.5
    assert abs((upturned & mirrored).double().mean() - 0.25) < 0.015
    assert is_exact(geometry).all()
    images = torch.randint(0, 256, (200, 3, 32, 32), dtype=torch.uint8)
    view = drawn(Policy(flip_vertical=True), MANY[:200], image_size=(32, 32))
    expected = torch.where(view.geometry[:, 1, 1].view(-1, 1, 1, 1) < 0, images.flip(2), images)
    assert torch.equal(view.resample(images), expected)


@pytest.mark.parametrize(("image", "size"), [((48, 64), (32, 32)), ((100, 30), (20, 40)), ((32, 32), (64, 64))])
def test_random_resized_crops_lie_within_the_image(image: tuple[int, int], size: tuple[int, int]):
    view = drawn(Policy(crop=0.35), image_size=image, size=size)
    frame = torch.tensor([[[0.0, 0], [size[1], size[0]]]]).expand(len(MANY), -1, -1)
    (x1, y1), (x2, y2) = (corner.unbind(1) for corner in view.inverse_points(frame).unbind(1))
    assert min(x1.min(), y1.min()) > -1e-3
    assert x2.max() < image[1] + 1e-3
    assert y2.max() < image[0] + 1e-3
    assert torch.stack([x1, y1, x2, y2]).frac().sub(0.5).abs().min() > 0.499, "a crop of whole pixels is resized"
    relative = (x2 - x1) / (y2 - y1) / (size[1] / size[0])
    assert relative.min() > 0.749 * 0.95  # by rounding
    assert relative.max() < 1.334 * 1.05


def test_random_boxes_follow_their_distribution():
    draws = torch.rand(4, 20_000, generator=torch.Generator().manual_seed(0))
    boxes = random_boxes(draws, (60, 60), (0.1, 0.5), (0.8, 1.25))
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert spread_evenly(width * height / 3600, 0.1, 0.5)
    assert spread_evenly((width / height).log(), math.log(0.8), math.log(1.25))
    assert spread_evenly(boxes[:, 0] / (60 - width), 0, 1)
    assert spread_evenly(boxes[:, 1] / (60 - height), 0, 1)


@given(
    draws=st.lists(st.floats(0, 1, exclude_max=True, width=32), min_size=4, max_size=4),
    canvas=st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
@settings(max_examples=100, deadline=None)
def test_a_random_box_fits_any_canvas(draws: list[float], canvas: tuple[int, int]):
    x1, y1, x2, y2 = random_boxes(torch.tensor(draws)[:, None], canvas, (0.35, 1.0), (0.75, 1.3334))[0].tolist()
    assert 0 <= x1 < x2 <= canvas[1] * (1 + 1e-6)
    assert 0 <= y1 < y2 <= canvas[0] * (1 + 1e-6)
    assert 0.7499 < (x2 - x1) / (y2 - y1) < 1.3336


def test_color_factors_follow_their_distribution():
    """Read back from the matrix: where black goes, and how far a color is from its gray."""
    normal = RGB.matrix()[0].double().inverse()
    brightness = normal @ drawn(Policy(brightness=0.4)).color.double()
    assert spread_evenly(brightness[:, 0, 0], 0.6, 1.4)
    contrast = normal @ drawn(Policy(contrast=0.4)).color.double()
    assert spread_evenly(contrast[:, 1, 1], 0.6, 1.4)
    assert torch.allclose(
        contrast[:, 1, 1] + 2 * contrast[:, 1, 3], torch.ones(()).double(), atol=1e-5
    )  # gray 0.5 stays
    saturation = normal @ drawn(Policy(saturation=0.4)).color.double()
    assert spread_evenly(saturation[:, 0, 0] - saturation[:, 1, 0], 0.6, 1.4)
    hue = normal @ drawn(Policy(hue=90)).color.double()
    sine, cosine = (hue[:, 1, 0] - hue[:, 2, 0]) * 3**0.5 / 2, (3 * hue[:, 0, 0] - 1) / 2
    assert spread_evenly(torch.atan2(sine, cosine).rad2deg(), -90, 90)


def test_gray_images_take_every_policy():
    images = torch.randint(0, 256, (6, 1, 28, 28), dtype=torch.uint8)
    for policy in (*POLICIES.values(), EVERYTHING):
        result, view = apply_policy(
            policy, images, MANY[:6], seed=0, epoch=0, size=(24, 26), normalization=Normalization((0.1,), (0.3,))
        )
        assert result.shape == (6, 1, 24, 26)
        assert view.color.shape == (6, 2, 2)


def test_the_policy_none_equals_the_evaluation_view():
    images = torch.randint(0, 256, (5, 3, 40, 41), dtype=torch.uint8)
    view = evaluation_view(5, image_size=(40, 41), size=(32, 32), normalization=RGB)
    result, drawn_view = apply_policy(
        POLICIES["none"], images, MANY[:5], seed=3, epoch=4, size=(32, 32), normalization=RGB
    )
    assert torch.equal(result, view.image(images))
    assert torch.equal(view.resample(images), images[:, :, 4:36, 4:36])
    assert torch.equal(drawn_view.geometry, view.geometry)
    assert len(view.geometry) == len(view.color) == 5


def test_a_smaller_image_is_centered():
    images = torch.randint(0, 256, (2, 1, 28, 28), dtype=torch.uint8)
    view = evaluation_view(2, image_size=(28, 28), size=(32, 33), normalization=Normalization((0.5,), (0.5,)))
    result = view.resample(images)
    assert torch.equal(result[:, :, 2:30, 3:31], images)
    assert result.sum() == images.sum()


def test_apply_is_a_random_view_then_its_image():
    images = torch.randint(0, 256, (8, 40, 40, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    policy = replace(EVERYTHING, erase=0.0)
    result, view = apply_policy(policy, images, MANY[:8], seed=1, epoch=2, size=(32, 32), normalization=RGB)
    means = image_means(images)
    expected = random_view(
        policy, MANY[:8], seed=1, epoch=2, image_size=(40, 40), size=(32, 32), normalization=RGB, means=means
    )
    assert torch.equal(view.geometry, expected.geometry)
    assert torch.equal(view.color, expected.color)
    assert torch.equal(result, expected.image(images))


@pytest.mark.parametrize("name", [*POLICIES, "everything"])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_lent_output_buffer_changes_nothing_and_is_filled(name: str, kind: torch.dtype, channels: int):
    policy = POLICIES.get(name, EVERYTHING)
    images = torch.randint(0, 256, (11, channels, 24, 20), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8) if kind == torch.uint8 else images.float() / 255
    before = images.clone()
    normalization = Normalization((0.5,) * channels, (0.2,) * channels)
    run = partial(
        apply_policy, policy, images, torch.arange(11), seed=1, epoch=2, size=(16, 16), normalization=normalization
    )
    lent = torch.full((11, 16, 16, channels), torch.nan).permute(0, 3, 1, 2)
    expected, _ = run()
    result, view = run(out=lent)
    assert torch.equal(result, expected)
    assert torch.equal(images, before)
    assert torch.equal(view.image(images), view.image(images, out=lent))
    if kind == torch.uint8:
        assert view.image(images, out=lent).data_ptr() == lent.data_ptr()


def test_erasing_comes_before_the_color_matrix():
    """On white images the painted rectangle has the mean color, which the normalization turns into nothing."""
    images = torch.full((64, 32, 32, 3), 255, dtype=torch.uint8).permute(0, 3, 1, 2)
    policy = Policy(flip=True, erase=0.5)
    result, _ = apply_policy(policy, images, MANY[:64], seed=1, epoch=2, size=(32, 32), normalization=RGB)
    bare, _ = apply_policy(
        replace(policy, erase=0.0), images, MANY[:64], seed=1, epoch=2, size=(32, 32), normalization=RGB
    )
    erased = (result != bare).any(1)
    assert 16 < erased.flatten(1).any(1).sum() < 48
    assert result.movedim(1, -1)[erased].abs().max() < 0.5 / 255 / 0.2 + 1e-5  # within the rounding of uint8


def test_perspective_moves_each_corner_within_its_range():
    geometry = drawn(Policy(perspective=0.15), image_size=(32, 40), size=(32, 40)).geometry
    corners = torch.tensor([[[0.0, 0], [40, 0], [40, 32], [0, 32]]]).expand(len(MANY), -1, -1)
    pulled = (View(geometry, torch.eye(4)[None], (32, 40)).points(corners) - corners) / torch.tensor([40.0, 32.0])
    for corner in range(4):
        for axis in range(2):
            assert spread_evenly(pulled[:, corner, axis], -0.15, 0.15)


def test_the_strongest_perspective_still_shows_an_image():
    """With its corners pulled the worst way, too, there is a way back."""
    for seed in range(5):
        view = drawn(Policy(perspective=0.2, rotate=180, zoom=0.9, shear=60, crop=0.01), seed=seed)
        assert view.geometry.isfinite().all()


def test_elastic_has_its_std_and_is_in_the_view():
    view = drawn(Policy(elastic=0.03), MANY[:2000], image_size=(32, 32))
    assert view.displacement is not None
    assert view.displacement.shape[:2] == (2000, 2)
    assert 0.5 < view.displacement.std() / (0.03 * 32) < 1.1  # the steepest are weakened
    displaced = apply_policy(
        Policy(elastic=0.03), torch.rand(4, 3, 32, 32), MANY[:4], seed=0, epoch=0, size=(32, 32), normalization=RGB
    )
    assert displaced[1].displacement is not None
    with pytest.raises(SettingError, match="augment = randaugment does not take elastic; elastic is for none, light"):
        replace(POLICIES["randaugment"], elastic=0.02)


def test_fill_is_what_lies_beyond_the_image():
    white = torch.full((50, 3, 32, 32), 255, dtype=torch.uint8)
    darkest = {
        fill: apply_policy(
            Policy(shift=0.2, fill=fill),
            white,
            MANY[:50],
            seed=0,
            epoch=0,
            size=(32, 32),
            normalization=Normalization((0.0,) * 3, (1.0,) * 3),
        )[0]
        .min()
        .item()
        for fill in ("black", "nearest", "reflect")
    }
    assert darkest == {"black": 0.0, "nearest": 1.0, "reflect": 1.0}
    with pytest.raises(SettingError, match="fill = 'gray': takes one of black, nearest, reflect"):
        Policy(fill="gray")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hue", 181),
        ("perspective", 0.21),
        ("elastic", 0.2),
        ("blur", 11),
        ("noise", -0.1),
        ("gamma", 1),
        ("solarize", 1.5),
        ("rotate", -1),
        ("rotate", 181),
        ("rotate", math.inf),
        ("shift", 1.5),
        ("zoom", 1),
        ("shear", 90),
        ("crop", 0),
        ("crop", 1.01),
        ("brightness", -0.1),
        ("contrast", 2),
        ("saturation", math.nan),
        ("erase", 1.1),
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: float):
    with pytest.raises(SettingError, match=name):
        Policy(**{name: value})  # type: ignore[arg-type]  # mypy takes the number for each setting, flip too


def test_contrast_requires_the_means():
    with pytest.raises(ValueError, match="means"):
        random_view(Policy(contrast=0.1), MANY[:2], seed=0, epoch=0, image_size=(8, 8), size=(8, 8), normalization=RGB)


def test_the_table_is_read_only():
    with pytest.raises(TypeError):
        POLICIES["mine"] = Policy()  # type: ignore[index]  # that it is refused is the point


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


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, step in annotations(Policy, Step).items()
        if step.stage in ("geometry", "color") and annotations(Policy, Geometry).get(name) != Geometry("no factor")
    ],
)
def test_each_factor_of_a_matrix_changes_it_alone(name: str):
    declared = declared_settings(Policy)[name]
    value = True if declared.kind is bool else (declared.setting.low + declared.setting.high) / 2
    on: dict[str, Any] = {name: value}
    plain, changed = (
        random_view(
            policy,
            torch.arange(8),
            seed=0,
            epoch=0,
            image_size=(24, 24),
            size=(24, 24),
            normalization=Normalization((0.5,) * 3, (0.2,) * 3),
            means=torch.full((8, 3), 0.5),
        )
        for policy in (Policy(), Policy(**on))
    )
    same = torch.equal(plain.geometry, changed.geometry), torch.equal(plain.color, changed.color)
    assert same == ((False, True) if annotations(Policy, Step)[name].stage == "geometry" else (True, False))
