"""Masks through the whole workbench: trained, resumed, evaluated, predicted at the size of the file, reported."""

import csv
import io
import json
import shutil
import signal
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from tests.jobs.conftest import QUICK
from tests.jobs.test_resuming import child, weights

from striate.analysis.evaluation_data import load_for_network
from striate.analysis.image_predictor import ImagePredictor
from striate.cli import main
from striate.data import Limits, load_images
from striate.data.targets import IGNORE
from striate.errors import SettingError
from striate.jobs import Run, augment, check, features, predict_files, resume, train
from striate.runs import Bundle
from striate.runs.known_images import read_known_images
from striate.sources import NamedInput, open_source
from striate.tasks.resampling import mean_over_known
from striate.tasks.segment.metrics import iou_of_counts
from striate.tasks.segment.pixel_counts import image_counts
from striate.training import RECIPES, find_recipe
from striate.training.data_defaults import resolve_with_data
from striate.training.recipe_choice import recipe_by_weights
from striate.views import Policy, apply_policy

NUMBERS = np.array([0, 3, 9], np.uint8)  # of the classes in the files of masks
PALETTE = [channel for number in range(12) for channel in (20 * number, 5, 250 - number)]
SMALL = {**QUICK, "model": "unet_small", "batch_size": 8, "size": 32}


def draw(folder: Path, count: int = 40, size: tuple[int, int] = (32, 48)) -> Path:
    """Dark images with a bright and a striped rectangle, and masks with a palette: 0 is the background, 3 bright, 9 striped."""
    generator = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for n in range(count):
        image, mask = generator.normal(40, 8, size), np.zeros(size, np.uint8)
        for label in (1, 2):
            y, x = (int(generator.integers(0, side - 14)) for side in size)
            image[y : y + 14, x : x + 14] = 200 if label == 1 else 60
            if label == 2:
                image[y : y + 14 : 4, x : x + 14] = 240
            mask[y : y + 14, x : x + 14] = label
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"images/{n:02d}.png")
        shown = Image.fromarray(NUMBERS[mask])
        shown.putpalette(PALETTE)
        shown.save(folder / f"masks/{n:02d}.png")
    return folder


