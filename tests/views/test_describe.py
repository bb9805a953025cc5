"""A policy in words: every setting that is on is named, in the order in which it acts."""

from dataclasses import fields, replace
from typing import Any

from striate.views import POLICIES, Policy, describe

ON: dict[str, Any] = {
    "flip": True,
    "flip_vertical": True,
    "crop": 0.5,
    "fill": "nearest",
    "perspective": 0.1,
    "elastic": 0.1,
}


def test_every_setting_has_its_own_line():
    still = describe(Policy())
    assert still == ["geometry: the center of the image", "color: normalize"]
    for field in fields(Policy):
        if field.name == "name" or field.name.startswith("randaugment"):
            continue
        values: dict[str, Any] = {field.name: ON.get(field.name, 0.25)}
        lines = describe(replace(Policy(), **values))
        new = [line for line in lines if line not in still]
        assert len(new) == 1, field.name


def test_the_order_is_geometry_pixels_color():
    for policy in POLICIES.values():
        stages = [line.split(":")[0] for line in describe(policy)]
        assert stages == sorted(stages, key=["geometry", "pixels", "color", "mix"].index)


def test_the_operations_of_a_published_policy_are_named():
    assert any("RandAugment: 2 operations of magnitude 9 of 30" in line for line in describe(POLICIES["randaugment"]))
