"""Flips are off where a mirror turns one class into another, unless a person asks for them; and a line tells it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.jobs.conftest import QUICK

from striate.audit.mirrored_labels import resolve_flips
from striate.data import printable
from striate.jobs import augment, resume, train, train_folds
from striate.training import RECIPES, NamedRecipe, ResolvedRecipe, read_toml, resolve
from striate.views import POLICIES


def arrows(folder: Path, names: tuple[str, str], each: int = 30) -> Path:
    """Two classes of arrows somewhere in the image, the second mirrored."""
    draw = np.random.default_rng(0)
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            image = draw.integers(0, 60, (24, 24))
            x, y = draw.integers(2, 14), draw.integers(8, 16)
            for d in range(8):
                image[y - d : y + d + 1, x + d] = 230
            image = image[:, ::-1] if number else image
            Image.fromarray(image.astype(np.uint8)).save(folder / name / f"{i}.png")
    return folder


def no_sample() -> tuple[torch.Tensor, torch.Tensor]:
    raise AssertionError("names are enough, or nothing is to be decided")


def nothing() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.empty(0), torch.empty(0, dtype=torch.int64)


def settings(recipe: str = "photos", **reported: object) -> ResolvedRecipe:
    return resolve({"augment": "default", **reported}, NamedRecipe(recipe, {}, ""))


@pytest.mark.parametrize("policy", [name for name, policy in POLICIES.items() if policy.flip])
def test_every_policy_that_flips_is_asked(policy):
    flips = resolve_flips(settings(augment=policy), ("turn left", "turn right"), no_sample)
    assert (flips.settings.recipe.augment.flip, flips.settings.origins["flip"]) == (False, "data")
    assert flips.messages == (
        "classes turn left and turn right are mirror images of each other: no flips (--flip turns them on)",
    )
    assert flips.findings == ()


@pytest.mark.parametrize("policy", [name for name, policy in POLICIES.items() if not policy.flip])
def test_a_policy_that_does_not_flip_costs_nothing(policy):
    before = settings(augment=policy)
    flips = resolve_flips(before, ("left", "right"), no_sample)
    assert flips.settings == before
    assert not flips.messages
    assert not flips.findings


def test_healthy_data_are_flipped_and_asked_once():
    flips = resolve_flips(settings(), ("cat", "dog"), nothing)
    assert (flips.settings.recipe.augment.flip, flips.settings.origins["flip"]) == (True, "data")
    assert not flips.messages
    assert not flips.findings
    assert resolve_flips(flips.settings, ("cat", "dog"), no_sample) == flips


@pytest.mark.parametrize(
    ("reported", "classes", "fix"),
    [
        ({"flip": True}, ("left", "right"), "--no-flip"),
        ({"flip_vertical": True, "flip": False}, ("up", "down"), "--no-flip-vertical"),
        ({"rotate": 180.0, "flip": False}, ("up", "down"), "--rotate 15"),
    ],
)
def test_flips_that_were_asked_for_stay_with_a_finding(reported, classes, fix):
    before = settings(**reported)
    flips = resolve_flips(before, classes, no_sample)
    assert flips.settings == before
    assert flips.messages == ()
    (finding,) = flips.findings
    assert (finding.id, finding.severity, finding.fix) == ("augment-mirrored-labels", "warning", fix)
    assert finding.evidence["classes"] == [list(classes)]


def test_test_time_augmentation_of_a_recipe_is_off_where_a_mirror_exchanges_classes():
    flips = resolve_flips(resolve({}, RECIPES["fashion-best"]), ("left", "right"), no_sample)
    assert (flips.settings.recipe.data.tta, flips.settings.origins["tta"]) == ("none", "data")
    assert flips.messages[-1].endswith(": no test-time augmentation (--tta flip turns it on)")
    healthy = resolve_flips(resolve({}, RECIPES["fashion-best"]), ("cat", "dog"), nothing)
    assert (healthy.settings.recipe.data.tta, healthy.messages, healthy.findings) == ("flip", (), ())


def test_test_time_augmentation_that_was_asked_for_stays_with_a_finding():
    before = settings(tta="flip", flip=False)
    flips = resolve_flips(before, ("left", "right"), no_sample)
    assert flips.settings == before
    (finding,) = flips.findings
    assert (finding.evidence["setting"], finding.fix) == ("tta", "--tta none")
    assert finding.message.startswith("--tta flip predicts images of class left together with their mirror images")
    healthy = resolve_flips(before, ("cat", "dog"), nothing)
    assert healthy.findings == ()
    assert healthy.messages[-1].startswith(
        "tta = flip: usually makes a network less accurate that was trained without flips"
    )
    with_flips = resolve_flips(settings(tta="flip", flip=True), ("cat", "dog"), nothing)
    assert with_flips.messages == ()


@pytest.mark.parametrize("typed", [{"flip": False}, {"augment": "digits"}])
def test_a_recipes_test_time_augmentation_needs_its_flips(typed):
    named = RECIPES["fashion-best"]
    assert resolve(typed, named).recipe.data.tta == "none"
    assert resolve({**typed, "tta": "flip"}, named).recipe.data.tta == "flip"
    assert resolve({}, named).recipe.data.tta == "flip"


def test_flips_that_were_asked_for_of_healthy_data_are_silent():
    assert resolve_flips(settings(flip=True), ("cat", "dog"), nothing).findings == ()
    assert resolve_flips(settings(flip_vertical=True, flip=False), ("left", "right"), nothing).findings == ()
    assert resolve_flips(settings(rotate=180.0, flip=False), ("cat", "dog"), nothing).findings == ()
    assert resolve_flips(settings(rotate=90.0, flip=False), ("up", "down"), no_sample).findings == ()


def test_several_pairs_are_counted():
    line = resolve_flips(settings(), ("a left", "a right", "b left", "b right"), no_sample).messages[0]
    assert "a left and a right are mirror images of each other (and 1 more pair): no flips" in line


def test_a_run_on_arrows_with_neutral_names(tmp_path, capsys):
    data = arrows(tmp_path / "data", ("a", "b"))
    run = train(data, out=tmp_path / "run", **{**QUICK, "epochs": 1, "augment": "default"})
    reported = capsys.readouterr().out
    assert (
        "mirrored images of class a resemble class b, and those of b resemble a: no flips (--flip turns them on"
        in reported
    )
    recipe, source = read_toml(run.path / "recipe.toml")
    assert (recipe["flip"], source["flip"]) == (False, "data")
    assert not [one for one in run.findings if one.id == "augment-mirrored-labels"]
    assert "--no-flip" not in run.manifest["command"]

    flipped = train(
        data, out=tmp_path / "flipped", progress=False, **{**QUICK, "epochs": 1, "augment": "light", "flip": True}
    )
    (finding,) = [one for one in flipped.findings if one.id == "augment-mirrored-labels"]
    assert finding.evidence["judged_by"] == "images"


def test_a_run_that_is_resumed_keeps_what_was_decided(tmp_path, monkeypatch):
    data = arrows(tmp_path / "data", ("a", "b"))
    options = {**QUICK, "epochs": 2, "augment": "default", "progress": False}
    whole = train(data, out=tmp_path / "whole", **options)
    from striate.jobs import train_network

    with monkeypatch.context() as patched:  # cut off after the first epoch
        patched.setattr(train_network, "finish_run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(data, out=tmp_path / "cut", **options)
    assert read_toml(tmp_path / "cut" / "recipe.toml")[1]["flip"] == "data"
    monkeypatch.setattr("striate.audit.mirrored_labels.exchanged_classes", no_sample)
    resume(tmp_path / "cut", progress=False)
    bundles = [(path / "bundle" / "model.safetensors").read_bytes() for path in (whole.path, tmp_path / "cut")]
    assert bundles[0] == bundles[1]


def test_augment_shows_the_same_decision(tmp_path, monkeypatch, shapes):
    monkeypatch.chdir(tmp_path)
    made = augment(arrows(tmp_path / "data", ("a", "b")), rows=2, columns=2)
    assert not any("flip" in step for step in made.steps)
    assert len(made.notes) == 1
    assert "class a resemble class b" in made.notes[0]
    asked = augment(tmp_path / "data", rows=2, columns=2, flip=True)
    assert any("flip" in step for step in asked.steps)
    assert [one.id for one in asked.findings] == ["augment-mirrored-labels"]
    healthy = augment(shapes, rows=2, columns=2)
    assert any("flip" in step for step in healthy.steps)
    assert not healthy.notes
    assert not healthy.findings


def test_a_name_with_an_escape_is_shown_as_it_is():
    (line,) = resolve_flips(settings(), ("/", printable("\\")), no_sample).messages
    assert line.startswith("classes / and \\\\ are mirror images of each other: no flips")


def test_folds_are_of_one_method_decided_before_the_first(tmp_path, monkeypatch, capsys):
    data = arrows(tmp_path / "data", ("a", "b"))
    begun = []

    def stop(source, decided, *_):
        begun.append(decided)
        raise KeyboardInterrupt

    monkeypatch.setattr("striate.jobs.cross_validate.start_run", stop)
    with pytest.raises(KeyboardInterrupt):
        train_folds(data, folds=3, out=tmp_path / "cv", **{**QUICK, "epochs": 1, "augment": "default"})
    assert (begun[0].recipe.augment.flip, begun[0].origins["flip"]) == (False, "data")
    assert "mirrored images of class a resemble class b" in capsys.readouterr().out
