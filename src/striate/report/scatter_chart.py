"""Points on a plane, each class with a color and a shape: from coordinates to those of an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

__all__ = ["ScatterChart", "ScatterPoints", "scatter_chart"]

WIDTH, HEIGHT, MARGIN = 720.0, 520.0, 14.0
RADIUS: Final = 4.0
# Okabe & Ito, "Color universal design", 2008: hues that color-blind readers can tell apart; with shapes, for 32 classes
COLORS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#7a7f85")
SHAPES: Final = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",  # disk
    "M-3.6-3.6h7.2v7.2h-7.2Z",  # square
    "M0-4.8L4.6 3.6H-4.6Z",  # triangle
    "M0-5L5 0L0 5L-5 0Z",  # diamond
)


@final
@dataclass(frozen=True)
class ScatterPoints:
    """Points by sample, the name of each sample's class, and its tooltip."""

    points: Sequence[tuple[float, float]]
    labels: Sequence[str]
    titles: Sequence[str]
    classes: Sequence[str]


@final
@dataclass(frozen=True)
class ScatterClass:
    """One class: its color, its shape as a path around 0 0, and its points (x, y, tooltip)."""

    name: str
    color: str
    shape: str
    dots: tuple[tuple[str, str, str], ...]


@final
@dataclass(frozen=True)
class ScatterChart:
    """In coordinates of a view box of `width` by `height`."""

    summary: str
    classes: tuple[ScatterClass, ...]
    width: str = f"{WIDTH:g}"
    height: str = f"{HEIGHT:g}"


def scatter_chart(content: ScatterPoints) -> ScatterChart:
    """Both axes have one scale, for distances to be comparable."""
    xs, ys = zip(*content.points, strict=True)
    middle_x, middle_y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    scale = min(
        (WIDTH - 2 * MARGIN) / max(max(xs) - min(xs), 1e-30), (HEIGHT - 2 * MARGIN) / max(max(ys) - min(ys), 1e-30)
    )

    def dot(n: int) -> tuple[str, str, str]:
        x, y = WIDTH / 2 + scale * (xs[n] - middle_x), HEIGHT / 2 - scale * (ys[n] - middle_y)
        return f"{x:.1f}", f"{y:.1f}", content.titles[n]

    members: dict[str, list[int]] = {name: [] for name in content.classes}
    for n, name in enumerate(content.labels):
        members[name].append(n)
    shown = tuple(
        ScatterClass(name, COLORS[k % len(COLORS)], SHAPES[k // len(COLORS) % len(SHAPES)], tuple(map(dot, samples)))
        for k, (name, samples) in enumerate(members.items())
        if samples
    )
    return ScatterChart(f"{len(xs):,} images as points, in {len(shown)} classes", shown)
