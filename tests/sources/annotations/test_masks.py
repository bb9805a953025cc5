"""Mask folders: layouts, kinds of mask files, which number is which class, and what is skipped."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.data import Limits
from striate.data.skipped_files import Unreadable
from striate.errors import DataError
from striate.sources import open_source
from striate.sources.annotations.mask_coding import _voc_palette
from striate.sources.annotations.mask_file import read_mask

Put = Callable[..., Path]
ANY = Limits(max_bad=1)


def put_mask(path: Path, values: Any, mode: str = "L") -> Path:
    """A mask of 24 x 32 whose left half is values[0], and so on in equal columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.repeat(np.array(values), 32 // len(values), 0)
    pixels = np.broadcast_to(columns, (24, *columns.shape))
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif mode == "P":
        image = Image.fromarray(pixels.astype(np.uint8)).convert("L")
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette([255 - i // 3 for i in range(768)])
        image.save(path)
    else:
        kind = {"L": np.uint8, "I;16": np.uint16, "RGB": np.uint8, "1": bool}[mode]
        Image.fromarray(pixels.astype(kind)).save(path)
    return path


def mask(root: Path, i: int = 0, split: str = "all") -> list[int]:
    """The classes in the first row, each once, in order."""
    found = open_source(root, ANY).sample(split, i).target
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.int64
    assert (found == found[0]).all()
    return [found[0, 0].item(), *(int(b) for a, b in zip(found[0], found[0, 1:], strict=False) if a != b)]


@pytest.mark.parametrize(
    ("image", "masked"),
    [
        ("images/{}1.jpg", "masks/{}1.png"),
        ("images/{}1.jpg", "labels/{}1.png"),
        ("Images/{}1.png", "annotations/{}1.png"),
        ("JPEGImages/{}1.jpg", "SegmentationClass/{}1.png"),
        ("images/{}1.jpg", "masks/{}1_mask.png"),
        ("{}images/1.jpg", "{}masks/1.png"),
        ("{}1.jpg", "{}1_mask.png"),
    ],
)
@pytest.mark.parametrize("splits", [("",), ("train/", "Validation/", "test/")])
def test_layouts(image: str, masked: str, splits: tuple[str, ...], tmp_path: Path, put: Put) -> None:
    for split in splits:
        put(tmp_path / image.format(split))
        put_mask(tmp_path / masked.format(split), [0, 2])
    source = open_source(tmp_path)
    assert (source.kind, source.task, source.classes) == ("mask folders", "segment", ("0", "2"))
    assert list(source.splits) == (["train", "val", "test"] if len(splits) > 1 else ["all"])
    assert [of.ids for of in source.splits.values()] == [(image.format(split),) for split in splits]
    assert mask(tmp_path, 0, next(iter(source.splits))) == [0, 1]
    assert source.digest() == open_source(source.location).digest()


KINDS = [
    ("1.png", "L", [0, 1, 2, 3], ("0", "1", "2", "3"), [0, 1, 2, 3]),
    ("1.png", "L", [3, 7], ("3", "7"), [0, 1]),
    ("1.png", "P", [0, 5], ("0", "5"), [0, 1]),
    ("1.png", "L", [0, 255], ("background", "foreground"), [0, 1]),
    ("1.png", "1", [False, True], ("0", "1"), [0, 1]),
    ("1.png", "L", [0, 1, 255, 0], ("0", "1"), [0, 1, -1, 0]),
    ("1.png", "P", [0, 20, 255, 0], ("0", "20"), [0, 1, -1, 0]),
    ("1.png", "I;16", [0, 1000], ("0", "1000"), [0, 1]),
    ("1.tif", "I;16", [0, 300, 255, 0], ("0", "300"), [0, 1, -1, 0]),
    ("1.npy", "L", [0, -1, 4, 0], ("0", "4"), [0, -1, 1, 0]),
    ("1.npy", "L", [True, False], ("0", "1"), [1, 0]),
    ("1.png", "RGB", [[0, 0, 0], [128, 0, 0], [224, 224, 192], [0, 128, 0]], ("0", "1", "2"), [0, 1, -1, 2]),
    ("1.png", "RGB", [[9, 9, 9], [200, 10, 3]], ("#090909", "#c80a03"), [0, 1]),
    ("1.png", "RGB", [[0, 0, 0], [255, 255, 255]], ("background", "foreground"), [0, 1]),
    ("1.png", "RGB", [[0, 0, 0], [2, 2, 2]], ("0", "2"), [0, 1]),
]


@pytest.mark.parametrize(("name", "mode", "values", "classes", "expected"), KINDS)
def test_numbers_and_colors_become_classes(
    name: str, mode: str, values: Any, classes: tuple[str, ...], expected: list[int], tmp_path: Path, put: Put
) -> None:
    put(tmp_path / "images/1.jpg")
    put_mask(tmp_path / "masks" / name, values, mode)
    assert open_source(tmp_path).classes == classes
    assert mask(tmp_path) == expected


def test_classes_are_those_of_all_masks_or_of_a_file(tmp_path: Path, put: Put) -> None:
    for i, value in enumerate([1, 2, 4]):
        put(tmp_path / f"images/{i}.jpg")
        put_mask(tmp_path / f"masks/{i}.png", [value])
    assert open_source(tmp_path).classes == ("1", "2", "4")
    assert [mask(tmp_path, i) for i in range(3)] == [[0], [1], [2]]
    (tmp_path / "classes.txt").write_text("sky\nroad\ncar\ntree\nman\n")
    assert open_source(tmp_path).classes == ("sky", "road", "car", "tree", "man")
    assert [mask(tmp_path, i) for i in range(3)] == [[1], [2], [4]]
    (tmp_path / "classes.txt").write_text("sky\nroad\n")
    with pytest.raises(DataError, match=r"masks/1.png contains 2, and the 2 classes have numbers from 0; fix"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("labelmap.txt", "# label:color_rgb:parts:actions\nroad:128,64,128::\nsky:70,130,180::\n"),
        ("class_dict.csv", "name,r,g,b\nroad, 128, 64, 128\nsky, 70, 130, 180\n"),
    ],
)
def test_a_color_table_names_and_orders_colors(file: str, content: str, tmp_path: Path, put: Put) -> None:
    put(tmp_path / "images/1.jpg")
    put_mask(tmp_path / "masks/1.png", [[70, 130, 180], [128, 64, 128]], "RGB")
    (tmp_path / file).write_text(content)
    assert open_source(tmp_path).classes == ("road", "sky")
    assert mask(tmp_path) == [1, 0]
    put_mask(tmp_path / "masks/1.png", [[70, 130, 180], [1, 2, 3]], "RGB")
    with pytest.raises(DataError, match=r"masks/1.png contains the color 1, 2, 3, which is not in the color table"):
        open_source(tmp_path)
    (tmp_path / file).write_text("a:1,2,3\nb:1,2,300\n")
    with pytest.raises(DataError, match=rf"{file}, line 2: b:1,2,300 is not a new name with a color"):
        open_source(tmp_path)


def test_the_palette_of_voc_by_its_published_values() -> None:
    table = [tuple(code.to_bytes(3, "big")) for code in _voc_palette()]
    assert table[:4] == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]
    assert table[15] == (192, 128, 128)  # person
    assert table[20] == (0, 64, 128)  # tvmonitor
    assert table[255] == (224, 224, 192)


@pytest.mark.parametrize("held", range(1, 9))
def test_a_mask_turns_with_an_image_on_its_side_where_sizes_then_agree(held: int, tmp_path: Path, put: Put) -> None:
    put(tmp_path / "images/1.jpg", held=held)
    stored = np.arange(24 * 32).reshape(24, 32) % 7
    put_mask(tmp_path / "masks/1.png", [0])
    Image.fromarray(stored.astype(np.uint8)).save(tmp_path / "masks/1.png")
    sample = open_source(tmp_path).sample("all", 0)
    turned = {5: stored.T, 6: stored[::-1].T, 7: stored[::-1, ::-1].T, 8: stored[:, ::-1].T}.get(held, stored)
    assert isinstance(sample.target, np.ndarray)
    assert (sample.target == turned).all()
    assert sample.image.shape[:2] == sample.target.shape
    if held >= 5:
        Image.fromarray(np.ascontiguousarray(stored.T).astype(np.uint8)).save(tmp_path / "masks/1.png")
        upright = open_source(tmp_path).sample("all", 0).target
        assert isinstance(upright, np.ndarray)
        assert (upright == stored.T).all()


def test_what_cannot_be_used_is_skipped_with_its_reason(tmp_path: Path, put: Put) -> None:
    root = tmp_path / "data"
    for name in ("good", "alone", "cut", "small", "jpeg", "out", "broken", "float", "twice"):
        put(root / f"images/{name}.jpg")
        put_mask(root / f"masks/{name}.png", [0, 1])
    (root / "masks/alone.png").rename(root / "masks/lonely.png")
    cut = root / "masks/cut.png"
    cut.write_bytes(cut.read_bytes()[:-20])
    Image.new("L", (16, 24)).save(root / "masks/small.png")
    put(root / "masks/jpeg.jpg").rename(root / "masks/jpeg.png")
    (root / "masks/out.png").unlink()
    (root / "masks/out.png").symlink_to(put_mask(tmp_path / "secret.png", [0, 9]))
    (root / "images/broken.jpg").write_bytes(b"<html>")
    (root / "masks/float.png").unlink()
    put_mask(root / "masks/float.npy", [0.5, 1.0])
    put(root / "images/twice.png")
    source = open_source(root, ANY)
    listing = source.splits["all"]
    assert source.classes == ("0", "1")
    assert listing.ids == ("images/good.jpg", "images/twice.jpg")
    assert {one.id: one.reason for one in listing.skipped} == {
        "images/alone.jpg": "unpaired",
        "masks/lonely.png": "unpaired",
        "masks/cut.png": "truncated",
        "masks/small.png": "another size",
        "masks/jpeg.png": "unreadable",
        "images/out.jpg": "unpaired",
        "masks/out.png": "link out of the folder",
        "images/broken.jpg": "not an image",
        "masks/float.npy": "unreadable",
        "images/twice.png": "unpaired",
    }
    small = next(one for one in listing.skipped if one.id == "masks/small.png")
    assert small.detail == "the mask is 16 x 24, and images/small.jpg is 32 x 24"
    with pytest.raises(DataError, match="10 of 12 files cannot be used"):
        open_source(root)


STOPS = [
    ([[0]], "L", "has only one class, 0; add masks that hold another"),
    ([[255, 255]], "L", "has masks with no value but 255"),
    ([list(range(32))] * 1, "RGBs", "has masks of 96 colors, such as #"),
    ([[0, 1], [[0, 0, 0], [1, 2, 3]]], "RGB", "has masks of numbers .* and masks of colors .*; use one kind"),
]


@pytest.mark.parametrize(("masks", "mode", "message"), STOPS)
def test_what_is_no_set_of_classes_stops_in_one_line(
    masks: list[Any], mode: str, message: str, tmp_path: Path, put: Put
) -> None:
    random = np.random.default_rng(0)
    for i, values in enumerate(masks if mode != "RGBs" else masks * 3):
        put(tmp_path / f"images/{i}.jpg")
        if mode == "RGBs":
            put_mask(tmp_path / f"masks/{i}.png", random.integers(0, 256, (32, 3)), "RGB")
        else:
            put_mask(tmp_path / f"masks/{i}.png", values, "RGB" if isinstance(values[0], list) else "L")
    with pytest.raises(DataError, match=message) as caught:
        open_source(tmp_path)
    assert str(caught.value).isprintable()


def test_a_photograph_or_an_array_of_instances_is_no_mask(
    tmp_path: Path, put: Put, scene: Callable[..., Image.Image]
) -> None:
    put(tmp_path / "images/1.png", 64, 64)
    put(tmp_path / "masks/1.png", 64, 64)
    with pytest.raises(DataError, match=r"masks/1.png has \d{4} different numbers or colors, too many for classes"):
        open_source(tmp_path)
    (tmp_path / "masks/1.png").unlink()
    np.save(tmp_path / "masks/1.npy", np.arange(64 * 64).reshape(64, 64) % 300)
    with pytest.raises(DataError, match="299 different numbers in its masks, like instance masks"):  # 255 is nothing
        open_source(tmp_path)
    np.save(tmp_path / "masks/1.npy", np.full((64, 64), -2))
    with pytest.raises(DataError, match=r"masks/1.npy contains -2, and classes have numbers from 0"):
        open_source(tmp_path)


@pytest.mark.parametrize("content", ["pickle", "bomb", "short", "header"])
def test_arrays_that_are_up_to_something_are_skipped(content: str, tmp_path: Path, put: Put) -> None:
    put(tmp_path / "images/1.jpg")
    put(tmp_path / "images/2.jpg")
    put_mask(tmp_path / "masks/1.png", [0, 1])
    file = tmp_path / "masks/2.npy"
    if content == "pickle":
        np.save(file, np.array([[print]], object), allow_pickle=True)
    else:
        stream = io.BytesIO()
        shape = (10**6, 10**6) if content == "bomb" else (24, 32)
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
        body = stream.getvalue().replace(b"24", b"((") if content == "header" else stream.getvalue()
        file.write_bytes(body + bytes(100))
    (skipped_ids,) = open_source(tmp_path, ANY).splits["all"].skipped
    assert skipped_ids.reason in ("unreadable", "decompression bomb", "truncated")
    assert skipped_ids.detail.isprintable()


def test_lists_of_voc_choose_and_split(tmp_path: Path, put: Put) -> None:
    for i in range(4):
        put(tmp_path / f"JPEGImages/{i}.jpg")
        put_mask(tmp_path / f"SegmentationClass/{i}.png", [0, 15, 255, 0], "P")
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets/Segmentation/train.txt").write_text("0\n2\n")
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("3\n")
    splits = open_source(tmp_path).splits
    assert {split: of.ids for split, of in splits.items()} == {
        "train": ("JPEGImages/0.jpg", "JPEGImages/2.jpg"),
        "val": ("JPEGImages/3.jpg",),
    }


def test_a_mask_that_changed_after_opening_is_unreadable(tmp_path: Path, put: Put) -> None:
    put(tmp_path / "images/1.jpg")
    put_mask(tmp_path / "masks/1.png", [0, 1])
    source = open_source(tmp_path)
    put_mask(tmp_path / "masks/1.png", [0, 9])
    with pytest.raises(Unreadable, match="a number or color that it did not contain"):
        source.sample("all", 0)
    Image.new("L", (9, 9)).save(tmp_path / "masks/1.png")
    with pytest.raises(Unreadable, match="the mask was 32 x 24 when the data was opened"):
        source.sample("all", 0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not take these names")
def test_any_name_is_printable_and_its_own(tmp_path: Path, put: Put) -> None:
    for name in ("new\nline", "\udcff\udcfe", "right\u202eto left", "-rf", "%s<b>"):
        put(tmp_path / f"images/{name}.jpg")
        put_mask(tmp_path / f"masks/{name}.png", [0, 1])
    source = open_source(tmp_path)
    assert len(set(source.splits["all"].ids)) == 5
    assert all(one.isprintable() for one in source.splits["all"].ids)
    assert [mask(tmp_path, i) for i in range(5)] == [[0, 1]] * 5


def test_an_array_over_the_limit_is_not_read(tmp_path: Path) -> None:
    file = put_mask(tmp_path / "1.npy", [0, 1])
    assert read_mask(file, Limits(max_pixels=24 * 32))[0].shape == (24, 32)
    with pytest.raises(Unreadable, match="decompression bomb: declares 32 x 24 pixels, more than the limit of 767"):
        read_mask(file, Limits(max_pixels=24 * 32 - 1))


def test_an_image_beside_its_mask_may_have_any_extension(tmp_path: Path, put: Put) -> None:
    put(tmp_path / "1.jpg").rename(tmp_path / "1.jfif")
    put_mask(tmp_path / "1_mask.png", [0, 1])
    put(tmp_path / "2.jpg")
    put_mask(tmp_path / "2_mask.png", [0, 1])
    assert open_source(tmp_path).splits["all"].ids == ("1.jfif", "2.jpg")


def test_what_one_mask_alone_holds_is_told_with_its_file(tmp_path: Path, put: Put) -> None:
    for i in range(10):
        put(tmp_path / "images" / f"{i}.png")
        put_mask(tmp_path / "masks" / f"{i}.png", [0, 1, 2, 77 if i == 3 else 1])
    (note,) = open_source(tmp_path).notes
    assert (
        note
        == "1 class occurs in only one mask: 77 in masks/3.png; correct the masks if that is a mistake, such as smoothed edges"
    )
    put_mask(tmp_path / "masks" / "4.png", [0, 1, 2, 77])
    assert open_source(tmp_path).notes == ()  # a class of two images
    (tmp_path / "classes.txt").write_text("\n".join(map(str, range(100))))
    put_mask(tmp_path / "masks" / "4.png", [0, 1, 2, 0])
    assert all("77" in note for note in open_source(tmp_path).notes)
    for i in range(10):
        put_mask(tmp_path / "masks" / f"{i}.png", [[0, 0, 0], [9, 9, 200], [9, 200, 9], [127, 1, i == 3]], "RGB")
    (tmp_path / "classes.txt").unlink()
    assert "#7f0101 in masks/3.png" in open_source(tmp_path).notes[0]


@pytest.mark.parametrize("folders", [("images", "masks"), ("images",)])
def test_a_folder_without_masks_is_told_in_words_of_masks(tmp_path: Path, put: Put, folders: tuple[str, ...]) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    put(tmp_path / "images" / "1.png")
    with pytest.raises(
        DataError,
        match="the folder of masks .*masks has no readable mask|a folder masks beside it, with a mask for each",
    ):
        open_source(tmp_path)
