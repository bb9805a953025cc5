"""The initial weights of a run in one line, and their license, from what its manifest or its bundle records of them."""

from collections.abc import Mapping
from typing import Any

__all__ = ["describe_license", "describe_weights"]


def describe_weights(weights: Mapping[str, Any] | None) -> str:
    """Which weights, whose, under which license, and those that they started from themselves; empty for random initialization."""
    if weights is None:
        return ""
    network, before = weights["network"], describe_weights(weights.get("initial_weights"))
    what = {
        "imagenet": f"ImageNet weights of {network}",
        "file": f"{weights['path']} for {network}",
        "run": f"the {network} of {weights['path']}",
    }[weights["kind"]]
    if "url" in weights or "package" in weights:
        source = weights.get("url") or f"package {weights['package']}"
        what += f" by {weights['publisher']} ({weights['license']}), {source}"
    line = f"{what}, SHA-256 {weights['sha256'][:16]}"
    return f"{line}; it started from {before}" if before else line


def describe_license(weights: Mapping[str, Any] | None) -> str:
    """The license of trained weights, as far as it is known: that of those that they started from."""
    if weights is None:
        return "not stated"
    return f"not stated; initial weights: {weights.get('license', 'not stated')}"
