"""`striate features`: what is written, by which network, and what is refused."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tests.jobs.conftest import make_images

import striate as st
from striate.analysis.split_evaluation import evaluation_batches
from striate.cli import main
from striate.data import Batches, load_images, read_split
from striate.errors import DataError, StriateError
from striate.models import create_model
from striate.sources import open_source


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_images(tmp_path / "shapes", each=4)
    return tmp_path


def test_imagenet_features_with_ids_labels_and_splits(desk, capsys):
    with pytest.raises(SystemExit) as end:
        main(["features", "shapes", "--projection", "pca"])
    assert not end.value.code
    *_, features, page = capsys.readouterr().out.splitlines()
    assert features == "features: shapes-features.npz (12 images, 1,280 features each; embeddings, ids, labels, splits)"
    assert page == "page:     shapes-features.html"
    with np.load("shapes-features.npz", allow_pickle=False) as written:
        assert written["embeddings"].shape == (12, 1280)
        assert written["embeddings"].dtype == np.float32
        assert written["ids"].tolist()[::4] == ["dark/0.png", "light/0.png", "striped/0.png"]
        assert written["labels"].tolist() == ["dark"] * 4 + ["light"] * 4 + ["striped"] * 4
        assert set(written["splits"].tolist()) == {"all"}
        of_dark, of_light = written["embeddings"][:4], written["embeddings"][4:8]
    assert (
        np.linalg.norm(of_dark.mean(0) - of_light.mean(0))
        > 2 * np.linalg.norm(of_dark - of_dark.mean(0), axis=1).mean()
    )
    html = Path("shapes-features.html").read_text()
    assert html.count("<title>") == 13
    assert "dark/0.png: dark</title>" in html
    assert len(re.findall(r"<b>(dark|light|striped)</b>", html)) == 3
    assert "Principal components" in html
    assert "<script" not in html


def test_features_of_a_run_are_those_of_its_network_and_preprocessing(trained, shapes, tmp_path):
    found = st.features(shapes, weights=trained.path, out=tmp_path / "f.npz", progress=False)
    bundle = trained._folder.bundle()
    source = open_source(shapes).as_stored()
    (samples,) = load_images(source, bundle.preprocessing.canvas, threads=1).values()
    with torch.inference_mode():
        batches = evaluation_batches(samples, bundle.preprocessing, torch.device("cpu"))
        expected = torch.cat([bundle.model.embed(batch.inputs) for batch in batches.epoch(0)])
    assert found.ids == samples.ids
    torch.testing.assert_close(torch.from_numpy(found.embeddings), expected, rtol=1e-4, atol=1e-5)
    split_of = read_split(trained.path / "splits.csv")
    assert dict(zip(found.ids, found.splits, strict=True)) == split_of
    assert set(found.splits) == {"train", "val", "test"}
    assert "t-SNE" in found.page.read_text()  # of 60 images
    again = st.features(shapes, weights=trained.path / "bundle", out=tmp_path / "f.npz", progress=False)
    assert np.array_equal(again.embeddings, found.embeddings)
    assert repr(found) == f"<features of 60 images: {expected.shape[1]} each by bn_gap_cnn, {tmp_path / 'f.npz'}>"


@pytest.mark.large
def test_imagenet_features_are_those_that_training_fits_its_classifier_on(tmp_path):
    """Of images that are not square as well, which are shown whole."""
    for name, shade in (("a", 90), ("b", 160)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(3):
            image = np.full((40, 60, 3), shade + i, np.uint8)
            image[:, :10] = (255, 0, 40 * i)
            Image.fromarray(image).save(tmp_path / "data" / name / f"{i}.png")
    run = st.train(tmp_path / "data", out=tmp_path / "run", progress=False, epochs=0)
    found, expected = (
        st.features(tmp_path / "data", weights=weights, out=tmp_path / "f.npz", progress=False)
        for weights in ("imagenet", run.path)
    )
    np.testing.assert_allclose(found.embeddings, expected.embeddings, rtol=1e-4, atol=1e-5)


def test_other_data_have_no_splits_of_the_run(trained, shapes, tmp_path):
    other = Path(shutil.copytree(shapes, tmp_path / "other"))
    (other / "dark" / "0.png").unlink()
    found = st.features(other, weights=trained.path, out=tmp_path / "f.npz", projection="pca", progress=False)
    assert set(found.splits) == {"all"}


def test_splits_of_the_data_are_kept_and_a_single_class_will_do(trained, tmp_path):
    make_images(tmp_path / "data" / "train", each=2)
    make_images(tmp_path / "data" / "test", each=1)
    found = st.features(tmp_path / "data", weights=trained.path, out=tmp_path / "f.npz", progress=False)
    assert found.splits == ("train",) * 6 + ("test",) * 3 or found.splits == ("test",) * 3 + ("train",) * 6
    assert "train 6" in found.page.read_text()


def test_images_in_memory_have_features_too(trained, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (5, 24, 24, 3), dtype=np.uint8)
    found = st.features(
        (images, ["a", "b", "a", "b", "a"]), weights=trained.path, out=tmp_path / "f.npz", progress=False
    )
    assert found.labels == ("a", "b", "a", "b", "a")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": "no/such.pth"}, "no/such.pth: there is no such file"),
        ({"weights": "shapes"}, "weights = shapes: is neither a run nor a bundle"),
        ({"model": "resnet18"}, "weights of resnet18 are not in weights: allow a download of 46.8 MB"),
        ({"model": "digit_cnn"}, "there are no ImageNet weights of digit_cnn"),
        (
            {"model": "digit_cnn", "weights": "some.pth"},
            "weights = some.pth: nothing tells which size and normalization",
        ),
        ({"model": "shufflenet_v2_x0_5", "weights": "ours.safetensors"}, "nothing tells which size and normalization"),
        ({"model": "resnet18", "weights": "ours.safetensors"}, "these are not the weights of resnet18"),
        ({"model": "efficientnet_lite9"}, "efficientnet_lite9"),
        ({"out": "features.csv"}, "--out features.csv: is no .npz file"),
        ({"out": "no/such/f.npz"}, "there is no folder no/such"),
        ({"out": "shapes/f.npz"}, "lies within the data"),
        ({"out": "other.npz"}, "exists and is no .npz file of `striate features`"),
        ({"out": "page.npz"}, "its page would replace page.html"),
        ({"projection": "umap"}, "projection = 'umap': takes pca or tsne"),
        ({"source": "idx"}, "idx"),
        ({"epochs": 3}, "'epochs' is not a setting for reading data"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(desk, given, message):
    np.savez(desk / "other.npz", x=np.zeros(3))
    (desk / "page.html").write_text("mine")
    (desk / "some.pth").write_bytes(b"PK\x03\x04")
    save_file(create_model("shufflenet_v2_x0_5", classes=7).state_dict(), desk / "ours.safetensors")
    before = sorted(desk.rglob("*"))
    with pytest.raises(StriateError) as error:
        st.features("shapes", progress=False, **given)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(desk.rglob("*")) == before


def test_a_model_that_the_run_does_not_have_is_refused(trained, shapes, tmp_path):
    with pytest.raises(StriateError, match="has a bn_gap_cnn; leave --model out"):
        st.features(shapes, weights=trained.path, model="resnet18", out=tmp_path / "f.npz", progress=False)


def test_images_of_five_channels_need_a_run(tmp_path):
    images = np.zeros((4, 8, 8, 5), np.uint8)
    images[0] = 9
    with pytest.raises(StriateError, match="images of 5 channels, and published weights take 3"):
        st.features((images, [0, 1, 0, 1]), out=tmp_path / "f.npz", progress=False)


def test_a_file_that_goes_bad_after_it_was_read_is_named(trained, shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(Batches, "epoch", lambda *_: iter(()))
    with pytest.raises(DataError, match="became unreadable"):
        st.features(shapes, weights=trained.path, out=tmp_path / "f.npz", progress=False)
    assert not list(tmp_path.iterdir())
