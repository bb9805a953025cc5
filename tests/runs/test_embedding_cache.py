"""Embeddings in a run folder: read again where nothing changed, computed again where anything did or the file is damaged."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from striate.data import Canvas
from striate.models import create_model
from striate.runs import Preprocessing
from striate.runs.embedding_cache import EmbeddingKey, cached_embeddings, trunk_digest
from striate.views import Normalization

PREPROCESSING = Preprocessing(Canvas(8, 8, 1), (8, 8), Normalization((0.5,), (0.5,)))
KEY = EmbeddingKey("data", ("a", "b"), "lenet5", "weights", PREPROCESSING, "cpu")
EMBEDDINGS = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))


class Computing:
    """Counts how often embeddings were computed, and what was told."""

    def __init__(self) -> None:
        self.times = 0
        self.told: list[str] = []

    def __call__(self) -> Tensor:
        self.times += 1
        return EMBEDDINGS


def test_embeddings_are_read_back_to_the_bit(tmp_path):
    compute = Computing()
    first, second = (cached_embeddings(tmp_path / "new", KEY, compute, compute.told.append) for _ in range(2))
    assert torch.equal(first, EMBEDDINGS)
    assert torch.equal(second, EMBEDDINGS)
    assert (compute.times, compute.told) == (1, [])
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [".safetensors"]


@pytest.mark.parametrize(
    "change",
    [
        {"data": "other"},
        {"ids": ("b", "a")},
        {"architecture": "other"},
        {"weights": "other"},
        {"arithmetic": "cuda"},
        {"preprocessing": replace(PREPROCESSING, size=(7, 7))},
        {"torch": "1.0"},
    ],
)
def test_whatever_embeddings_depend_on_is_in_the_key(tmp_path, change):
    compute = Computing()
    cached_embeddings(tmp_path, KEY, compute, compute.told.append)
    cached_embeddings(tmp_path, replace(KEY, **change), compute, compute.told.append)
    cached_embeddings(tmp_path, KEY, compute, compute.told.append)
    assert (compute.times, compute.told) == (2, [])


def test_views_of_what_follows_the_embeddings_are_not(tmp_path):
    flipped = replace(KEY, preprocessing=replace(PREPROCESSING, tta="flip"))
    assert flipped.digest() == KEY.digest()
    before = "e31dfd1eca242028892f7e128eeb8a66a77a6dcda3885fc040e3b21f0a61cb8f"  # without test-time augmentation
    assert replace(KEY, torch="2.13.0").digest() == before


@pytest.mark.parametrize("place", [0, 9, 30, -30, -1])
def test_a_damaged_file_is_computed_again_and_named(tmp_path, place):
    compute = Computing()
    cached_embeddings(tmp_path, KEY, compute, compute.told.append)
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert torch.equal(cached_embeddings(tmp_path, KEY, compute, compute.told.append), EMBEDDINGS)
    assert compute.told == [f"{path}: is damaged; the embeddings are computed again"]
    cached_embeddings(tmp_path, KEY, compute, compute.told.append)
    assert compute.times == 2


def test_a_file_that_was_cut_off_is_computed_again(tmp_path):
    compute = Computing()
    cached_embeddings(tmp_path, KEY, compute, compute.told.append)
    (path,) = tmp_path.iterdir()
    for length in (0, 5, 20, 150):
        path.write_bytes(path.read_bytes()[:length])
        assert torch.equal(cached_embeddings(tmp_path, KEY, compute, compute.told.append), EMBEDDINGS)
    assert compute.times == 5


def test_the_digest_of_a_trunk_leaves_out_the_classifier():
    torch.manual_seed(0)
    model = create_model("bn_gap_cnn", classes=3, channels=1)
    before = trunk_digest(model)
    with torch.no_grad():
        model.get_parameter(f"{model.classifier_layers[0]}.weight").zero_()
    assert trunk_digest(model) == before
    next(iter(model.buffers())).add_(1)  # statistics of batch norm
    assert trunk_digest(model) != before
