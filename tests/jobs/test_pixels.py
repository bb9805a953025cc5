"""One contract from file to network: what the data ask for reaches training, the bundle, evaluation, prediction and check."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.jobs.conftest import QUICK

from striate.analysis.baseline import no_better_than_baseline
from striate.analysis.evaluation_data import load_for_network
from striate.cli import main
from striate.data import decode_image
from striate.errors import DataError
from striate.jobs import Checked, check, train
from striate.runs import RunFolder
from striate.sources import open_source
from striate.tasks import Figure
from striate.training import Recipe, ResolvedRecipe, find_recipe
from striate.training.data_defaults import canvas_of, resolve_with_data
from striate.training.recipe_choice import choose_recipe

Draw = Callable[[np.random.Generator, int], Any]


def folders(root: Path, draw: Draw, count: int = 20, seed: int = 0, **how: Any) -> Path:
    """Class folders a and b of PNGs; draw(generator, class)."""
    random = np.random.default_rng(seed)
    for label, name in enumerate("ab"):
        (root / name).mkdir(parents=True)
        for i in range(count):
            image = draw(random, label)
            image = image if isinstance(image, Image.Image) else Image.fromarray(image)
            image.save(root / name / f"{i}.png", **how)
    return root


def wide(random: np.random.Generator, label: int, at: int | None = None) -> np.ndarray[Any, Any]:
    """What tells the classes apart lies at one end, or at `at`."""
    image = random.integers(200, 256, (12, 60, 3), dtype=np.uint8)
    start = int(random.integers(1, 5)) if at is None else at
    image[3:9, start : start + 8] = ((255, 0, 0), (0, 0, 255))[label]
    return image[:, ::-1] if random.random() < 0.5 else image


def blob(random: np.random.Generator, label: int, side: int = 24) -> np.ndarray[Any, Any]:
    """A square or a cross on a dark ground, 0 to 255."""
    image = random.uniform(0, 60, (side, side))
    y, x = random.integers(7, side - 7, 2)
    if label:
        image[y - 5 : y + 5, x - 1 : x + 2] = image[y - 1 : y + 2, x - 5 : x + 5] = 230
    else:
        image[y - 5 : y + 5, x - 5 : x + 5] = 230
    return image


def icon(random: np.random.Generator, label: int) -> np.ndarray[Any, Any]:
    shape = blob(random, label)
    return np.dstack([np.full((24, 24, 3), 255), np.where(shape > 100, 255, random.integers(0, 2, (24, 24)))]).astype(
        np.uint8
    )


def resolved(data: Path, **reported: Any) -> ResolvedRecipe:
    return resolve_with_data(open_source(data), find_recipe("photos-from-scratch"), reported)


def canvas(data: Path, recipe: Recipe) -> Any:
    return canvas_of(open_source(data), recipe)


def cli(*arguments: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    assert ended.value.code == 0


def ids(checked: Checked) -> list[str]:
    return [one.finding.id for one in checked.findings]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- fit


def test_the_ends_of_wide_images_are_learned_and_predicted_from(at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = train(folders(at / "data", wide, 30), out=at / "run", size=40, **{**QUICK, "epochs": 6})
    assert run.metrics["test"]["accuracy"]["value"] == 1
    assert "fit: whole images are kept" in capsys.readouterr().out
    recipe = (at / "run/recipe.toml").read_text()
    assert 'fit = "contain"' in recipe
    assert "size = 40" in recipe
    assert RunFolder.open(at / "run").bundle().preprocessing.canvas.fit == "contain"
    new = folders(at / "new", wide, 2)
    reported = [one.prediction for one in run.predict(sorted(new.rglob("*.png")))]
    assert reported == ["a", "a", "b", "b"]


def test_settings_of_whole_images(at: Path) -> None:
    data = folders(at / "data", wide, 6)
    found = resolved(data)
    assert (found.recipe.data.fit, found.recipe.model.size, found.recipe.augment.crop) == ("contain", 60, 1.0)
    assert found.origins["fit"] == found.origins["size"] == found.origins["crop"] == "data"
    assert canvas(data, found.recipe).shape == (60, 60, 3)
    # what a person typed wins
    assert resolved(data, fit="cover").recipe.model.size == 12
    assert resolved(data, fit="cover").recipe.augment.crop == 0.35
    assert resolved(data, crop=0.5).recipe.augment.crop == 0.5
    large = resolved(data, size=128, crop=0.5).recipe
    assert canvas(data, large).height == 128  # no margin, which evaluation would cut off
    assert canvas(data, resolved(data, fit="cover", size=128).recipe).height == 146


@pytest.mark.parametrize(("settings", "crop"), [({}, 0.6), ({"augment": "strong"}, 0.25), ({"crop": 1.0}, 1.0)])
def test_the_recipe_for_photos_crops_whole_images(settings: dict[str, Any], crop: float, at: Path) -> None:
    data = folders(at / "data", lambda random, _: random.integers(0, 256, (90, 120, 3), dtype=np.uint8), 6)
    found = resolve_with_data(open_source(data), find_recipe("photos"), settings)
    assert (found.recipe.data.fit, found.recipe.augment.crop) == ("contain", crop)
    assert found.recipe.transfer.freeze_batch_norm
    assert resolved(data, fit="cover", **settings).recipe.data.fit == "cover"


def test_images_with_empty_ends_and_ordinary_ones_stay_as_they_were(at: Path) -> None:
    empty = folders(at / "empty", lambda random, label: wide(random, label, at=26), 6)
    ordinary = folders(at / "ordinary", lambda random, _: random.integers(0, 256, (90, 120, 3), dtype=np.uint8), 6)
    for data, side in ((empty, 12), (ordinary, 90)):
        found = resolved(data)
        assert (found.recipe.data.fit, found.recipe.data.background, found.recipe.data.bits) == ("cover", "white", 8)
        assert (found.recipe.model.size, found.recipe.augment.crop) == (side, 0.35)


def test_ends_that_a_person_cuts_off_are_reported_and_explain_why_nothing_is_learned(at: Path) -> None:
    run = train(folders(at / "data", wide), out=at / "run", progress=False, fit="cover", **{**QUICK, "epochs": 1})
    cropped = next(one for one in run.findings if one.id == "data-cropped")
    assert cropped.evidence["cut"] == 0.8
    assert "--fit contain" in cropped.fix
    accuracy = Figure("accuracy", 0.5, 0.2, 0.8).as_json()
    nothing = {"accuracy": accuracy, "baseline": {"value": 0.5, "prediction": "always 'a'"}, "images": 6}
    (finding,) = no_better_than_baseline({"test": nothing}, "test", [cropped], epochs=20, trained_briefly=False)
    assert finding.fix == cropped.fix
    (finding,) = no_better_than_baseline({"test": nothing}, "test", [cropped], epochs=20, trained_briefly=True)
    assert finding.fix.startswith("train longer")
    (finding,) = no_better_than_baseline({"test": nothing}, "test", [], epochs=0, trained_briefly=False)
    assert finding.fix == "gather more images, or fine-tune (--epochs 1 or more)"  # a head has no learning rate


# ---- bits


def test_a_network_of_8_bits_reads_16_bit_files_of_small_values_as_8_bit_files(at: Path) -> None:
    run = train(
        folders(at / "eight", lambda r, k: blob(r, k).astype(np.uint8)), out=at / "run", progress=False, **QUICK
    )
    sixteen = folders(at / "sixteen", lambda r, k: blob(r, k).astype(np.uint16))
    preprocessing = RunFolder.open(at / "run").bundle().preprocessing
    for file in sorted(sixteen.rglob("*.png"))[::8]:
        one, other = (
            decode_image(path, preprocessing.canvas, preprocessing.limits)
            for path in (file, at / "eight" / file.relative_to(sixteen))
        )
        assert (one == other).all()
    probabilities = [[one.confidence for one in run.predict(folder)] for folder in (sixteen, at / "eight")]
    assert probabilities[0] == probabilities[1]


@pytest.mark.parametrize(
    ("times", "levels", "message", "bits"),
    [
        (1, (0, 4095), "levels: 12 bits in use", 16),
        (1 / 16, (2048, 2062), "levels: integers that fill 0.34 % of 12 bits", 8),
    ],
)
def test_a_narrow_band_of_12_bits_is_neither_blank_nor_dark(
    times: float, levels: tuple[int, int], message: str, bits: int, at: Path
) -> None:
    data = folders(at / "data", lambda r, k: (blob(r, k) * times + 2048).astype(np.uint16))
    checked = check(data, progress=False)
    assert ids(checked) == []
    survey = checked.as_json()["survey"]
    assert (survey["bits_in_use"], survey["levels"]["integers"]) == (12 if levels[0] == 0 else None, levels)
    assert message in survey["messages"][0]
    assert checked.inventory["contrast"][0] > 20
    assert resolved(data).recipe.data.bits == bits


def test_a_new_data_set_of_more_bits_has_one_scale_whatever_the_exposure_of_an_image(at: Path) -> None:
    """Each second image is dim, and alone would be taken for one of fewer bits."""

    def exposed(random: np.random.Generator, label: int) -> Any:
        return (blob(random, label) * (0.2 if random.random() < 0.5 else 1)).astype(np.uint8)

    def raw(random: np.random.Generator, label: int) -> Any:
        return exposed(random, label).astype(np.uint16) * 16

    run = train(folders(at / "data", exposed), out=at / "run", progress=False, **{**QUICK, "epochs": 1})
    bundle = RunFolder.open(run.path).bundle()
    as_learned, as_new = (
        load_for_network(bundle, open_source(data))["all"].images for data in (at / "data", folders(at / "new", raw))
    )
    assert (as_learned.int() - as_new.int()).abs().max() <= 1
    # and the same predictions, however they are asked for
    files = sorted(folders(at / "unknown", raw, 10, seed=1).rglob("*.png"))
    arrays = [np.asarray(Image.open(file)) for file in files]
    expected = run.predict(at / "unknown")
    surprise = -np.mean([np.log(one.probabilities[Path(one.path).parent.name]) for one in expected])
    assert run.evaluate(at / "unknown")["log_loss"]["value"] == pytest.approx(surprise, abs=1e-6)
    labels = [file.parent.name for file in files]
    ragged = [np.concatenate([one, one[:1]]) if i == 0 else one for i, one in enumerate(arrays)]
    in_lists = -np.mean(
        [np.log(one.probabilities[name]) for one, name in zip(run.predict(ragged), labels, strict=True)]
    )
    assert run.evaluate((ragged, labels))["log_loss"]["value"] == pytest.approx(in_lists, abs=1e-6)
    forms: list[Any] = [files, (file.read_bytes() for file in files), [Image.open(file) for file in files], arrays]
    forms += [np.stack(arrays), [one.astype(np.int32) for one in arrays], [at / "data", *files][1:]]
    for form in forms:
        found = run.predict(form)
        assert [one.probabilities for one in found] == [one.probabilities for one in expected]
    # 8-bit images among them stay in their places, and say themselves what is white
    eight, mixed = at / "data" / "a" / "0.png", [files[0], at / "data" / "a" / "0.png", *files[1:]]
    (alone,), among = run.predict([eight]), run.predict(mixed)
    assert [one.path for one in among] == list(map(str, mixed))
    assert among[1].probabilities == pytest.approx(alone.probabilities, abs=1e-6)


def test_images_of_one_value_are_blank_in_any_unit(at: Path) -> None:
    data = folders(at / "data", lambda r, k: (blob(r, k) / 16 + 2048).astype(np.uint16))
    Image.fromarray(np.full((24, 24), 2050, np.uint16)).save(data / "a" / "blank.png")
    (found,) = (one for one in check(data, progress=False).findings if one.finding.id == "data-blank")
    assert found.files == (("a/blank.png",),)


def test_images_that_differ_in_low_bits_are_no_copies(at: Path) -> None:
    """Hundreds of 16 bits apart, in a set that is spread over all of them."""
    data = folders(at / "data", lambda r, k: (blob(r, k) * 257).astype(np.uint16))
    image = np.asarray(Image.open(data / "a" / "0.png")).copy()
    for n in (1, 2):
        image[3, n] ^= 1
        Image.fromarray(image).save(data / "a" / f"other{n}.png")
    assert "data-duplicates" not in ids(check(data, progress=False))


# ---- background


def test_what_every_background_hides_is_not_blank_to_check(at: Path) -> None:
    data = folders(
        at / "data", lambda r, _: np.dstack([r.integers(0, 256, (24, 24, 3)), np.zeros((24, 24))]).astype(np.uint8)
    )
    found = ids(check(data, progress=False))
    assert "data-background" in found
    assert "data-blank" not in found


def test_white_icons_reach_the_network_and_check(at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = folders(at / "data", icon)
    checked = check(data, progress=False)
    assert not {"data-blank", "data-background", "data-duplicates"} & set(ids(checked))
    assert checked.inventory["contrast"][0] > 50
    train(data, out=at / "run", **{**QUICK, "epochs": 1})
    assert "transparency: images are put on black, since white hides what 100 % of them show" in capsys.readouterr().out
    assert RunFolder.open(at / "run").bundle().preprocessing.canvas.rendering.background == "black"
    assert 'background = "black"' in (at / "run/recipe.toml").read_text()


def test_a_background_that_hides_everything_is_named(at: Path) -> None:
    data = folders(at / "data", lambda r, k: icon(r, k) | np.array([0, 0, 0, 0], np.uint8))
    for file in data.rglob("*.png"):  # all alike once they are on white
        pixels = np.asarray(Image.open(file)).copy()
        pixels[..., 3] = np.where(pixels[..., 3] > 100, 255, 0)
        Image.fromarray(pixels).save(file)
    with pytest.raises(
        DataError, match=r"identical.*show next to nothing on white. Fix: train with --background black"
    ):
        train(data, out=at / "run", progress=False, background="white", **QUICK)
    assert not (at / "run").exists()


# ---- limits


def test_a_large_image_has_a_way_in(at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = folders(at / "data", lambda r, k: blob(r, k).astype(np.uint8))
    large = data / "a" / "large.png"
    Image.fromarray(blob(np.random.default_rng(7), 0, 60).astype(np.uint8)).save(large)
    cli("check", data, "--quiet", "--max-pixels", 3599)
    screen = capsys.readouterr().out
    assert "data-bomb" in screen
    assert "raise --max-pixels" in screen
    cli("check", data, "--quiet", "--max-pixels", 3600)
    assert "data-bomb" not in capsys.readouterr().out
    run = train(data, out=at / "run", progress=False, max_pixels=3599, **{**QUICK, "epochs": 1})
    assert "data-files-skipped" in [one.id for one in run.findings]
    assert RunFolder.open(at / "run").bundle().preprocessing.max_pixels == 3599
    assert len(run.predict(large)) == 1  # new images are held against no less than by default
    with pytest.raises(SystemExit):
        main(["predict", str(at / "run"), str(large), "--max-pixels", "3599"])
    assert "--max-pixels 3600 lets it in" in capsys.readouterr().err


def test_the_default_recipe_needs_no_more_than_the_survey(at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(folders(at / "data", lambda r, k: blob(r, k).astype(np.uint8)))
    resolve_with_data(source, choose_recipe(source, {}).named, {})
    monkeypatch.setattr("striate.data.source.survey", lambda *_: pytest.fail("surveyed again"))
    resolve_with_data(source, choose_recipe(source, {}).named, {})
