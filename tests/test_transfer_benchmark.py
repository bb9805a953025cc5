"""benchmarks.transfer: its images and splits are the same for all contenders, and its figures are compared within a seed."""

import csv
import json
import sys
from collections import Counter

import pytest
from benchmarks.processes import Cost, run
from benchmarks.transfer import ANSWERS, STRIATE, main, usable
from benchmarks.transfer_data import PACKAGES, make_images, split, tiny_split, write_split
from benchmarks.transfer_tables import Run, difference_table, paired, peer_table, verdict
from PIL import Image

from striate.progress import epoch_line
from striate.sources import Columns, open_source
from striate.tasks import Figure
from striate.training import Epoch

STAMPS = PACKAGES["stamps"]


@pytest.fixture
def package(tmp_path):
    """An unpacked package: ten images a class, of which one is a copy, one a link, and one a link that leads nowhere."""
    for number, label in enumerate(STAMPS.classes):
        folder = tmp_path / "package" / STAMPS.root / label / "kind"
        folder.mkdir(parents=True)
        for i in range(10):
            Image.new("RGBA", (8, 6), (10 * i, 10 * number, 0, 255)).save(folder / f"{i}.png")
        Image.new("RGBA", (8, 6), (0, 10 * number, 0, 255)).save(folder / "copy.png")
        (folder / "link.png").symlink_to("1.png")
        (folder / "nowhere.png").symlink_to("none.png")
    return tmp_path / "package"


@pytest.fixture
def images(package, tmp_path):
    return make_images(package, "stamps", tmp_path / "images")


def test_each_image_is_used_once(images):
    assert {label: len(paths) for label, paths in images.images.items()} == dict.fromkeys(STAMPS.classes, 10)
    assert all((images.folder / path).is_file() for paths in images.images.values() for path in paths)
    assert images.description.startswith("80 images in 8 classes (animals 10, ")


def test_transparent_pixels_become_white(package, tmp_path):
    stamp = package / STAMPS.root / "town" / "kind" / "0.png"
    Image.new("RGBA", (8, 6), (200, 0, 0, 0)).save(stamp)
    made = make_images(package, "stamps", tmp_path / "images")
    with Image.open(made.folder / "town" / "kind_0.png") as image:
        assert (image.mode, image.getpixel((0, 0))) == ("RGB", (255, 255, 255))


def test_what_a_package_lacks_is_named(package, tmp_path):
    with pytest.raises(SystemExit, match="oxygen-icon-theme_.*apt-get download oxygen-icon-theme"):
        make_images(package, "icons", tmp_path / "images")
    (package / STAMPS.root / "food").rename(package / STAMPS.root / "meals")
    with pytest.raises(SystemExit, match="has no PNG images in food"):
        make_images(package, "stamps", tmp_path / "images")


def test_a_split_is_stratified_and_drawn_by_the_seed(images):
    splits = split(images, 0)
    counts = Counter((path.split("/")[0], name) for path, name in splits.items())
    assert counts == {(label, name): size for label in STAMPS.classes for name, size in (("train", 8), ("test", 2))}
    assert splits == split(images, 0) != split(images, 1)


def test_fewer_training_images_are_among_the_more_and_are_tested_on_the_same(images):
    few, more = split(images, 3, 2), split(images, 3, 5)
    assert Counter(few.values()) == {"train": 16, "test": 16}
    assert few.items() < more.items() < split(images, 3).items()


def test_striate_reads_the_table_of_a_split(images, tmp_path):
    write_split(tmp_path / "split.csv", images, split(images, 0))
    source = open_source(tmp_path / "split.csv", columns=Columns(folder=str(images.folder)))
    assert {name: len(listing) for name, listing in source.splits.items()} == {"train": 64, "test": 16}
    write_split(tmp_path / "tiny.csv", images, tiny_split(images))
    with (tmp_path / "tiny.csv").open() as file:
        assert Counter(row["split"] for row in csv.DictReader(file)) == {"train": 32, "test": 16}


def finished(name, seed, accuracy, wall, answer=5.0, group="stamps"):
    return Run(name, group, seed, name, Cost(wall, 2 * wall, 100.0, 0.0, 0.0, answer), accuracy, {})


RUNS = [
    finished("striate", 0, 0.90, 10.0),
    finished("peer", 0, 0.80, 40.0),
    finished("peer", 1, 0.70, 80.0),  # the turns change
    finished("striate", 1, 0.80, 20.0),
    finished("slow", 0, 0.60, 500.0),
]


def test_contenders_are_compared_within_a_seed():
    assert [(a.seed, b.seed) for a, b in paired(RUNS, "striate", "peer")] == [(0, 0), (1, 1)]
    striate, peer, slow = peer_table(RUNS, ["striate", "peer", "slow", "absent"], STRIATE).splitlines()[2:]
    assert "| 85.0, 7.1, 80.0 to 90.0 " in striate
    assert "| +10.0 +- 0.0 " in peer
    assert "| 4.00 (4.00 to 4.00) " in peer
    assert "| 60.0, -, 60.0 to 60.0 " in slow
    assert "| +30.0 " in slow


