"""Embeddings on a plane: the two principal components, or t-SNE."""

from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
import numpy.typing as npt

from striate.errors import SettingError

__all__ = ["MOST_POINTS", "Projection", "ProjectionKind", "check_projection", "project"]

ProjectionKind = Literal["pca", "tsne"]
MOST_POINTS: Final = 3000  # t-SNE of more takes minutes, and a page of more megabytes
FEWEST_FOR_TSNE: Final = 51
COMPONENTS: Final = 50  # that t-SNE starts from, as its authors advise
PERPLEXITY: Final = 30.0

Array = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class Projection:
    """Points (N 2) and the samples that they stand for; of principal components also their shares of the variance."""

    kind: ProjectionKind
    points: Array
    samples: npt.NDArray[np.int64]  # positions
    shares: tuple[float, float] | None


def check_projection(kind: str | None) -> None:
    """Raise SettingError for an unknown kind of projection."""
    if kind not in (None, "pca", "tsne"):
        raise SettingError(f"projection = {kind!r}: takes pca or tsne")


def project(embeddings: npt.NDArray[np.float32], kind: str | None) -> Projection:
    """Embeddings N D on a plane; of more than MOST_POINTS samples, as many at equal distances.

    kind: "pca" or "tsne"; if None, t-SNE of more than 50 samples that are not all the same. van der Maaten & Hinton,
    "Visualizing data using t-SNE", JMLR 2008. Raises SettingError.
    """
    check_projection(kind)
    count = len(embeddings)
    samples = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(np.int64))
    components, shares = _principal_components(embeddings[samples].astype(np.float64))
    if kind == "tsne" and len(samples) < 3:
        raise SettingError(f"projection = 'tsne': needs 3 images or more, and there are {len(samples)}; take pca")
    are_equal = bool(np.ptp(components) == 0)
    if kind == "tsne" and are_equal:
        raise SettingError("projection = 'tsne': all embeddings are the same; take pca")
    if kind == "tsne" or (kind is None and len(samples) >= FEWEST_FOR_TSNE and not are_equal):
        return Projection("tsne", _tsne(components), samples, None)
    return Projection("pca", components[:, :2], samples, shares)


def _principal_components(values: Array) -> tuple[Array, tuple[float, float]]:
    """Up to COMPONENTS components (at least 2), N C, and the shares of the variance of the first two."""
    left, scales, _ = np.linalg.svd(values - values.mean(0), full_matrices=False)
    components = left * scales
    components *= np.where(components[np.abs(components).argmax(0), np.arange(components.shape[1])] < 0, -1.0, 1.0)
    if components.shape[1] < 2:
        components, scales = np.pad(components, ((0, 0), (0, 1))), np.pad(scales, (0, 1))
    first, second = (scales[:2] ** 2 / max(float((scales**2).sum()), 1e-300)).tolist()
    return components[:, :COMPONENTS], (first, second)


def _tsne(components: Array) -> Array:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(components) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(components).astype(np.float64)
