"""Copies are found where they were planted, by name, and healthy images give nothing.

planted fault                                            faults
a copy of each of the ten kinds, within a split               10
the same across two splits                                    10
a copy, byte for byte: within, across, under two labels       3
a copy, pixel for pixel, in another format                    1
a black, a white and a gray image                           3
                                                             27
"""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from tests.audit.images_of_noise import COPIES, copies, fingerprints, textured

from striate.audit import candidates
from striate.audit.candidates import near_pairs
from striate.audit.duplicates import blank
from striate.audit.fingerprints import take_fingerprints
from striate.audit.unused_content import survey_findings
from striate.sources import open_source


def test_healthy_folders_give_nothing(healthy):
    assert copies(fingerprints(healthy)) == {}


def test_turns_mirrors_and_other_colors_are_no_copies(data):
    one = Image.open(data / "train/a/00.png")
    ImageOps.mirror(one).save(data / "train/a/mirror.png")
    ImageOps.flip(one).save(data / "train/a/flip.png")
    one.rotate(180).save(data / "train/a/turn.png")
    Image.merge("RGB", one.split()[::-1]).save(data / "train/a/other colors.png")
    Image.fromarray(255 - np.asarray(one)).save(data / "train/a/negative.png")
    assert copies(fingerprints(data)) == {}


@pytest.mark.parametrize("kind", COPIES)
def test_near_copies_within_and_across_splits(data, kind):
    for source, target in (("train/a/03.png", "train/a/copy.png"), ("train/b/04.png", "test/b/copy.png")):
        COPIES[kind](Image.open(data / source)).save(data / target)
    found = copies(fingerprints(data))
    assert {name: one.files for name, one in found.items()} == {
        "data-near-duplicates": (("train/a/03.png", "train/a/copy.png"),),
        "data-near-duplicates-across-splits": (("train/b/04.png", "test/b/copy.png"),),
    }
    assert found["data-near-duplicates"].finding.severity == "note"
    assert found["data-near-duplicates-across-splits"].finding.severity == "warning"


def test_exact_copies(data):
    shutil.copy(data / "train/a/01.png", data / "train/a/again.png")
    shutil.copy(data / "train/b/02.png", data / "test/b/leak.png")
    shutil.copy(data / "train/c/03.png", data / "train/b/other label.png")
    Image.open(data / "train/c/05.png").save(data / "train/c/same pixels.bmp")
    found = copies(fingerprints(data))
    assert {name: one.files for name, one in found.items()} == {
        "data-duplicates": (
            ("train/a/01.png", "train/a/again.png"),
            ("train/c/05.png", "train/c/same pixels.bmp"),
        ),
        "data-duplicates-across-splits": (("train/b/02.png", "test/b/leak.png"),),
        "data-two-labels": (("train/b/other label.png", "train/c/03.png"),),
    }
    assert found["data-duplicates-across-splits"].finding.severity == "stop"
    assert found["data-two-labels"].finding.evidence["labels"] == [["b", "c"]]


def test_blank_images_are_blank_and_no_copies(data):
    for name, color in (("black", 0), ("white", 255), ("gray", 90)):
        Image.new("L", (160, 120), color).save(data / f"train/a/{name}.png")
    dot = Image.new("L", (160, 120), 0)
    dot.paste(255, (70, 50, 76, 56))
    dot.save(data / "train/a/dot.png")
    found = copies(fingerprints(data))
    assert found.keys() == {"data-blank"}
    assert found["data-blank"].files == (("train/a/black.png",), ("train/a/gray.png",), ("train/a/white.png",))


def test_dark_noise_is_blank_and_dark_masks_are_not(data):
    random = np.random.default_rng(0)
    for i in range(4):
        mask = Image.new("L", (160, 120), 0)
        mask.paste(1, (20 + 20 * i, 30, 90 + 10 * i, 70 + 10 * i))
        mask.save(data / f"train/a/mask{i}.png")
    Image.fromarray(random.integers(0, 3, (120, 160), dtype=np.uint8)).save(data / "train/a/noise.png")
    assert copies(fingerprints(data))["data-blank"].files == (("train/a/noise.png",),)


