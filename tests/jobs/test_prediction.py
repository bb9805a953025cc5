"""Prediction: one for each input, in order, from whatever Python code has; what cannot be read is marked in its place."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from striate.analysis import image_predictor
from striate.cli import main
from striate.data.threads import in_threads
from striate.errors import DataError
from striate.jobs import predict
from striate.training import predict_inputs


@pytest.fixture
def broken(shapes, tmp_path) -> Path:
    path = tmp_path / "broken.png"
    path.write_bytes((shapes / "dark" / "0.png").read_bytes()[:300])
    return path


def command(capsys, *arguments: str) -> tuple[int, str, str]:
    code: Any = 0
    try:
        main(["predict", *arguments])
    except SystemExit as ended:
        code = ended.code or 0
    reported = capsys.readouterr()
    return code, reported.out, reported.err


def test_a_broken_one_is_marked_in_its_place(trained, shapes, broken):
    ok, other = shapes / "dark" / "0.png", shapes / "light" / "0.png"
    given = [ok, broken, other, shapes / "absent.png", None, ok]
    found = trained.predict(given)
    assert [one.path for one in found] == [*map(str, given[:4]), "input[4]", str(ok)]
    assert [one.error is None for one in found] == [True, False, True, False, False, True]
    assert found[0].prediction == "dark"
    assert found[2].prediction == "light"
    assert "truncated" in found[1].error
    assert found[3].error == "no such file or folder"
    for one in (found[1], found[3], found[4]):
        assert (one.prediction, one.confidence, one.probabilities) == (None, None, {})
        assert "\n" not in one.error
    assert found[0].probabilities == found[5].probabilities


def test_images_are_decoded_many_at_a_time_where_the_network_takes_few(trained, shapes, broken, monkeypatch):
    """So few that threads, which take 16 each, would have nothing to share."""
    given = [shapes / "dark" / "0.png", broken, shapes / "light" / "0.png"] * 13
    expected, together, shown = trained.predict(given), [], []

    def counted(work: Any, count: int, threads: int) -> None:
        together.append(count)
        in_threads(work, count, threads)

    def outputs(model: Any, task: Any, inputs: torch.Tensor, *rest: Any) -> torch.Tensor:
        shown.append(len(inputs))
        return predict_inputs(model, task, inputs, *rest)

    monkeypatch.setattr(image_predictor, "inference_batch_size", lambda *_: 4)
    monkeypatch.setattr(image_predictor, "in_threads", counted)
    monkeypatch.setattr(image_predictor, "predict_inputs", outputs)
    found = trained.predict(given)
    assert (together, shown) == ([39, 39], [4] * 6 + [2])  # headers, then pixels
    for one, wanted in zip(found, expected, strict=True):
        assert (one.path, one.prediction, one.error) == (wanted.path, wanted.prediction, wanted.error)


def test_a_bundle_is_enough(trained, shapes, tmp_path, capsys):
    """Copied away from its run, on the command line and from Python; a damaged one is refused in one line."""
    image, alone = shapes / "dark" / "0.png", tmp_path / "alone"
    shutil.copytree(trained.path / "bundle", alone)
    for bundle in (alone, trained.path / "bundle"):
        assert predict(bundle, [image]) == trained.predict([image])
    code, out, _ = command(capsys, str(alone), str(image), "--csv")
    assert code == 0
    assert "dark" in out
    (alone / "model.safetensors").write_bytes(b"")
    code, _, err = command(capsys, str(alone), str(image))
    assert code == 2
    assert "model.safetensors: was changed after it was written" in err


@pytest.mark.parametrize("count", [63, 64, 65, 130])
def test_batches_leave_no_one_out(trained, shapes, broken, count):
    files = [broken if i % 7 == 0 else shapes / "dark" / f"{i % 20}.png" for i in range(count)]
    assert [one.path for one in trained.predict(files)] == list(map(str, files))


def test_nothing_gives_nothing_and_only_broken_ones_are_all_marked(trained, broken):
    assert trained.predict([]) == []
    assert trained.predict(()) == []
    assert trained.predict(iter([])) == []
    assert [one.prediction for one in trained.predict([broken, broken])] == [None, None]


def test_a_folder_stands_for_its_files_also_within_a_list(trained, shapes, broken, tmp_path):
    (tmp_path / "mixed" / "inner").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for name in ("a.png", "inner/c.png"):
        (tmp_path / "mixed" / name).write_bytes((shapes / "light" / "1.png").read_bytes())
    (tmp_path / "mixed" / "b.png").write_bytes(broken.read_bytes())
    found = trained.predict([shapes / "dark" / "0.png", tmp_path / "mixed", tmp_path / "empty"])
    assert [Path(one.path).name for one in found] == ["0.png", "a.png", "b.png", "c.png", "empty"]
    assert [one.prediction for one in found] == ["dark", "light", None, "light", None]
    assert found[-1].error.endswith("this folder has no image")
    assert trained.predict(tmp_path / "mixed") == trained.predict([tmp_path / "mixed"])


@pytest.mark.parametrize("given", ["absent.png", b"no image", None, 3, np.full((24, 24, 3), np.nan)])
def test_one_thing_by_itself_that_is_no_image_is_an_error(trained, given):
    with pytest.raises(DataError) as caught:
        trained.predict(given)
    assert "\n" not in str(caught.value)


def test_every_form_of_an_image_gets_the_same_probabilities_bit_for_bit(trained, shapes):
    path = shapes / "striped" / "3.png"
    content, pixels = path.read_bytes(), np.asarray(Image.open(path))
    (expected,) = trained.predict(path)
    forms = [str(path), content, io.BytesIO(content), Image.open(path), Image.fromarray(pixels), pixels, pixels[None]]
    forms += [torch.from_numpy(pixels.copy()).permute(2, 0, 1), pixels / 255, pixels.astype(np.float32)]
    for form in forms:
        (found,) = trained.predict(form)
        assert found.probabilities == expected.probabilities
        assert found.path == (str(path) if isinstance(form, str) else "input[0]")


def test_a_batch_gives_a_prediction_for_each(trained, shapes):
    pixels = np.stack([np.asarray(Image.open(shapes / kind / "0.png")) for kind in trained.classes])
    found = trained.predict(pixels)
    assert [one.prediction for one in found] == list(trained.classes)
    assert [one.path for one in found] == ["input[0]", "input[1]", "input[2]"]
    assert [one.prediction for one in trained.predict(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255)] == list(
        trained.classes
    )


def test_classes_and_history(trained):
    assert trained.classes == ("dark", "light", "striped")
    assert [row["epoch"] for row in trained.history] == list(range(1, 9))
    for row in trained.history:
        assert {type(row[name]) for name in ("epoch", "step")} == {int}
        assert {type(row[name]) for name in row if name not in ("epoch", "step")} == {float}
    assert trained.history[-1]["val_loss"] < trained.history[0]["val_loss"]


def test_the_command_line_has_a_row_for_each_in_all_three_forms(trained, shapes, broken, capsys):
    files = [str(shapes / "dark" / "0.png"), str(broken), "absent.png", str(shapes / "light" / "0.png")]
    code, out, err = command(capsys, str(trained.path), *files)
    assert code == 0
    reasons = [f"{broken}: truncated: Truncated File Read", "absent.png: no such file or folder"]
    assert err.splitlines() == reasons
    assert "absent.png" in out
    assert "truncated" in out
    assert "Truncated File Read" not in out
    code, out, err = command(capsys, str(trained.path), *files, "--csv")
    assert err.splitlines() == reasons
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [row["path"] for row in rows] == files
    assert [row["prediction"] for row in rows] == ["dark", "", "", "light"]
    assert [row["error"] != "" for row in rows] == [False, True, True, False]
    assert [row["confidence"] == "" for row in rows] == [False, True, True, False]
    code, out, _ = command(capsys, str(trained.path), *files, "--json")
    answers = json.loads(out)
    assert code == 0
    assert [one["prediction"] for one in answers] == ["dark", None, None, "light"]
    assert [one["error"] is None for one in answers] == [True, False, False, True]


def test_without_errors_the_table_has_no_column_for_them(trained, shapes, capsys):
    code, out, err = command(capsys, str(trained.path), str(shapes / "dark" / "0.png"))
    assert (code, err) == (0, "")
    assert "error" not in out


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_where_nothing_could_be_predicted_it_is_one_line_and_exit_code_2(trained, broken, capsys, form):
    for given, expected_message in (
        (["absent.png"], "striate: absent.png: no such file or folder"),
        ([str(broken)], f"striate: {broken}: truncated"),
        ([str(broken), "absent.png"], "none of 2 inputs is an image that can be read"),
    ):
        code, out, err = command(capsys, str(trained.path), *given, *form)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert expected_message in err


def test_of_animations_the_first_frame_is_predicted_and_reported(trained, tmp_path, caplog):
    frames = [Image.new("RGB", (24, 24), color) for color in ("black", "white")]
    for name, many in (("a.gif", frames), ("b.gif", frames[:1]), ("c.tif", frames)):
        many[0].save(tmp_path / name, save_all=True, append_images=many[1:])
    found = trained.predict([tmp_path / name for name in ("a.gif", "b.gif", "c.tif")])
    assert all(one.error is None for one in found)
    reported = [record.message for record in caplog.records if "data-first-frame" in record.message]
    assert len(reported) == 1
    assert reported[0].startswith("note: 2 ")
    caplog.clear()
    trained.predict([tmp_path / "b.gif"])
    assert not any("data-first-frame" in record.message for record in caplog.records)


def test_images_that_wait_for_one_scale_keep_their_places(trained, shapes, broken, tmp_path):
    pixels = np.asarray(Image.open(shapes / "striped" / "0.png").convert("L")).astype(np.uint16)
    wide = [tmp_path / "wide-1.png", tmp_path / "wide-2.png"]
    for path, factor in zip(wide, (16, 8), strict=True):
        Image.fromarray(pixels * factor).save(path)
    plain = [shapes / "dark" / "0.png", shapes / "light" / "0.png"]
    mixed = [plain[0], wide[0], plain[1], broken, wide[1]]
    found = {Path(one.path): one.probabilities for one in trained.predict(mixed)}
    assert list(found) == mixed
    for apart in (plain, wide):
        for one in trained.predict(apart):
            assert list(found[Path(one.path)].values()) == pytest.approx(list(one.probabilities.values()), abs=1e-5)
