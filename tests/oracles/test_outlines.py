"""Runs and polygons as pycocotools and scikit-image read them."""

import numpy as np
import pytest
from pycocotools import mask as coco
from skimage.draw import polygon2mask

from striate.data.decoding.limits import Limits
from striate.data.targets import IGNORE, Instances
from striate.sources.annotations.frame import Frame
from striate.sources.annotations.outlined_targets import OutlinedInstances
from striate.sources.annotations.outlines import fill, runs_from_text

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("seed", range(40))
def test_text_of_runs_is_read_as_pycocotools_does(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 400, 2).tolist()
    mask = random.random((height, width)) < random.choice([0, 0.001, 0.3, 0.999, 1])
    mask[: height // 2] |= random.random() < 0.3
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    runs = runs_from_text(encoded["counts"].decode())
    assert (fill(runs, height, width) == mask).all()
    assert runs[1::2].sum() == coco.area(encoded)
    listed = coco.frPyObjects({"size": [height, width], "counts": runs.tolist()}, height, width)
    assert listed["counts"] == encoded["counts"]


@pytest.mark.parametrize("seed", range(40))
def test_polygons_are_those_of_scikit_image_and_close_to_pycocotools(seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.random(random.integers(3, 40)) * 2 * np.pi)
    radius = random.uniform(20, 60, len(angles))
    points = np.stack([70 + radius * np.cos(angles), 65 + radius * np.sin(angles)], 1)  # x, y
    ours = fill((points,), 130, 140)
    assert (ours == polygon2mask((130, 140), points[:, ::-1] - 0.5)).all()  # it counts rows first, from centers
    (encoded,) = coco.frPyObjects([points.ravel().tolist()], 130, 140)
    theirs = fill(runs_from_text(encoded["counts"].decode()), 130, 140)
    border = np.linalg.norm(np.diff(points, axis=0, append=points[:1]), axis=1).sum()
    assert (ours ^ theirs).sum() <= 0.1 * border  # pycocotools rounds the points to a fifth of a pixel


@pytest.mark.parametrize("seed", range(20))
def test_objects_in_one_mask_are_those_of_pycocotools_the_smallest_last(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width, count = 60, 80, 7
    masks, encoded = [], []
    for _ in range(count + 1):
        mask = np.zeros((height, width), np.uint8)
        y, x = random.integers(0, 50, 2)
        mask[y : y + random.integers(5, 40), x : x + random.integers(5, 40)] = 1
        mask &= random.random((height, width)) < 0.9
        masks.append(mask)
        encoded.append(coco.encode(np.asfortranarray(mask)))
    expected = np.where(masks[0], IGNORE, 0)
    for label in sorted(range(1, count + 1), key=lambda label: -int(coco.area(encoded[label]))):
        expected[masks[label] > 0] = label
    outlines = [runs_from_text(one["counts"].decode()) for one in encoded]
    instances = OutlinedInstances(
        (Instances(np.zeros((count, 4), np.float32), np.arange(count)),),
        (tuple(outlines[1:]),),
        (Frame(height, width),),
        Limits(),
        unlabeled=((outlines[0],),),
    )
    assert (instances.as_masks(range(1, count + 1)).target(0) == expected).all()
