"""What images are like: the arithmetic against NumPy's, however many are measured together, and ranges that bear rare classes."""

import numpy as np
import pytest
import torch

from striate.data import Canvas, Limits, TensorImages, TrainingStatistics, image_statistics, training_statistics
from striate.data.store import FileStore
from striate.data.streaming import Reader, stream


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_figures_are_numpys(dtype, channels):
    full = np.iinfo(dtype).max
    images = np.random.default_rng(0).integers(0, full, (5, 20, 24, channels), dtype, endpoint=True)
    values = images.reshape(5, -1) / full
    rgb = images[..., :3] / full
    color = (rgb.max(-1) - rgb.min(-1)).mean((1, 2)) if channels > 2 else np.zeros(5)
    found = image_statistics(torch.from_numpy(images))
    np.testing.assert_allclose(found, np.stack([values.mean(1), values.std(1), color], 1), rtol=1e-6, atol=1e-12)
    alone = np.concatenate([image_statistics(torch.from_numpy(images[n : n + 1])) for n in range(5)])
    assert (found == alone).all()


def test_streamed_and_held_images_have_the_same(class_folders):
    paths = tuple(str(path) for path in sorted(class_folders({"a": 5, "b": 4}).rglob("*.jpg")))
    reader = Reader(FileStore(paths, Limits()), paths, Canvas(24, 24, 3), threads=2)
    streamed, kept, _ = stream(reader, None)
    held = TensorImages(streamed.all())
    assert len(kept) == 9
    for images in (held, held.subset(torch.tensor([3, 1]))), (streamed, streamed.subset(torch.tensor([3, 1]))):
        assert (images[0].measurements.statistics[[3, 1]] == images[1].measurements.statistics).all()
        assert (images[0].measurements.signatures[[3, 1]] == images[1].measurements.signatures).all()
    assert (held.measurements.statistics == streamed.measurements.statistics).all()
    assert (held.measurements.signatures == streamed.measurements.signatures).all()


def test_a_rare_class_is_within_the_range_and_a_rare_image_is_not():
    measured = np.full((1000, 3), 0.3)
    measured[:4] = 0.9
    one_class = training_statistics(measured, np.zeros(1000, np.int64))
    rare = training_statistics(measured, (np.arange(1000) < 4).astype(np.int64))
    assert one_class.brightness.high == 0.3
    assert rare.brightness.high == 0.9
    assert TrainingStatistics.from_json(rare.as_json()) == rare