def read(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return draw(tmp_path_factory.mktemp("data") / "rectangles")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> Run:
    settings = {**SMALL, "epochs": 8, "lr": 0.006, "augment": "none", "schedule": "one_cycle"}
    return train(data, out=tmp_path_factory.mktemp("runs") / "run", progress=False, **settings)


def test_masks_are_learned(run):
    figures = run.metrics["test"]
    assert figures["mean_iou"]["value"] > 0.6
    assert figures["mean_iou"]["low"] > figures["baseline"]["value"]
    assert [row["class"] for row in figures["per_class"]] == ["0", "3", "9"]
    assert run.verdict.startswith("test mean IoU: ")
    assert run.manifest["task"] == "segment"
    assert {"train_mean_iou", "val_mean_iou", "val_pixel_accuracy"} <= set(run.history[-1])
    assert run.evaluate() == figures
    assert Bundle.open(run.path / "bundle").classes == ("0", "3", "9")


def test_the_report_shows_the_worst_masks(run):
    page = run.report.read_text()
    for words in (
        "Mean Dice",
        "Mean boundary F",
        "Worst masks",
        "the image, its label, and the prediction",
        "Confused",
    ):
        assert words in page
    with Image.open(next((run.path / "errors").glob("*.png"))) as image:
        assert image.size == (3 * 32, 32)
    rows = list(csv.DictReader((run.path / "errors" / "errors.csv").read_text().splitlines()))
    assert [float(row["mean_iou"]) for row in rows] == sorted(float(row["mean_iou"]) for row in rows)


def test_predicted_masks_have_the_size_of_their_files(run, data, tmp_path, capsys):
    bundle = Path(shutil.copytree(run.path / "bundle", tmp_path / "bundle"))
    with pytest.raises(SystemExit, match="0"):
        main(["predict", str(bundle), str(data / "images"), "--masks", str(tmp_path / "masks"), "--json"])
    predicted = json.loads(capsys.readouterr().out)
    assert {tuple(one["size"]) for one in predicted} == {(32, 48)}
    right = []
    for path in sorted((data / "masks").iterdir()):
        with Image.open(tmp_path / "masks" / path.name) as written, Image.open(path) as given:
            assert (written.size, written.mode, written.getpalette()) == (given.size, given.mode, given.getpalette())
            right.append((np.asarray(written) == np.asarray(given)).mean())
    assert np.mean(right) > 0.9
    (one,) = run.predict(data / "images" / "00.png")
    assert (NUMBERS[one.prediction] == np.asarray(Image.open(tmp_path / "masks" / "00.png"))).all()
    assert sum(predicted[0]["area"].values()) == pytest.approx(1)
    with pytest.raises(SystemExit, match="2"):
        main(["predict", str(bundle), str(data / "images"), "--masks", str(tmp_path / "masks")])
    assert "is there already; name a new folder" in capsys.readouterr().err


def test_masks_of_mirrored_images_are_mirrored_with_test_time_augmentation(run, data):
    images = [np.asarray(Image.open(data / "images" / f"{n:02d}.png")) for n in range(8)]
    mirrored = [image[:, ::-1] for image in images]
    for tta, equal in (("flip", True), ("none", False)):
        pairs = zip(run.predict(images, tta=tta), run.predict(mirrored, tta=tta), strict=True)
        same = np.mean([one.prediction == other.prediction[:, ::-1] for one, other in pairs])
        assert (same > 0.9999) == equal
    assert run.evaluate(tta="flip")["mean_iou"]["value"] > run.metrics["test"]["mean_iou"]["low"]


def test_a_run_is_measured_by_the_masks_that_it_predicts(run, data):
    """In the pixels of the files, 32 x 48, which the network is shown at 21 x 32."""
    rows = [
        row for row in csv.DictReader((run.path / "predictions.csv").read_text().splitlines()) if row["split"] == "test"
    ]
    counts = np.zeros((3, 3), np.int64)
    for row in rows:
        (one,) = run.predict(data / row["id"])
        file = np.searchsorted(NUMBERS, read(data / row["id"].replace("images", "masks")))
        np.add.at(counts, (file, one.prediction), 1)
        assert float(row["pixel_accuracy"]) == pytest.approx((one.prediction == file).mean(), abs=1e-6)
    assert run.metrics["test"]["confusion_matrix"] == counts.tolist()
    iou = iou_of_counts(counts.diagonal(), counts.sum(1), counts.sum(0))
    assert run.metrics["test"]["mean_iou"]["value"] == pytest.approx(float(iou.mean()))


@pytest.fixture(scope="module")
def windowed(tmp_path_factory) -> tuple[Path, Run]:
    """Images of several sizes that keep them, some smaller than the window of 32 pixels."""
    data, generator = draw(tmp_path_factory.mktemp("data") / "sizes", count=16, size=(70, 90)), np.random.default_rng(0)
    for path in sorted((data / "images").iterdir()):
        height, width = (int(generator.integers(20, side)) for side in (70, 90))
        for file in (path, data / "masks" / path.name):
            Image.fromarray(read(file)[:height, :width]).save(file)
    settings = {**SMALL, "fit": "window", "augment": "none", "flip": True, "epochs": 3, "lr": 0.006}
    return data, train(data, out=tmp_path_factory.mktemp("runs") / "windowed", progress=False, **settings)


def test_images_that_keep_their_size_are_measured_and_predicted_through_windows(windowed, tmp_path):
    data, run = windowed
    preprocessing = Bundle.open(run.path / "bundle").preprocessing
    assert (preprocessing.canvas.fit, preprocessing.size) == ("window", (32, 32))
    sizes = [read(path).shape for path in (data / "images").iterdir()]
    assert (preprocessing.canvas.height, preprocessing.canvas.width) == tuple(np.max(sizes, 0).tolist())
    rows = list(csv.DictReader((run.path / "predictions.csv").read_text().splitlines()))
    for row in rows:
        (one,) = run.predict(data / row["id"])
        file = np.searchsorted(NUMBERS, read(data / row["id"].replace("images", "masks")))
        assert one.prediction.shape == file.shape
        assert float(row["pixel_accuracy"]) == pytest.approx((one.prediction == file).mean(), abs=1e-6)
    assert run.evaluate() == run.metrics["test"]
    assert "pixels_not_shown" not in run.metrics["test"]
    assert "augmented" in run.report.read_text().lower()


def test_images_larger_than_all_of_the_training_are_predicted_and_measured_whole(windowed, tmp_path):
    _, run = windowed
    larger = draw(tmp_path / "larger", count=6, size=(100, 130))
    (one,) = run.predict(larger / "images" / "00.png")
    assert one.prediction.shape == (100, 130)
    assert (one.prediction != IGNORE).all()
    figures = run.evaluate(larger)
    assert sum(map(sum, figures["confusion_matrix"])) == 6 * 100 * 130


def test_what_predict_and_evaluate_measure_of_images_of_their_own_size_is_what_training_measured(windowed, tmp_path):
    """The largest image that is evaluated makes the canvas larger than that of the training."""
    data, run = windowed
    bundle = Bundle.open(run.path / "bundle")
    shutil.copytree(data, tmp_path / "data")
    names = sorted(path.name for path in (data / "images").iterdir())
    for folder in ("images", "masks"):
        Image.fromarray(np.zeros((95, 121), np.uint8)).save(tmp_path / "data" / folder / "larger.png")
    samples = load_for_network(bundle, open_source(tmp_path / "data"))["all"]
    assert samples.pixels.shape[1:3] == (95, 121)
    known = read_known_images(run.path / "splits.csv").known_as(samples, dict)
    split_of = {row["id"]: row["split"] for row in csv.DictReader((run.path / "splits.csv").read_text().splitlines())}
    assert dict(zip(samples.ids, known, strict=True)) == {**split_of, "images/larger.png": "unseen"}
    predictor = ImagePredictor(bundle, Limits(), torch.device("cpu"))
    assert len(list(predictor.predict(NamedInput(one, str(data / "images" / one)) for one in names))) == len(names)
    measured = dict(zip(samples.ids, samples.pixels.measurements.statistics, strict=True))
    assert all((predictor.statistics[one] == measured[f"images/{one}"]).all() for one in names)


def test_features_of_a_run_with_windows_are_refused_in_a_line(windowed, shapes, tmp_path):
    with pytest.raises(SettingError, match="slides a window over images .fit = window., which gives no features"):
        features(shapes, weights=windowed[1].path, out=tmp_path / "f.npz", progress=False)
    assert not list(tmp_path.iterdir())


def test_a_recipe_with_windows_needs_no_crop(data):
    named = find_recipe("photos-from-scratch")
    named = replace(named, settings={**named.settings, "fit": "window"})
    assert resolve_with_data(open_source(data), named, {}).recipe.augment.crop == 1
    assert resolve_with_data(open_source(data), named, {"crop": 0.5}).recipe.augment.crop == 0.5


def test_masks_and_drawings_are_written_as_predictions_come(run, data, tmp_path):
    masks, drawn = tmp_path / "masks", tmp_path / "drawn"
    held: list[weakref.ref[Any]] = []
    with pytest.raises(SettingError, match="are one folder"):
        predict_files(run.path, [str(data / "images")], masks=str(masks), draw=str(masks))
    for count, one in enumerate(
        predict_files(run.path, [str(data / "images")], masks=str(masks), draw=str(drawn)), start=1
    ):
        assert [len(list(folder.iterdir())) for folder in (masks, drawn)] == [count, count]
        held.append(weakref.ref(one))
        assert sum(ref() is not None for ref in held) <= 2  # this one, and the one before it while the next is made
    assert len(held) == 40


def test_new_masks_within_a_folder_of_images_are_not_predicted_too(run, data, tmp_path):
    others = tmp_path / "others"
    others.mkdir()
    shutil.copy(data / "images" / "00.png", others / "a.png")
    paths = [str(data / "images" / "00.png"), str(others)]
    found = [one.path for one in predict_files(run.path, paths, masks=str(others / "masks"))]
    assert found == [paths[0], str(others / "a.png")]


def test_where_nothing_can_be_predicted_no_folder_is_made(run, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"")
    folders = [tmp_path / name for name in ("masks", "drawn")]
    arguments = [str(run.path), str(tmp_path / "broken.png"), "--masks", str(folders[0]), "--draw", str(folders[1])]
    with pytest.raises(SystemExit, match="2"):
        main(["predict", *arguments])
    assert "empty file" in capsys.readouterr().err
    assert not any(folder.exists() for folder in folders)


def test_predictions_are_drawn_into_their_images(run, data, tmp_path, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["predict", str(run.path), str(data / "images" / "00.png"), "--draw", str(tmp_path / "drawn")])
    capsys.readouterr()
    with Image.open(tmp_path / "drawn" / "00.png") as image:
        drawn = np.asarray(image)
    original = np.asarray(Image.open(data / "images" / "00.png"))
    mask = np.asarray(Image.open(data / "masks" / "00.png"))
    scale = drawn.shape[1] // original.shape[1]
    colored = np.abs(drawn[: scale * 32 : scale, ::scale].astype(int) - original[..., None]).max(2) > 20
    assert colored[mask > 0].mean() > 0.9


def test_a_mask_comes_back_from_random_views_as_good_as_from_plain_ones(run, data):
    bundle = Bundle.open(run.path / "bundle")
    samples = load_images(open_source(data), bundle.preprocessing.canvas, threads=1)["all"]
    images, positions = samples.images.permute(0, 3, 1, 2), torch.arange(len(samples))
    labels = torch.stack([torch.from_numpy(np.asarray(samples.targets.target(i))) for i in range(len(samples))])

    def of_counts(predicted: torch.Tensor, truth: torch.Tensor) -> float:
        counts = image_counts(predicted, truth, 3).sum(0).numpy()
        return float(mean_over_known(iou_of_counts(counts.diagonal(), counts.sum(1), counts.sum(0))))

    def mean_iou(policy: Policy) -> tuple[float, float]:
        """In the pixels of the view, to which masks are moved, and in those of the image, to which predictions come back."""
        shown, view = apply_policy(
            policy,
            images,
            positions,
            seed=0,
            epoch=0,
            size=bundle.preprocessing.size,
            normalization=bundle.preprocessing.normalization,
        )
        with torch.inference_mode():
            probabilities = bundle.model(shown).softmax(1)
        moved = samples.targets.gather_on(torch.device("cpu"))(positions, view)
        back = view.inverse_image(probabilities, (32, 32))
        inside = back.sum(1) > 0.99  # else nothing of it was shown
        return of_counts(probabilities.argmax(1), moved), of_counts(back.argmax(1), labels.where(inside, IGNORE))

    plain, same = mean_iou(Policy())
    assert plain == same
    assert plain > 0.8
    for policy in (Policy(flip=True), Policy(shift=0.1), Policy(zoom=0.2), Policy(rotate=5.0)):
        there, back = mean_iou(policy)
        assert there == pytest.approx(back, abs=0.04)
        assert there > plain - 0.25  # nothing but plain views was trained on
    assert mean_iou(Policy(flip=True))[0] == pytest.approx(plain, abs=0.04)


def test_images_of_16_bits_and_one_channel_are_segmented(tmp_path):
    data = draw(tmp_path / "medical", count=30)
    for path in (data / "images").iterdir():
        values = np.asarray(Image.open(path)).astype(np.uint16) * 16 + 100  # as of a scanner of 12 bits
        Image.fromarray(values).save(path)
    for path in (data / "masks").iterdir():
        mask = np.asarray(Image.open(path)).copy()
        Image.fromarray((mask == 3).astype(np.uint8) * 255).save(path)
    run = train(data, out=tmp_path / "run", progress=False, **{**SMALL, "epochs": 1})
    assert run.manifest["data"]["image"][2] == 1
    assert Bundle.open(run.path / "bundle").preprocessing.canvas.bits == 16
    (one,) = run.predict(data / "images" / "00.png")
    assert one.prediction.shape == (32, 48)
    with Image.open(io.BytesIO(one.mask_png() or b"")) as written:
        assert np.array_equal(np.asarray(written), one.prediction * 255)


@pytest.mark.large
def test_a_killed_run_resumes_to_the_same_weights(data, tmp_path):
    settings = {**SMALL, "checkpoint_every": 2, "augment": "default"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    touched = int(child(data, whole, settings=settings).stdout)
    child(data, killed, signal.SIGKILL, touched // 2, settings)
    resume(killed, progress=False)
    assert weights(killed) == weights(whole)
    assert Run(killed).metrics == Run(whole).metrics


def test_what_does_not_fit_masks_is_refused(data, run, shapes, tmp_path):
    for given, message in (
        (
            {"model": "bn_gap_cnn"},
            "gives one output for an image, .* choose a network that gives a class for each pixel",
        ),
        ({"loss": "mse"}, "loss = mse: is for regress, and the data are for segment, which takes cross_entropy.dice"),
    ):
        with pytest.raises(SettingError, match=message):
            train(data, out=tmp_path / "run", progress=False, **{**SMALL, **given})
    with pytest.raises(SettingError, match="gives a class for each pixel, and .* has one class per image"):
        train(shapes, out=tmp_path / "run", progress=False, **SMALL)
    with pytest.raises(SettingError, match="fit = window: is for images with masks, and .* has one class per image"):
        train(shapes, out=tmp_path / "run", progress=False, **{**QUICK, "fit": "window"})
    with pytest.raises(
        SettingError, match="crop = 0.5: with fit = window training draws crops of 32 pixels; leave it out"
    ):
        train(data, out=tmp_path / "run", progress=False, **{**SMALL, "fit": "window", "crop": 0.5})
    with pytest.raises(SettingError, match="fit = window: a sheet shows whole images"):
        augment(data, out=tmp_path / "sheet.png", fit="window")
    assert not (tmp_path / "run").exists()
    assert check(data, out=tmp_path / "check.html", progress=False).source.has_maps


def test_every_image_has_its_own_mask_file(run, data, tmp_path, capsys):
    names = ("a/x.png", "b/x.png", "c/x-2.png")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(data / "images" / "00.png", tmp_path / name)
    with pytest.raises(SystemExit, match="0"):
        main(["predict", str(run.path), *(str(tmp_path / name) for name in names), "--masks", str(tmp_path / "masks")])
    capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["x-2-2.png", "x-2.png", "x.png"]


def test_masks_are_not_asked_of_a_classifier(shapes, tmp_path, capsys):
    classifier = train(shapes, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 1})
    image = str(next(shapes.rglob("*.png")))
    with pytest.raises(SystemExit, match="2"):
        main(["predict", str(classifier.path), image, "--masks", str(tmp_path / "masks")])
    assert "this network predicts no masks" in capsys.readouterr().err
    assert not (tmp_path / "masks").exists()


def test_masks_are_mixed_neither_in_training_nor_on_the_sheet(data, tmp_path):
    each: list[dict[str, Any]] = [{"mosaic": 0.01}, {"cutmix": 1.0}]
    for mixing in each:
        with pytest.raises(SettingError, match="masks are not mixed"):
            train(data, out=tmp_path / "run", progress=False, **{**SMALL, **mixing})
        with pytest.raises(SettingError, match="boxes and masks are not mixed"):
            augment(data, out=tmp_path / "sheet.png", **mixing)
    assert list(tmp_path.iterdir()) == []


def test_weights_alone_choose_the_recipe_of_masks(tmp_path):
    source = open_source("mnist-scenes-segment:4")
    photos, masks = RECIPES["photos"], RECIPES["masks"]
    assert recipe_by_weights(source, photos, None) is masks
    assert recipe_by_weights(source, photos, "photos") is photos
