"""Digests of stores of images in memory: other images have others."""

import numpy as np
import pytest
from PIL import Image

from striate.data import Limits
from striate.data.store import ArrayImage, ImageStore

RAMP = 100.25 * np.arange(1, 13, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ArrayImage(RAMP[..., None], (0, 300)), ArrayImage(2 * RAMP[..., None], (0, 600))),
        (Image.fromarray(RAMP), Image.fromarray(2 * RAMP)),  # on a scale of their own
        (Image.new("1", (7200, 7200), 0), Image.new("1", (7200, 7200), 1)),  # larger than files may be
    ],
)
def test_other_images_have_other_digests(one, other):
    first, second, again = ImageStore((one, other, one), Limits()).digests()
    assert first == again
    assert first != second
