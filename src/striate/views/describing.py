"""A policy in words: what happens to a training image, in the order in which it happens."""

from striate.views.policy import Policy

__all__ = ["describe"]


def describe(policy: Policy) -> list[str]:
    """A short sentence for each step that is on, each beginning with its stage: geometry, pixels or color."""
    return [
        *(f"geometry: {says}" for says in _geometry(policy)),
        *(f"pixels: {says}" for says in _pixels(policy)),
        *(f"color: {says}" for says in _color(policy)),
    ]


def _geometry(policy: Policy) -> list[str]:
    return _said(
        (policy.crop < 1, f"crop at random, {policy.crop:.3g} of the area or more, to the whole frame"),
        (policy.crop == 1, "the center of the image"),
        (policy.shear, f"shear by up to {policy.shear:.3g} degrees"),
        (policy.zoom, f"zoom by a factor of {1 - policy.zoom:.3g} to {1 + policy.zoom:.3g}"),
        (policy.rotate, f"rotate by up to {policy.rotate:.3g} degrees"),
        (policy.flip, "mirror left and right, every other image"),
        (policy.flip_vertical, "mirror top and bottom, every other image"),
        (policy.shift, f"shift by up to {policy.shift:.3g} of the side"),
        (policy.perspective, f"pull each corner by up to {policy.perspective:.3g} of the side"),
        (policy.elastic, f"elastic displacement of about {policy.elastic:.3g} of the side"),
        (policy.fill != "black", f"fill what is beyond the image: {policy.fill}"),
    )


def _pixels(policy: Policy) -> list[str]:
    return _said(
        (policy.operations is not None, policy.operations.describe() if policy.operations else ""),
        (policy.blur, f"blur by up to {policy.blur:.3g} pixels, every other image"),
        (policy.noise, f"add noise of up to {policy.noise:.3g} of full range, every other image"),
        (policy.equalize, f"equalize, {policy.equalize:.3g} of the images"),
        (policy.gamma, f"gamma of {1 - policy.gamma:.3g} to {1 + policy.gamma:.3g}"),
        (policy.solarize, f"solarize, {policy.solarize:.3g} of the images"),
        (policy.posterize, f"posterize to 4 to 7 bits, {policy.posterize:.3g} of the images"),
        (policy.erase, f"erase a rectangle, {policy.erase:.3g} of the images"),
    )


def _color(policy: Policy) -> list[str]:
    return _said(
        (policy.brightness, f"brightness by a factor of {1 - policy.brightness:.3g} to {1 + policy.brightness:.3g}"),
        (policy.contrast, f"contrast by a factor of {1 - policy.contrast:.3g} to {1 + policy.contrast:.3g}"),
        (policy.saturation, f"saturation by a factor of {1 - policy.saturation:.3g} to {1 + policy.saturation:.3g}"),
        (policy.hue, f"turn the hue by up to {policy.hue:.3g} degrees"),
        (True, "normalize"),
    )


def _said(*rows: tuple[object, str]) -> list[str]:
    return [says for on, says in rows if on]
