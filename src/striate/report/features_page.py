"""The page of `striate features`: embeddings as points on a plane."""

from dataclasses import dataclass
from typing import final

from striate.number_format import count
from striate.report.page import encodable, environment
from striate.report.scatter_chart import ScatterPoints, scatter_chart

__all__ = ["FeaturesContents", "render_features"]


@final
@dataclass(frozen=True)
class FeaturesContents:
    """All that the page shows; of `images` embeddings, those of `points` are drawn."""

    name: str
    location: str
    model: str
    weights: str
    images: int
    dimensions: int
    splits: dict[str, int]
    projection: str  # pca or tsne
    points: ScatterPoints
    shares: tuple[float, float] | None  # of the variance, of principal components
    file: str  # the name of the .npz


def render_features(contents: FeaturesContents) -> str:
    """One self-contained HTML page: no script, no network, every text escaped, safe to encode as UTF-8."""
    template = environment().get_template("features.html.j2")
    return encodable(template.render(contents=contents, chart=scatter_chart(contents.points), count=count))
