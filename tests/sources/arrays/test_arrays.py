"""Arrays of images in .npz and .npy: layouts, ranges, kinds of labels, and files that lie."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.sources.arrays.array_sets import CLASSES, COLOR, COUNT, GRAY, pixels, saved

from striate.data import (
    Canvas,
    ClassTargets,
    MultiLabelTargets,
    RegressionTargets,
    Source,
    TaskKind,
)
from striate.data.decoding.rendering import Rendering
from striate.errors import DataError
from striate.sources import Columns, open_in_memory, open_source


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("train_x", "train_y", "test_x", "test_y"),
    ],
)
def test_npz(names: tuple[str, ...], tmp_path: Path) -> None:
    labels = CLASSES[:, None].astype(np.uint8)  # as MedMNIST and Keras's CIFAR have them
    path = saved(tmp_path, **dict(zip(names, (COLOR, labels, COLOR[:5], labels[:5]), strict=True)), about=np.zeros(3))
    source = open_source(path)
    assert list(source.splits) == ["train", "test"]
    assert source.classes == ("0", "1", "2")
    assert source.kind == "arrays, N H W C, 3 classes"
    assert source.ignored == {"arrays of other names": 1}
    assert source.splits["train"].labels.tolist() == CLASSES.tolist()
    assert (pixels(path, "train") == COLOR).all()
    assert (pixels(path, "test") == COLOR[:5]).all()
    assert open_source(source.location).digest() == source.digest() == open_source(tmp_path).digest()


def test_a_val_split_and_one_set(tmp_path: Path) -> None:
    path = saved(tmp_path, train_images=GRAY, train_labels=CLASSES, val_images=GRAY, val_labels=CLASSES)
    assert list(open_source(path).splits) == ["train", "val"]
    for names in (("x", "y"), ("X", "y"), ("images", "labels"), ("image", "label"), ("data", "target")):
        path = saved(tmp_path, **dict(zip(names, (GRAY, CLASSES), strict=True)))
        assert (pixels(path)[..., 0] == GRAY).all()


@pytest.mark.parametrize(
    ("array", "expected", "message"),
    [
        (GRAY, GRAY[..., None], "N H W"),
        (GRAY[..., None], GRAY[..., None], "N H W C"),
        (GRAY[:, None], GRAY[..., None], "N C H W"),
        (COLOR.transpose(0, 3, 1, 2), COLOR, "N C H W"),
        (np.asfortranarray(COLOR), COLOR, "N H W C"),
        (COLOR.astype(">i8"), COLOR, "N H W C"),
        (COLOR.astype(np.uint16) * 257, COLOR.astype(np.uint16) * 257, "N H W C"),
        (COLOR[..., :2], COLOR[..., :2], "N H W C"),
        (COLOR[..., :2].transpose(0, 3, 1, 2), COLOR[..., :2], "N C H W"),
        (COLOR.astype(np.uint16), COLOR, "N H W C"),
        ((COLOR / 255).astype(np.float32), COLOR, "N H W C"),
        ((COLOR.transpose(0, 3, 1, 2) / 255), COLOR, "N C H W"),
        (COLOR.astype(np.float32), COLOR, "N H W C"),
        (COLOR > 99, np.where(COLOR > 99, 255, 0), "N H W C"),
    ],
)
def test_layouts_and_ranges(array: npt.NDArray[Any], expected: npt.NDArray[Any], message: str, tmp_path: Path) -> None:
    path = saved(tmp_path, x=array, y=CLASSES)
    assert f"arrays, {message}, " in open_source(path).kind
    assert (pixels(path) == expected).all()


@pytest.mark.parametrize(
    ("learned", "tested"),
    [
        (COLOR.astype(np.float32), (COLOR / 255).astype(np.float32)),
        ((COLOR / 255).astype(np.float32), COLOR.astype(np.float32)),
        (COLOR, COLOR.astype(np.uint16) * np.uint16(257)),
        (COLOR.astype(np.uint16) * np.uint16(16), COLOR),
        (COLOR.astype(np.int32) * 16, COLOR.astype(np.int32)),
        (COLOR.astype(np.uint16) * np.uint16(257), COLOR.astype(np.uint16) * np.uint16(16)),
        (COLOR.astype(np.uint16) * np.uint16(16), COLOR.astype(np.uint16) * np.uint16(257)),
        (COLOR.astype(np.uint16) * np.uint16(4), COLOR.astype(np.uint16) * np.uint16(64)),
        (COLOR.astype(np.float32) * 257, COLOR.astype(np.uint16) * np.uint16(16)),  # of other types too
        (COLOR, (COLOR > 99).astype(np.uint8)),
        ((COLOR > 99).astype(np.uint8), COLOR),
        (COLOR, (COLOR / 255).astype(np.float32)),
        (COLOR, COLOR > 99),
    ],
)
def test_splits_on_different_scales_are_refused(
    learned: npt.NDArray[Any], tested: npt.NDArray[Any], tmp_path: Path
) -> None:
    path = saved(tmp_path, x_train=learned, y_train=CLASSES, x_test=tested, y_test=CLASSES)
    with pytest.raises(DataError, match=r"has values up to .* and .* up to .*; scale them alike"):
        open_source(path)


@pytest.mark.parametrize(("learned", "tested"), [(COLOR / 127.5 - 1, COLOR / 255), (COLOR / 255, COLOR / 127.5 - 1)])
def test_splits_of_which_one_alone_goes_below_0_are_refused(
    learned: npt.NDArray[Any], tested: npt.NDArray[Any], tmp_path: Path
) -> None:
    path = saved(tmp_path, x_train=learned, y_train=CLASSES, x_test=tested, y_test=CLASSES)
    with pytest.raises(DataError, match=r"has values down to -1 and .* none below 0, .*; scale them alike"):
        open_source(path)
    few = saved(tmp_path, x_train=learned, y_train=CLASSES, x_test=learned[:2] * 0.9, y_test=CLASSES[:2])
    assert open_source(few).native().channels == 3


@pytest.mark.parametrize("tested", [COLOR.astype(np.float32), COLOR.astype(np.int64), COLOR.astype(np.uint16)])
def test_one_scale_may_have_two_types(tested: npt.NDArray[Any], tmp_path: Path) -> None:
    path = saved(tmp_path, x_train=COLOR, y_train=CLASSES, x_test=tested, y_test=CLASSES)
    assert (pixels(path, "train") == COLOR).all()
    assert (pixels(path, "test") == COLOR).all()


@pytest.mark.parametrize(
    ("learned", "share"),
    [
        (COLOR.astype(np.float32) / 255, 0.2),
        (COLOR.astype(np.float32), 0.2),
        (COLOR.astype(np.uint16) * np.uint16(200), 0.1),
        (COLOR.astype(np.uint16) * np.uint16(257), 0.3),
        (COLOR.astype(np.uint16) * np.uint16(257), 0.125),
        (COLOR, 0.1),
        (COLOR.astype(np.uint16) * np.uint16(200), 0),  # all black, which is on every scale
    ],
)
def test_a_split_that_is_merely_darker_is_not(learned: npt.NDArray[Any], share: float, tmp_path: Path) -> None:
    dark = (learned * share).astype(learned.dtype)
    path = saved(tmp_path, x_train=learned, y_train=CLASSES, x_test=dark, y_test=CLASSES)
    bright = pixels(path, "train").max()
    assert pixels(path, "test").max() == pytest.approx(bright * share, abs=0.51 + 0.01 * bright * share)


@pytest.mark.parametrize(("top", "white"), [(1000, 1023), (4000, 4095), (16000, 16383), (60000, 65535)])
def test_whole_numbers_are_on_the_scale_of_their_bits_in_use(top: int, white: int, tmp_path: Path) -> None:
    values = np.linspace(0, top, GRAY.size).round().astype(np.uint16).reshape(GRAY.shape)
    source = open_source(saved(tmp_path, x=values, y=CLASSES))
    assert source.native().rendering.integers == (0, white)
    given = source.splits["all"].store.preloaded(source.native())
    assert given is not None
    assert np.abs(given[..., 0] - values / white * 65535).max() <= 0.5
    # on the levels of another data set
    other = replace(source.native(), rendering=Rendering(integers=(0, 2 * white)))
    decoded = source.splits["all"].store.decode(3, other)[..., 0]
    assert np.abs(decoded.astype(int) - values[3] / (2 * white) * 65535).max() <= 1


EYE = np.eye(3)[CLASSES]


@pytest.mark.parametrize(
    ("labels", "kind", "values"),
    [
        (CLASSES.astype(np.uint8), ClassTargets, CLASSES),
        (CLASSES.astype(np.float32), ClassTargets, CLASSES),
        (np.array(["a", "b", "c"])[CLASSES], ClassTargets, CLASSES),
        (EYE.astype(np.float32), ClassTargets, CLASSES),
        (EYE.astype(np.int64), ClassTargets, CLASSES),
        (EYE.astype(bool), MultiLabelTargets, EYE.astype(bool)),
        (np.eye(3, k=1)[CLASSES].astype(np.uint8), MultiLabelTargets, np.eye(3, k=1)[CLASSES].astype(bool)),
        (CLASSES / 7, RegressionTargets, (CLASSES / 7).astype(np.float32)[:, None]),
        (EYE * 3.5, RegressionTargets, EYE * 3.5),
    ],
)
def test_labels(labels: npt.NDArray[Any], kind: type, values: npt.NDArray[Any], tmp_path: Path) -> None:
    targets = open_source(saved(tmp_path, x=GRAY, y=labels)).splits["all"].targets
    assert isinstance(targets, kind)
    assert (targets.values == values).all()  # type: ignore[attr-defined]


def with_value(array: npt.NDArray[Any], value: float) -> npt.NDArray[Any]:
    changed = array.astype(np.float32)
    changed.flat[17 % changed.size] = value
    return changed


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": GRAY}, "has x and no labels for it"),
        ({"y": CLASSES}, "has y and no images for it"),
        ({"arr_0": GRAY, "arr_1": CLASSES}, "has the arrays arr_0, arr_1; name them x_train"),
        ({"x": GRAY, "images": GRAY, "y": CLASSES}, "has x and images, which are the same array"),
        ({"x": GRAY, "y": CLASSES, "x_test": GRAY, "y_test": CLASSES}, "has x beside x_test; keep one"),
        (
            {"x_test": GRAY, "y_test": CLASSES, "x_val": GRAY, "y_val": CLASSES},
            "has arrays of test and val and no training arrays",
        ),
        ({"x": GRAY, "y": CLASSES[:-1]}, r"y\] has 11 values for 12 images"),
        ({"x": GRAY, "y": GRAY}, r"y\] contains masks, 12 x 6 x 5; give masks as a folder"),
        ({"x": GRAY.reshape(COUNT, 30), "y": CLASSES}, "is 12 x 30, which is not an array of images; reshape it"),
        ({"x": GRAY[:0], "y": CLASSES[:0]}, "is 0 x 6 x 5, which is not an array of images"),
        ({"x": np.zeros((COUNT, 3, 5, 3), np.uint8), "y": CLASSES}, "channels may be the second or the last axis"),
        ({"x": np.zeros((COUNT, 5, 5, 5), np.uint8), "y": CLASSES}, "unclear which axis is that of the channels"),
        ({"x": with_value(GRAY, np.nan), "y": CLASSES}, r"x\] contains NaN or infinite values"),
        ({"x": with_value(GRAY, -np.inf), "y": CLASSES}, r"x\] contains NaN or infinite values"),
        (
            {"x_train": GRAY, "y_train": CLASSES, "x_test": GRAY / 127.5 - 1, "y_test": CLASSES},
            "scale them alike",
        ),
        ({"x": GRAY.astype(np.complex64), "y": CLASSES}, "contains complex64 and not numbers"),
        ({"x": GRAY.astype(str), "y": CLASSES}, "and not pixels"),
        ({"x": GRAY, "y": with_value(CLASSES, np.nan)}, r"y\]\[5\] is NaN or infinite"),
        ({"x": GRAY, "y": with_value(EYE * 2.5, np.inf)}, r"y\]\[5\] is NaN or infinite"),
        ({"x": GRAY, "y": EYE * 1e300}, "too large for a float32"),
        ({"x": GRAY, "y": EYE.astype(str)}, "it is a row of text"),
        ({"x": GRAY, "y": CLASSES * 0}, "have one class, 0"),
        ({"x": GRAY, "y": np.array([None] * COUNT, object)}, "y.* contains object and not numbers"),
        ({"x": GRAY, "y": np.zeros(COUNT, "i4,f4")}, "and not numbers"),
        ({"x_train": GRAY, "y_train": CLASSES, "x_test": GRAY[:, :5], "y_test": CLASSES}, "another size than"),
        ({"x_train": GRAY, "y_train": CLASSES, "x_test": GRAY / 255, "y_test": CLASSES}, "scale them alike"),
        ({"x_train": GRAY, "y_train": CLASSES, "x_test": GRAY, "y_test": EYE}, "different numbers of columns"),
        ({"x_train": GRAY, "y_train": CLASSES, "x_test": GRAY, "y_test": CLASSES + 5}, r"y_test\]\[1?0?\].* the class"),
    ],
)
def test_arrays_that_cannot_be_used_end_as_one_line(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(saved(tmp_path, **arrays))
    assert "set.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "extension"),
    [
        ((GRAY / 127.5 - 1).astype(np.float32), "tif"),
        ((GRAY / 255 * 30).astype(np.float32), "tif"),
        (GRAY.astype(np.int16) * 7 - 1000, "npy"),
        (GRAY.astype(np.int64) * 1000, "npy"),
    ],
)
def test_a_range_of_its_own_is_one_as_it_is_of_files(values: npt.NDArray[Any], extension: str, tmp_path: Path) -> None:
    for i, (image, label) in enumerate(zip(values, CLASSES, strict=True)):
        path = tmp_path / "files" / str(label) / f"{i}.{extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if extension == "tif":
            Image.fromarray(image).save(path)
        else:
            np.save(path, image)
    files = open_source(tmp_path / "files")
    canvas = files.native()
    assert canvas.bits == 16
    expected = {int(name.split("/")[1].split(".")[0]): image for name, image in decoded(files, "all", canvas)}
    ragged = [*values[:-1], np.concatenate([values[-1], values[-1]])]
    for source, split in (
        (open_source(saved(tmp_path, x=values, y=CLASSES)), "all"),
        (open_in_memory((values, CLASSES)), "all"),
        (open_in_memory({"train": (values, CLASSES), "test": (values[3:], CLASSES[3:])}), "train"),
        (open_in_memory((ragged, CLASSES)), "all"),
    ):
        assert source.native().rendering == canvas.rendering
        for i, (_, image) in enumerate(decoded(source, split, canvas)[:-1]):
            assert (image == expected[i]).all()


def decoded(source: Source, split: str, canvas: Canvas) -> list[tuple[str, npt.NDArray[Any]]]:
    listing = source.splits[split]
    return [(name, listing.store.decode(i, canvas)) for i, name in enumerate(listing.ids)]


def test_columns_are_not_for_arrays(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="only tables have columns"):
        open_source(saved(tmp_path, x=GRAY, y=CLASSES), columns=Columns(label=("y",)))


@pytest.mark.parametrize(
    ("labels", "task", "message"),
    [
        (np.eye(3)[CLASSES], "multilabel", "sets of 3 classes"),
        (np.eye(3)[CLASSES], "regress", "3 numbers an image"),
        (np.eye(3)[CLASSES], "classify", "3 classes, one-hot"),
        (np.eye(3, dtype=bool)[CLASSES], "classify", "3 classes, one-hot"),
        (np.eye(3, dtype=bool)[CLASSES], None, "sets of 3 classes"),
        (np.eye(3)[CLASSES], None, "3 classes, one-hot"),
        (np.tri(3)[CLASSES], None, "sets of 3 classes"),
        (np.tri(3)[CLASSES], "regress", "3 numbers an image"),
        (np.tri(3)[CLASSES], "classify", r"\[1\]: the row has 2 classes and not one"),
        (np.eye(3)[CLASSES] / 2, "multilabel", r"\[0\]: not all values are 0 or 1"),
    ],
)
def test_a_task_that_was_named_is_obeyed(labels: Any, task: TaskKind | None, message: str, tmp_path: Path) -> None:
    path = saved(tmp_path, x=GRAY, y=labels)
    if message.startswith(r"\["):
        with pytest.raises(DataError, match=message):
            open_source(path, columns=Columns(task=task))
    else:
        source = open_source(path, columns=Columns(task=task))
        assert source.kind.endswith(message)
        assert source.task == (task or source.task)
