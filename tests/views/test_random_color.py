"""Random color: factors spread as promised, about the mean of each image."""

import pytest
import torch
from tests.views.draws import MANY, RGB, drawn, spread_evenly

from striate.views import Policy, random_view


def test_color_factors_follow_their_distribution():
    """Read back from the matrix: where black goes, and how far a color is from its gray."""
    normal = RGB.matrix()[0].double().inverse()
    brightness = normal @ drawn(Policy(brightness=0.4)).color.double()
    assert spread_evenly(brightness[:, 0, 0], 0.6, 1.4)
    contrast = normal @ drawn(Policy(contrast=0.4)).color.double()
    assert spread_evenly(contrast[:, 1, 1], 0.6, 1.4)
    assert torch.allclose(
        contrast[:, 1, 1] + 2 * contrast[:, 1, 3], torch.ones(()).double(), atol=1e-5
    )  # gray 0.5 stays
    saturation = normal @ drawn(Policy(saturation=0.4)).color.double()
    assert spread_evenly(saturation[:, 0, 0] - saturation[:, 1, 0], 0.6, 1.4)
    hue = normal @ drawn(Policy(hue=90)).color.double()
    sine, cosine = (hue[:, 1, 0] - hue[:, 2, 0]) * 3**0.5 / 2, (3 * hue[:, 0, 0] - 1) / 2
    assert spread_evenly(torch.atan2(sine, cosine).rad2deg(), -90, 90)


def test_contrast_requires_the_means():
    with pytest.raises(ValueError, match="means"):
        random_view(Policy(contrast=0.1), MANY[:2], seed=0, epoch=0, image_size=(8, 8), size=(8, 8), normalization=RGB)
