"""Embeddings on a plane, against scikit-learn, and at the ends of what may come."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from striate.analysis.projection import MOST_POINTS, project
from striate.errors import SettingError

VALUES = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32) * np.arange(1, 8)


def test_principal_components_are_those_of_scikit_learn_up_to_sign():
    found = project(VALUES, "pca")
    expected = PCA(2).fit(VALUES)
    np.testing.assert_allclose(np.abs(found.points), np.abs(expected.transform(VALUES)), rtol=1e-4, atol=1e-4)
    assert found.shares is not None
    np.testing.assert_allclose(found.shares, expected.explained_variance_ratio_, rtol=1e-4)
    np.testing.assert_allclose(project(-VALUES, "pca").points, found.points, rtol=1e-4, atol=1e-4)


def test_tsne_is_for_more_than_50_samples_unless_asked_for():
    many = np.concatenate([VALUES, VALUES + 30])
    assert project(VALUES, None).kind == "pca"
    assert project(many, None).kind == "tsne"
    assert project(many, "pca").kind == "pca"
    assert project(VALUES, "tsne").kind == "tsne"
    points = project(many, "tsne").points
    assert np.array_equal(points, project(many, "tsne").points)
    assert np.linalg.norm(points[:40].mean(0) - points[40:].mean(0)) > points[:40].std()


@pytest.mark.parametrize("values", [np.ones((1, 4)), np.ones((2, 4)), np.ones((60, 4)), np.eye(3)[:, :1]])
def test_few_samples_and_equal_ones_have_points_too(values):
    found = project(values.astype(np.float32), None)
    assert found.points.shape == (len(values), 2)
    assert np.isfinite(found.points).all()


def test_too_many_samples_are_thinned_out():
    found = project(np.random.default_rng(0).normal(size=(MOST_POINTS * 2, 3)).astype(np.float32), "pca")
    assert len(found.points) == len(found.samples) == MOST_POINTS
    assert (np.diff(found.samples) > 0).all()
    assert (found.samples[0], found.samples[-1]) == (0, 2 * MOST_POINTS - 1)


def test_tsne_of_equal_embeddings_is_refused_where_it_is_asked_for():
    assert project(np.ones((60, 4), np.float32), None).kind == "pca"
    with pytest.raises(SettingError, match="all embeddings are the same; take pca"):
        project(np.ones((60, 4), np.float32), "tsne")


def test_tsne_of_two_is_refused():
    with pytest.raises(SettingError, match="needs 3 images or more, and there are 2"):
        project(np.eye(2, dtype=np.float32), "tsne")
