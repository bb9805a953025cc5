"""Images and labels in memory: every form that Python users have becomes the same source, and what is wrong is one line."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from striate.data import Limits, Source, load_images
from striate.errors import DataError
from striate.sources import IN_MEMORY, open_in_memory

COUNT = 12
X = np.random.default_rng(0).integers(0, 256, (COUNT, 9, 8, 3), dtype=np.uint8)
Y = np.arange(COUNT) % 3
NAMES = [("cat", "dog", "eel")[label] for label in Y]


def pixels(source: Source, split: str = "all") -> npt.NDArray[Any]:
    return load_images(source, source.native(), threads=2, only=split)[split].pixels.all().numpy()


def files(folder: Path, count: int = COUNT) -> list[Path]:
    paths = [folder / f"{i}.png" for i in range(count)]
    for path, image in zip(paths, X, strict=False):
        Image.fromarray(image).save(path)
    return paths


@pytest.mark.parametrize(
    "images",
    [
        X,
        X.transpose(0, 3, 1, 2),
        torch.from_numpy(X).permute(0, 3, 1, 2),
        X / 255,
        (X / 255).astype(np.float32),
        X.astype(np.float64),
        X.astype(np.int32),
        X[:, :, ::-1].copy()[:, :, ::-1],
        list(X),
        [torch.from_numpy(x).permute(2, 0, 1) for x in X],
        [Image.fromarray(x) for x in X],
        tuple(Image.fromarray(x) if i % 2 else x for i, x in enumerate(X)),
        [x / 255 if i == 4 else x for i, x in enumerate(X)],
        np.array([Image.fromarray(x) for x in X] + [None], dtype=object)[:-1],
        (x for x in X),
    ],
)
def test_every_form_of_images(images: Any) -> None:
    source = open_in_memory((images, Y))
    assert (pixels(source) == X).all()
    assert source.native().shape == X.shape[1:]
    assert source.native().bits == 8
    assert source.location == IN_MEMORY
    assert source.splits["all"].ids[3] == "images[3]"
    assert source.splits["all"].labels.tolist() == Y.tolist()
    assert (source.sample("all", 5).image == X[5]).all()


def test_paths_and_what_is_in_files(tmp_path: Path) -> None:
    paths = files(tmp_path)
    by_path = open_in_memory((paths, Y))
    assert by_path.splits["all"].ids[1] == str(paths[1])
    assert by_path.kind == "image files from Python, 3 classes"
    given = [path.read_bytes() if i % 2 else path.open("rb") for i, path in enumerate(paths)]
    mixed: list[Any] = [str(paths[0]), *given[1:]]
    for one in (by_path, open_in_memory(([str(path) for path in paths], Y)), open_in_memory((mixed, Y))):
        assert (pixels(one) == X).all()
    for file in given:
        if not isinstance(file, bytes):
            file.close()
    twice = open_in_memory(([paths[0], *paths[:-1]], Y))  # an id stands for one sample
    assert len(set(twice.splits["all"].ids)) == COUNT


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (Y, ("0", "1", "2")),
        (Y.tolist(), ("0", "1", "2")),
        (torch.from_numpy(Y), ("0", "1", "2")),
        ([torch.tensor(label) for label in Y], ("0", "1", "2")),
        (Y[:, None], ("0", "1", "2")),
        (Y.astype(np.float32), ("0", "1", "2")),
        (np.eye(3)[Y], ("0", "1", "2")),
        (np.eye(3, dtype=int)[Y].tolist(), ("0", "1", "2")),
        (NAMES, ("cat", "dog", "eel")),
        (np.array(NAMES), ("cat", "dog", "eel")),
        (np.array(NAMES, dtype=object), ("cat", "dog", "eel")),
        (Y * 5, ("0", "5", "10")),
    ],
)
def test_every_form_of_labels(labels: Any, classes: tuple[str, ...]) -> None:
    source = open_in_memory((X, labels))
    assert source.classes == classes
    assert source.splits["all"].labels.tolist() == Y.tolist()


def test_gray_and_16_bits() -> None:
    gray = X[..., 0]
    assert (pixels(open_in_memory((gray, Y)))[..., 0] == gray).all()
    wide = gray.astype(np.uint16) * 200
    source = open_in_memory((wide, Y))
    assert source.native().bits == 16
    assert (pixels(source)[..., 0] == wide).all()


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64])
def test_lists_on_different_scales_are_refused_as_arrays_are(kind: type) -> None:
    images = [np.full((4 + i % 2, 5), 255, np.uint8) for i in range(6)]
    labels = [0, 1] * 3
    alike: list[Any] = [(image * (1.0 if kind is np.float64 else 1)).astype(kind) for image in images]
    open_in_memory({"train": (images, labels), "test": (alike, labels)})
    masks = [image // 255 for image in alike]
    with pytest.raises(DataError, match=r"test has values up to 1 .*and train up to 255.*; scale them alike"):
        open_in_memory({"train": (images, labels), "test": (masks, labels)})
    open_in_memory({"train": (images + masks, labels * 2), "test": (masks + images, labels * 2)})


def test_images_of_different_sizes_and_one_scale_for_all_of_them() -> None:
    different = [x[: 5 + i % 3].astype(np.float32) for i, x in enumerate(X)]
    different[4] = different[4] * 0 + 1  # nearly black, not white: the others tell that white is 255
    source = open_in_memory((different, Y))
    assert [source.sample("all", i).image.shape[0] for i in range(3)] == [5, 6, 7]
    assert source.sample("all", 4).image.max() == 1
    train = {"train": ([x / 255 for x in different], Y), "test": (different, Y)}
    with pytest.raises(DataError, match=r"test has values up to 2\d\d and train up to (1|0.97)"):
        open_in_memory(train)


def test_splits_by_any_usual_name() -> None:
    source = open_in_memory({"Train": (X, Y), "VALIDATION": (X[:6], Y[:6]), "test": (X[6:], Y[6:])})
    assert list(source.splits) == ["train", "val", "test"]
    assert source.splits["val"].ids[:2] == ("val[0]", "val[1]")
    assert source.split_origin == "the dictionary of splits"
    assert (pixels(source, "test") == X[6:]).all()
    assert list(open_in_memory({"train": (X, Y)}).splits) == ["all"]
    assert list(open_in_memory(((X, Y), (X[:5], Y[:5]))).splits) == ["train", "test"]
    mixed = open_in_memory({"train": (X, Y), "test": ([x[:7] if i else x for i, x in enumerate(X)], Y)})
    assert mixed.sample("test", 1).image.shape == (7, 8, 3)
    assert (mixed.sample("train", 1).image == X[1]).all()


def test_the_digest_covers_pixels_labels_and_classes() -> None:
    digest = open_in_memory((X, Y)).digest()
    assert open_in_memory((X.copy(), Y.tolist())).digest() == digest
    other = X.copy()
    other[5, 2, 2, 1] ^= 1
    different = [(other, Y), (X, Y[::-1]), (X, NAMES), (X.reshape(COUNT, 8, 9, 3), Y), (X[:-1], Y[:-1])]
    images = [Image.fromarray(x) for x in X]
    assert len({digest, *(open_in_memory(one).digest() for one in different)}) == 6
    of_images = open_in_memory((images, Y)).digest()
    assert open_in_memory(([Image.fromarray(x) for x in X], Y)).digest() == of_images
    assert open_in_memory(([*images[:-1], Image.fromarray(other[5])], Y)).digest() != of_images


def test_nothing_that_was_given_is_changed() -> None:
    images, labels = X.astype(np.float32), np.array(Y)
    images.flags.writeable = labels.flags.writeable = False
    frozen = X.copy()
    frozen.flags.writeable = False
    for one in (images, frozen, list(frozen)):
        pixels(open_in_memory((one, labels)))
    assert (frozen == X).all()


def test_a_few_damaged_ones_are_skipped_and_a_class_of_none_is_refused(tmp_path: Path) -> None:
    paths: list[Any] = files(tmp_path)
    paths[0].write_bytes(paths[0].read_bytes()[:100])
    source = open_in_memory((paths, Y))
    kept = load_images(source.with_limits(Limits(max_bad=0.5)), source.native(), threads=1, only="all")["all"]
    assert [(one.id, one.reason) for one in kept.skipped] == [(str(paths[0]), "truncated")]
    with pytest.raises(DataError, match=r"the class 0 has no readable image \(.*0.png: missing"):
        open_in_memory((["0.png", *paths[1:]], [0, *[1, 2] * 5, 1]))


def with_nan() -> npt.NDArray[np.float64]:
    images = X / 255
    images[7, 0, 0, 0] = np.nan
    return images


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((with_nan(), Y), r"images\[7\] contains NaN or infinite values"),
        (([*with_nan(), X[0, :5] / 255], [*Y, 0]), r"images\[7\]: the array contains NaN"),
        ((X, Y[:-1]), "labels has 11 values for 12 images"),
        ((X, [*Y[:-1].tolist(), "cat"]), r"labels\[0\] is 0 and labels\[11\] is 'cat'; give all of them as text"),
        ((X, np.where(Y == 1, np.nan, Y)), r"labels\[1\] is NaN"),
        ((X, [None, *Y[1:].tolist()]), r"labels\[0\] is None"),
        ((X, [[1, [2, 3]], *[[0, 1]] * 11]), r"labels\[0\] is \[1, \[2, 3\]\]; give whole numbers or text"),
        ((X, [[0], *[[0, 1]] * 11]), r"labels\[1\] does not have the shape of labels\[0\]"),
        ((X, np.zeros((COUNT, 2, 2))), "labels are an array of 12 x 2 x 2"),
        ((X, 3), "labels are int"),
        ((X, np.float32(3)), "labels are one value"),
        ((X, "cat"), "labels are str"),
        ((X, {"a": 1}), "labels are dict"),
        ((X, np.array([b"a"] * COUNT)), r"labels are \|S1"),
        ((X, Y * 0), "have one class, 0"),
        ((X[:0], Y[:0]), "images: it has no image"),
        (([], []), "images: it has no image"),
        ((X[0], Y), "labels has 12 values for 9 images"),
        ((X.reshape(COUNT, -1), Y), "images is 12 x 216, which is not an array of images"),
        ((X.reshape(-1), Y), f"images is a row of {X.size} values, which is not an array of images"),
        ((X[None], Y), "which is not an array of images; reshape it to N x H x W x C"),
        ((["/no/such.png"] * COUNT, Y), r"has no readable image \(/no/such.png: missing: there is no such file\)"),
        ((X.astype(complex), Y), "complex128 and not pixels"),
        (([None] * COUNT, Y), r"images\[0\]: NoneType is not an image"),
        (([[1, 2]] * COUNT, Y), r"images\[0\]: a list within the list is not an image"),
        (([1, 2, 3], [0, 1, 0]), r"images\[0\]: .*is not an image|is not one image"),
        ((Image.fromarray(X[0]), [0]), "images: Image is not a list of images"),
        (("photos", Y), "images: str is not a list of images"),
        (({"a": X[0]}, [0]), "images: dict is not a list of images"),
        ((X, Y, Y), "the data is a tuple of 3; give"),
        ([X, Y], "the data is a list of 2; give"),
        (X, "the data is ndarray; give"),
        (None, "the data is NoneType; give"),
        (torch.utils.data.TensorDataset(torch.zeros(2)), r"\[image for image, _ in dataset\]"),
        ({"train": X}, "the split 'train' is ndarray; give"),
        ({"trian": (X, Y)}, r"'trian' is not a split; did you mean train\?"),
        ({"train": (X, Y), "tset": (X, Y)}, r"'tset' is not a split; did you mean test\?"),
        ({"test": (X, Y)}, "has test and no split train"),
        ({}, "has nothing and no split train"),
        (
            {"train": (X, Y), "val": (X, Y), "valid": (X, Y)},
            "the dictionary has val and valid, which are the same split",
        ),
        ({"train": (X, Y), "test": (X[:3], [0, 1, 5])}, r"labels of test\[2\]: no training row has the class 5"),
        ({"train": (X.astype(float), Y), "test": (X / 255, Y)}, "test has values up to 1 and train up to 255"),
        ({"train": (X / 255, Y), "test": (X, Y)}, "test has values up to 255 and train up to 1"),
        (
            {"train": (X / 255, Y), "test": (X.astype(float), Y)},
            "test has values up to 255 and train up to 1",
        ),
    ],
)
def test_what_does_not_hold_together_is_refused_in_one_line(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_in_memory(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("to_16", [1, 257])
def test_splits_of_other_sizes_are_read_one_by_one(to_16: int) -> None:
    images = X.astype(np.uint16) * np.uint16(to_16) if to_16 > 1 else X
    source = open_in_memory({"train": (images, Y), "test": (images[:, :5], Y)})
    assert (source.sample("train", 2).image == images[2]).all()
    assert (source.sample("test", 2).image == images[2, :5]).all()
    channels_first = open_in_memory({"train": (images, Y), "test": (images.transpose(0, 3, 1, 2), Y)})
    assert (channels_first.sample("test", 2).image == images[2]).all()


def test_a_path_of_nobody_is_a_file_that_is_not_there(tmp_path: Path) -> None:
    paths = [*files(tmp_path, 8), Path("~nosuch_user/a.png")]
    source = open_in_memory((paths, Y[:9]))
    read = load_images(source.with_limits(Limits(max_bad=0.5)), source.native(), threads=1, only="all")["all"]
    assert [(one.id, one.reason) for one in read.skipped] == [("~nosuch_user/a.png", "missing")]


@pytest.mark.parametrize("slip", [2.0, 0.5])
def test_a_slip_among_0_and_1_is_asked_about(slip: float) -> None:
    labels = np.random.default_rng(0).integers(0, 2, (COUNT, 3)).astype(float)
    labels[4, 1] = slip
    with pytest.raises(DataError, match=rf"\[4\]: {slip} among 0 and 1; fix it, or choose task = regress for numbers"):
        open_in_memory((X, labels))
    assert open_in_memory((X, labels), task="regress").task == "regress"
    labels[:, 1] = slip  # a column of them is no slip
    assert open_in_memory((X, labels)).task == "regress"