def test_the_verdict_is_on_the_most_accurate_peer():
    assert verdict(RUNS, STRIATE).splitlines() == [
        "first answer after 5.0 s at most, target 30: met",
        "in all 20.0 s at most, target 90: met",
        "+10.0 +- 0.0 points against peer, the most accurate peer: met",
        "peer takes 4.00 times as long (lower quartile), target 3: met",
    ]
    worse = [*RUNS, finished("striate", 2, 0.1, 100.0, 31.0), finished("peer", 2, 0.9, 100.0)]
    assert verdict(worse, STRIATE).count("NOT met") == 4
    assert verdict(RUNS[1:3], STRIATE) == "striate was not run"


def test_a_curve_has_a_row_for_each_group():
    runs = [finished(name, seed, accuracy, 1.0, group="few") for seed in (0, 1) for name, accuracy in
            (("frozen", 0.5), ("whole", 0.6))]  # fmt: skip
    (row,) = difference_table(runs, ["few", "none"], "frozen", "whole").splitlines()[2:]
    assert [cell.strip() for cell in row.split("|")][1:5] == [
        "few", "50.0, 0.0, 50.0 to 50.0", "60.0, 0.0, 60.0 to 60.0", "+10.0 +- 0.0",
    ]  # fmt: skip


def test_the_time_of_the_first_answer_is_measured():
    program = "import time; print('start', flush=True); time.sleep(0.2); print('epoch 0', flush=True); time.sleep(0.2)"
    cost, output = run([sys.executable, "-c", program], answer=("head", "epoch"))
    assert output == "start\nepoch 0\n"
    assert cost.answer is not None
    assert 0.2 <= cost.answer <= cost.wall - 0.2
    assert run([sys.executable, "-c", program])[0].answer is None


def test_the_first_answer_of_striate_is_the_head_that_it_fits():
    head = Epoch(0, 0, 0.0, 0.5, (Figure("accuracy", 0.9),), 0.6, (Figure("accuracy", 0.8),), 50.0, 5.0)
    assert all(epoch_line(head, epochs, best=True, legend=True).startswith(ANSWERS) for epochs in (0, 6))


def test_a_peer_without_its_modules_is_left_out_and_named(tmp_path, capsys):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'fastai'\" >&2\nexit 1\n")
    python.chmod(0o755)
    assert usable({"fastai": python, "keras": None}) == {}
    assert capsys.readouterr().out.splitlines() == [
        f"fastai is left out: {python}: ModuleNotFoundError: No module named 'fastai'",
        "keras is left out: no interpreter is given for it (see benchmarks/README.md)",
    ]


STAND_IN = """#!{python}
import json, sys
from pathlib import Path
words = sys.argv
out = Path(words[words.index("--out") + 1])
out.mkdir()
accuracy = 0.5 if "--epochs" in words else 0.75
print("epoch 0/0", flush=True)
if "--folds" in words:
    runs = [{{"fold": n, "images": 16, "accuracy": accuracy + n / 100}} for n in range(1, 6)]
    (out / "folds.json").write_text(json.dumps({{"accuracy": {{"mean": accuracy + 0.03}}, "runs": runs}}))
else:
    assert "--image-root" in words and Path(words[2]).is_file()
    (out / "metrics.json").write_text(json.dumps({{"test": {{"accuracy": {{"value": accuracy}}}}}}))
"""


@pytest.mark.parametrize(
    ("mode", "runs", "row"),
    [
        ("peers", 2 * 2, "| striate            | 75.0, 0.0, 75.0 to 75.0"),
        ("curve", 2 * 2 * 5, "| stamps, 20 a class | 50.0, 0.0, 50.0 to 50.0"),
        ("folds", 2 * 2 * 5, "| stamps, seed 1 | 53.0, 1.6, 51.0 to 55.0"),
    ],
)
def test_each_mode_ends_in_a_table_and_a_file(mode, runs, row, package, tmp_path, monkeypatch, capsys):
    striate = tmp_path / "striate"
    striate.write_text(STAND_IN.format(python=sys.executable))
    striate.chmod(0o755)
    words = ["transfer", package, "--mode", mode, "--sets", "stamps", "--seeds", "2", "--striate", striate]
    monkeypatch.setattr(sys, "argv", [*map(str, words), "--out", str(tmp_path / "results" / "out.json")])
    main()
    printed = capsys.readouterr().out
    assert row in printed
    assert ("fastai is left out" in printed) is (mode == "peers")
    assert len(json.loads((tmp_path / "results" / "out.json").read_text())["runs"]) == runs
