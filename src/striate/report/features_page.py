"""The page of `striate features`: embeddings as points on a plane."""

from collections import Counter

from striate.analysis.projection import Projection
from striate.data import Source
from striate.number_format import count
from striate.report.page import encodable, environment
from striate.report.scatter_chart import ScatterPoints, scatter_chart
from striate.runs import Features

__all__ = ["render_features"]


def render_features(features: Features, projected: Projection, source: Source, weights: str) -> str:
    """One self-contained HTML page: no script, no network, every text escaped, safe to encode as UTF-8."""
    page = (
        environment()
        .get_template("features.html.j2")
        .render(
            features=features,
            projected=projected,
            source=source,
            weights=weights,
            splits=Counter(features.splits),
            chart=scatter_chart(_points(features, projected)),
            count=count,
        )
    )
    return encodable(page)


def _points(features: Features, projected: Projection) -> ScatterPoints:
    samples = projected.samples.tolist()
    several = len(set(features.splits)) > 1
    return ScatterPoints(
        points=[(x, y) for x, y in projected.points.tolist()],
        labels=[features.labels[n] for n in samples],
        titles=[
            f"{features.ids[n]}: {features.labels[n]}{f', {features.splits[n]}' if several else ''}" for n in samples
        ],
        classes=features.classes,
    )
