"""Which split of a run's own data is evaluated."""

import numpy as np
import pytest
import torch

from striate.analysis.held_out import select_own_images
from striate.data import ClassTargets, LabeledImages, TensorImages
from striate.errors import RunError, SettingError


def images(count: int) -> LabeledImages:
    pixels = TensorImages(torch.zeros(count, 2, 2, 1, dtype=torch.uint8))
    return LabeledImages(pixels, ClassTargets(np.zeros(count, np.int64)), tuple(map(str, range(count))), ("a",))


SPLITS = {"train": images(3), "val": images(2), "test": images(1)}


@pytest.mark.parametrize(
    ("requested", "names", "name"),
    [(None, ("train", "val", "test"), "test"), (None, ("train", "val"), "val"), ("train", ("train", "test"), "train")],
)
def test_test_comes_first_and_training_images_on_request(
    requested: str | None, names: tuple[str, ...], name: str
) -> None:
    splits = {one: SPLITS[one] for one in names}
    chosen, samples, overlap = select_own_images(splits, requested=requested, location="data", run="run")
    assert (chosen, samples) == (name, splits[name])
    assert (overlap is None) == (name != "train")


def test_a_run_without_held_out_images_states_the_way_out() -> None:
    with pytest.raises(RunError, match=r"run: was trained on all of its data .* --data, or `--split train`"):
        select_own_images({"train": SPLITS["train"]}, requested=None, location="data", run="run")
    with pytest.raises(SettingError, match="split = 'val': data has train"):
        select_own_images({"train": SPLITS["train"]}, requested="val", location="data", run="run")
