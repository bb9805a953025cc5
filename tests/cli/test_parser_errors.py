"""What was typed wrong: one line and exit code 2; and whole numbers, however they are typed."""

import importlib
import typing
from pathlib import Path

import pytest
from tests.cli.typed import striate

from striate.cli.app import create_app
from striate.cli.verbs import VERBS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "no command is called 'trian'; did you mean train"),
        (["--foo"], "no command is called '--foo'; known: augment, check"),
        (["train"], "DATA is missing; example: striate train mnist"),
        (["predict"], "RUN is missing; example: striate predict runs/digits digit.png"),
        (["train", "mnist", "--epohcs", "3"], "train has no option --epohcs; did you mean --epochs"),
        (["train", "mnist", "--learning-rate", "0.1"], "train has no option --learning-rate; use --lr"),
        (["train", "mnist", "--grad-clip=1"], "train has no option --grad-clip; use --clip-grad-norm"),
        (["augment", "mnist", "--wd", "1"], "augment has no option --wd"),
        (["check", "mnist", "--enough"], "check has no option --enough; use --learning-curve"),
        (["train", "mnist", "--lerning-rate", "1"], "train has no option --lerning-rate; use --lr"),
        (["train", "mnist", "--workers", "1"], "train has no option --workers; use --threads"),
        (["version", "--json"], "version has no option --json\n"),
        (["train", "mnist", "--lr", "high"], "--lr 'high': must be a number"),
        (["train", "mnist", "--flip=perhaps"], "--flip 'perhaps': must be true or false"),
        (["train", "mnist", "--lr"], "--lr: a value is missing; `striate train --help` shows"),
        (["train", "mnist", "--lr", "1", "--lr", "2"], "--lr is given twice"),
        (["train", "mnist", "photos"], "'photos': train takes no such argument"),
        (["train", "mnist", "--epochs", "three"], "--epochs"),
        (["train", "mnist", "--epochs", "1.5"], "--epochs '1.5': must be a whole number"),
        (["train", "mnist", "--size", "nan"], "--size 'nan': must be a whole number"),
        (["train", "mnist", "--seed", "inf"], "--seed 'inf': must be a whole number"),
        (["augment", "mnist", "--rows", "2.5"], "--rows '2.5': must be a whole number"),
        (["info", "lenet5", "--classes", "9.5"], "--classes '9.5': must be a whole number"),
        (["train", "mnist", "--epochs", "0"], "epochs = 0: with weights = none nothing would be learned"),
        (["train", "mnits"], "did you mean mnist"),
        (["train", "no/such/folder"], "no/such/folder"),
        (
            ["train", "mnist-scenes"],
            "training takes one class per image, sets of classes, numbers or masks so far; "
            "train on the outlines of the objects, drawn into masks, with --task segment",
        ),
        (["train", "mnist-scenes:many"], "no number of scenes after the colon"),
        (["train", "mnist", "--model", "lenet6"], "did you mean lenet5"),
        (["train", "mnist", "--recipe", "fast"], "mnist-fast"),
        (["train", "mnist", "--recipe", "absent.toml"], "absent.toml: there is no such file"),
        (["train", "mnist", "--optimizer", "adamx"], "sgd, adam"),
        (["train", "mnist", "--val", "0.99"], "val = 0.99"),
        (
            ["train", "mnist", "--val", "0.6", "--test", "0.6"],
            "val = 0.6 and test = 0.6: sum to 1.2, and must be below 1 together",
        ),
        (["train", "mnist", "--threads", "999"], "threads = 999: this machine has"),
        (["train", "mnist", "--optimizer", "sgd", "--nesterov", "--momentum", "0"], "needs a momentum above 0"),
        (["train", "mnist", "--device", "cuda:77"], "device = 'cuda:77': is not available here; available: auto, cpu"),
        (["train", "mnist", "--device", "tpu9"], "tpu9"),
        (["train", "mnist", "--folds", "1"], "folds = 1: a single fold leaves no"),
        (["train", "mnist", "--folds", "5"], "mnist has a test split, and cross-validation makes its own"),
        (["train", "mnist", "--group", r"(\d+"], r"group = '(\d+': is no column"),
        (["train", "mnist", "--group", "patient"], "group = 'patient': is no column (mnist has no columns)"),
        (["train", "mnist", "--split", "nowhere.csv"], "split = 'nowhere.csv': takes stratified, random"),
        (["train", "mnist", "--normalize", "imagenet"], "3 channels and the images have 1; use --channels 3"),
        (["train", "mnist", "--cache", "ram"], "takes one of auto, memory, disk, none"),
        (["train", "mnist", "--size", "8", "--model", "digit_cnn"], "size = 8: too small for digit_cnn"),
        (["augment"], "DATA is missing"),
        (["augment", "mnits"], "did you mean mnist"),
        (["augment", "mnist", "--augment", "strnog"], "takes one of none, light"),
        (["augment", "mnist", "--size", "2"], "size = 2: out of range"),
        (["augment", "mnist", "--rows", "0"], "rows = 0: out of range"),
        (["augment", "mnist", "--out", "no/such/sheet.png"], "there is no folder no/such"),
        (["augment", "mnist", "--epochs", "3"], "--epochs"),
        (["check", "mnist", "--out", "no/such/page.html"], "there is no folder no/such"),
        (["evaluate", "no-run"], "no-run: no such run"),
        (["resume", "no-run"], "no-run: no such run"),
        (["predict", "no-run", "x.png"], "no-run: no such run"),
        (["models", "zzz"], "no network matches 'zzz'"),
        (["recipes", "mnits"], "no recipe is called 'mnits', and a file of settings ends in .toml; did you mean mnist"),
        (["recipes", "absent.toml"], "absent.toml: there is no such file"),
        (["runs", "no/such/folder"], "no/such/folder: no such folder"),
        (["runs", "--sort", "figures"], 'Did you mean "figure"'),
        (["info", "lenet6"], "did you mean lenet5"),
        (["info", "digit_cnn", "--size", "8"], "too small"),
        (["info", "lenet5", "--size", "0"], "size must be at least 1, not 0"),
        (["info", "lenet5", "--object-size", "0"], "object_size must be at least 1 pixel, not 0"),
    ],
)
def test_what_was_typed_wrong_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = striate(*arguments)
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert refused.err.startswith("striate: ")
    assert message in refused.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("typed", "number"), [("3", 3), ("+3", 3), ("3.0", 3), ("1e3", 1000), ("10_000", 10_000)])
def test_whole_numbers_are_taken_as_people_type_them(typed: str, number: int) -> None:
    _, bound, _ = create_app().parse_args(["train", "mnist", "--epochs", typed], exit_on_error=False, print_error=False)
    assert bound.arguments["settings"].epochs == number


@pytest.mark.parametrize("verb", list(VERBS))
def test_no_option_takes_half_a_number_for_a_whole_one(verb: str) -> None:
    function = getattr(importlib.import_module(f"striate.cli.{verb}"), verb)
    hints = typing.get_type_hints(function, include_extras=True)
    for name, hint in hints.items():
        bare = {hint, *(() if typing.get_origin(hint) is typing.Annotated else typing.get_args(hint))}
        assert int not in bare, f"striate {verb} --{name} is no WholeNumber"
