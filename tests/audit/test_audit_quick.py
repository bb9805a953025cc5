"""The quick findings: each is found where it was planted, with its figures, and healthy data gives none.

Planted: files skipped, a single image, few images, imbalance, duplicates across splits (4 shapes, 1 folder), one
image under two labels (2): 11.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from striate.audit import FEW, IMBALANCE
from striate.audit.balance import absent_classes
from striate.audit.split_checks import check_splits
from striate.data import (
    ClassTargets,
    LabeledImages,
    MaskTargets,
    SkippedFile,
    Splits,
    TensorImages,
    load_images,
    measurements,
    split_samples,
)
from striate.findings import Finding
from striate.number_format import percent
from striate.sources import open_source


def split_of(counts: list[int], name: str, seed: int, skipped: tuple[SkippedFile, ...] = ()) -> LabeledImages:
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    images = torch.randint(0, 256, (len(labels), 5, 5, 3), generator=torch.Generator().manual_seed(seed)).to(
        torch.uint8
    )
    ids = tuple(f"{name}/{i}.png" for i in range(len(labels)))
    return LabeledImages(TensorImages(images), ClassTargets(labels.numpy()), ids, tuple("abc"[: len(counts)]), skipped)


def healthy() -> Splits:
    return Splits(split_of([30, 40, 50], "train", 1), split_of([5, 5, 5], "val", 2), split_of([6, 6, 6], "test", 3))


def one(splits: Splits, severity: str = "warning") -> Finding:
    (finding,) = check_splits(splits)
    assert finding.fix
    assert finding.severity == severity
    assert "\n" not in finding.message
    return finding


def across(splits: Splits) -> list[Finding]:
    return [finding for finding in check_splits(splits) if finding.id == "data-duplicates-across-splits"]


def test_healthy_data_gives_no_findings() -> None:
    assert check_splits(healthy()) == []
    assert check_splits(Splits(split_of([FEW, FEW], "train", 1), None, None)) == []


def test_mnist_gives_no_findings() -> None:
    source = open_source("mnist")
    loaded = load_images(source, source.native(), threads=1)
    assert check_splits(split_samples(loaded, val=0.1, test=0, seed=0)) == []


def test_files_skipped_are_counted_by_reason() -> None:
    skipped_ids = tuple(SkippedFile(f"x{i}.jpg", "truncated" if i else "empty file", "why") for i in range(3))
    base = healthy()
    finding = one(Splits(split_of([30, 40, 50], "train", 1, skipped_ids), base.val, base.test))
    assert finding.id == "data-files-skipped"
    assert finding.message == "3 of 156 files cannot be used: 2 truncated, 1 empty file, such as x0.jpg."
    assert finding.evidence["first"][0] == "x0.jpg: empty file: why"
    assert "--max-pixels" not in finding.fix
    large = (SkippedFile("large.jpg", "decompression bomb", "why"),)
    assert "--max-pixels" in one(Splits(split_of([30, 40, 50], "train", 1, large), base.val, base.test)).fix


def test_a_class_with_one_image() -> None:
    splits = Splits(split_of([30, 1, 20], "train", 1), split_of([5, 0, 5], "val", 2), None)
    found = {finding.id: finding for finding in check_splits(splits)}
    assert found["data-single-image-class"].evidence == {"classes": ["b"], "count": 1}
    assert "data-few-images" not in found


def test_classes_with_few_images() -> None:
    finding = one(Splits(split_of([FEW, FEW - 1, 2 * FEW], "train", 1), split_of([1, 1, 1], "val", 2), None))
    assert finding.id == "data-few-images"
    assert finding.evidence == {"images": {"b": FEW - 1}, "count": 1}


def test_classes_of_which_nothing_is_measured() -> None:
    classes, counts = ("a", "b", "c"), {"train": [30, 40, 1], "val": [5, 0, 0], "test": [0, 6, 0]}
    (finding,) = absent_classes(classes, counts, ["val", "test"])
    assert (finding.id, finding.severity) == ("data-absent-classes", "note")
    assert finding.message == (
        "1 of 3 classes has no image in val and 1 of 3 classes has no image in test, so they are not measured there."
    )
    assert finding.evidence == {"val": ["b"], "test": ["a"]}  # of one image nothing could be measured in any case
    assert absent_classes(classes, counts, []) == []
    assert absent_classes(classes, {"train": [9, 9, 9], "val": [1, 1, 1]}, ["val"]) == []


def test_imbalance() -> None:
    smallest = FEW
    assert check_splits(Splits(split_of([smallest, round(IMBALANCE * smallest)], "train", 1), None, None)) == []
    finding = one(Splits(split_of([smallest, round(IMBALANCE * smallest) + 1], "train", 1), None, None))
    assert finding.id == "data-imbalance"
    assert finding.evidence == {"images": {"b": 101, "a": 10}}


@pytest.mark.parametrize("shape", [(5, 5, 3), (28, 28, 1), (1, 1, 1), (2, 4, 1)])
def test_duplicates_across_splits(shape: tuple[int, int, int]) -> None:
    base = healthy()
    assert base.val is not None
    random = torch.Generator().manual_seed(4)

    def reshaped(samples: LabeledImages, low: int, high: int) -> LabeledImages:
        images = torch.randint(low, high, (len(samples), *shape), generator=random).to(torch.uint8)
        return LabeledImages(TensorImages(images), samples.targets, samples.ids, samples.classes)

    train, val = reshaped(base.train, 0, 100), reshaped(base.val, 100, 256)
    assert across(Splits(train, val, None)) == []
    planted = val.images.clone()
    planted[3], planted[11] = train.images[17], train.images[100]
    (finding,) = across(Splits(train, replace(val, pixels=TensorImages(planted)), None))
    assert finding.severity == "stop"
    assert finding.evidence["count"] == 2
    if shape != (1, 1, 1):  # one pixel has few values, so another image may be the same too
        assert finding.evidence["pairs"] == [["train/17.png", "val/3.png"], ["train/100.png", "val/11.png"]]


@pytest.mark.parametrize("where", ["train", "val"])
def test_one_image_under_two_labels(where: str) -> None:
    base = healthy()
    assert base.val is not None
    other = base.train if where == "train" else base.val
    other.images[-1] = base.train.images[2]
    found = {finding.id: finding for finding in check_splits(base)}
    assert found.keys() == {"data-two-labels"} | ({"data-duplicates-across-splits"} if where == "val" else set())
    assert found["data-two-labels"].evidence == {"count": 1, "first": [["train/2.png (a)", f"{other.ids[-1]} (c)"]]}


def test_one_image_with_two_masks_of_the_same_classes() -> None:
    train = split_of([30, 40, 50], "train", 1)
    masks = np.random.default_rng(0).integers(0, 3, (len(train), 9, 9)).astype(np.uint8)
    train.images[-1] = train.images[2]
    masks[-1] = masks[2]
    splits = Splits(replace(train, targets=MaskTargets(masks, 3)), None, None)
    assert check_splits(splits) == []
    masks[-1] = masks[2].T
    found = one(splits)
    share = percent((masks[2] != masks[2].T).mean())
    assert (
        found.message == f"1 image has two labels, pixel for pixel, such as masks that differ in {share} of the pixels."
    )
    assert found.evidence == {"count": 1, "first": [[f"{train.ids[-1]} (a, b, c)", "train/2.png (a, b, c)"]]}


def test_nearly_equal_black_and_white_images_are_no_duplicates() -> None:
    pages = torch.zeros(65, 8, 8, 1, dtype=torch.uint8)
    pages[torch.arange(64), torch.arange(64) // 8, torch.arange(64) % 8] = (
        255  # each differs from the next by two pixels
    )
    labels = torch.arange(64) % 2
    names = tuple(f"{i}.png" for i in range(64))
    first, other = (
        LabeledImages(TensorImages(images), ClassTargets(labels.numpy()), names, ("a", "b"))
        for images in (pages[:64], pages[:64].roll(1, 2) // 255 * 128)
    )
    assert check_splits(Splits(first, other, None)) == []
    same = check_splits(
        Splits(
            first,
            LabeledImages(TensorImages(pages[:64].clone()), ClassTargets(labels.numpy()), names, ("a", "b")),
            None,
        )
    )
    assert [finding.evidence["count"] for finding in same] == [64]


def test_what_shares_a_hash_is_compared_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurements, "content_hashes", lambda images: np.zeros(len(images), np.uint64))
    assert check_splits(healthy()) == []


def test_a_folder_with_a_copied_image(tmp_path: Path) -> None:
    for name in ("train/cat", "train/dog", "test/cat"):
        (tmp_path / name).mkdir(parents=True)
        for i in range(12):
            Image.new("RGB", (8, 8), (i, len(name), sum(map(ord, name)) % 256)).save(tmp_path / name / f"{i}.png")
    loaded = load_images(source := open_source(tmp_path), source.native(), threads=1)
    assert check_splits(split_samples(loaded, val=0, test=0, seed=0)) == []
    (tmp_path / "test/cat/copy.png").write_bytes((tmp_path / "train/cat/7.png").read_bytes())
    loaded = load_images(source := open_source(tmp_path), source.native(), threads=1)
    finding = one(split_samples(loaded, val=0, test=0, seed=0), "stop")
    assert finding.evidence["pairs"] == [["train/cat/7.png", "test/cat/copy.png"]]