def test_what_a_background_hides_is_neither_blank_nor_a_copy(tmp_path):
    for i in range(12):
        color, alpha = (0, 128, 255)[i % 3], Image.new("L", (64, 64), 0)
        alpha.paste(255, (4 + 2 * i, 8, 30 + 2 * i, 40))
        icon = Image.new("RGB", (64, 64), (color,) * 3)
        icon.putalpha(alpha)
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        icon.save(tmp_path / "ab"[i % 2] / f"{i}.png")
    prints = fingerprints(tmp_path)
    assert not copies(prints).keys() & {"data-blank", "data-duplicates", "data-two-labels"}
    hidden_by_white = {f"{'ab'[i % 2]}/{i}.png" for i in range(2, 12, 3)}
    assert {prints.id(i) for i in blank(prints)} == hidden_by_white  # the others show their shape on it


def test_colors_below_transparency_are_hidden_and_not_blank(tmp_path):
    for i in range(8):
        image = textured(i)
        image.putalpha(0)
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        image.save(tmp_path / "ab"[i % 2] / f"{i}.png")
    prints = fingerprints(tmp_path)
    assert copies(prints) == {}
    (found,) = survey_findings(prints.source.survey, prints.source.native())
    assert found.finding.id == "data-background"
    assert "--background" in found.finding.fix
    assert "--channels 4" in found.finding.fix


def test_transparent_images_without_colors_are_blank(data):
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(data / "train/a/empty.png")
    prints = fingerprints(data)
    assert copies(prints)["data-blank"].files == (("train/a/empty.png",),)
    assert prints.source.survey.hidden == {}


@pytest.mark.large
def test_mnist_has_no_copies():
    prints = take_fingerprints(open_source("mnist"), threads=1)
    assert len(prints) == 70_000
    assert copies(prints) == {}


def test_digits_on_large_canvases_are_no_copies_but_their_copies_are(tmp_path):
    digits = open_source("mnist").splits["train"]
    pixels = digits.store.preloaded(open_source("mnist").native())
    assert pixels is not None
    ones = pixels[digits.labels == 1][:150, ..., 0]
    for split in ("a", "b"):
        (tmp_path / split).mkdir()
    for i, one in enumerate(ones):
        Image.fromarray(one).resize((224, 224), Image.Resampling.BICUBIC).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    assert copies(fingerprints(tmp_path)) == {}
    Image.open(tmp_path / "a/4.png").save(tmp_path / "a/copy.jpg", quality=95)
    assert copies(fingerprints(tmp_path))["data-near-duplicates"].files == (("a/4.png", "a/copy.jpg"),)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 60), st.integers(0, 12), st.integers(0, 2**32))
def test_pairs_by_brute_force_are_all_pairs(count, limit, seed):
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, 1, np.uint64) ^ random.integers(0, 2**10, count, np.uint64)
    pairs = near_pairs(hashes, np.full(count, limit, np.uint8), most=10_000)
    near = np.bitwise_count(hashes[:, None] ^ hashes) <= limit
    assert pairs.tolist() == np.argwhere(np.triu(near, 1)).tolist()


def test_pairs_by_buckets_miss_few(monkeypatch):
    monkeypatch.setattr(candidates, "BRUTE", 0)
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, 4000, np.uint64)
    for n in range(1000):  # each has a twin, 8 bits away
        hashes[n + 1000] = hashes[n] ^ np.bitwise_or.reduce(
            np.uint64(1) << random.permutation(64)[:8].astype(np.uint64)
        )
    pairs = near_pairs(hashes, np.full(4000, 8, np.uint8), most=10_000)
    assert set(map(tuple, pairs.tolist())) <= {(n, n + 1000) for n in range(1000)}
    assert len(pairs) >= 980


def test_an_image_of_texture_has_copies_only_of_itself():
    assert np.asarray(textured(1)).tolist() != np.asarray(textured(2)).tolist()
