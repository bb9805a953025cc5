"""Settings of a policy: their ranges, and which matrix each of them changes."""

import math
from typing import Any

import pytest
import torch

from striate.errors import SettingError
from striate.settings import annotations, declared_settings
from striate.views import POLICIES, Normalization, Policy, random_view
from striate.views.settings import Geometry, Step


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


def test_the_table_is_read_only():
    with pytest.raises(TypeError):
        POLICIES["mine"] = Policy()  # type: ignore[index]  # that it is refused is the point


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
