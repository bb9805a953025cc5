"""What Python code hands over as images: each kind of it gives the pixels that the file gives, and what is none has the reason."""

import io
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from striate.data import Canvas, ImageStore, Limits, Unreadable
from striate.data.decoding.rendering import AS_STORED, Rendering
from striate.data.decoding.resize import Pixels
from striate.data.value_ranges import on_one_scale, waits_for_scale
from striate.errors import DataError
from striate.sources import named_inputs
from striate.sources.arrays.image_inputs import held_image

COLOR, GRAY, WIDE = Canvas(8, 8, 3), Canvas(8, 8, 1), Canvas(8, 8, 1, 16)
X = np.random.default_rng(0).integers(0, 256, (5, 10, 12, 3), dtype=np.uint8)


class Stream:
    """What knows how to read and nothing else."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def read(self, _: int = -1) -> Any:
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


def decoded(images: Any, canvas: Canvas = COLOR) -> list[Pixels | str]:
    """The pixels of each image, or why there are none."""
    found: list[Pixels | str] = []
    for one in named_inputs(images, canvas):
        try:
            found.append(ImageStore((one.image,), Limits()).decode(0, canvas))
        except Unreadable as error:
            found.append(str(error))
    return found


def same(images: Any, expected: Any, canvas: Canvas = COLOR) -> bool:
    found = decoded(images, canvas)
    return len(found) == len(expected) and all(
        isinstance(a, np.ndarray) and np.array_equal(a, b) for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("canvas", [COLOR, GRAY, Canvas(8, 8, 4), WIDE, Canvas(8, 8, 3, 16)])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_gives_the_same_pixels_however_it_is_handed_over(mode: str, canvas: Canvas, tmp_path: Path) -> None:
    if mode == "I;16":
        image = Image.fromarray(X[0, ..., 0].astype(np.uint16) * 201)
    else:
        image = Image.fromarray(X[0]).convert(mode)
        if mode in ("LA", "RGBA"):
            image.putalpha(Image.fromarray(X[1, ..., 0]))
        if mode == "P":
            image.info["transparency"] = 3
    path = tmp_path / "a.png"
    image.save(path)
    content = path.read_bytes()
    at_its_end = io.BytesIO()
    image.save(at_its_end, "PNG")
    expected = decoded(str(path), canvas)
    with path.open("rb") as file, tempfile.NamedTemporaryFile() as temporary, Image.open(path) as opened:
        temporary.write(content)
        stream = Stream(content)
        for given in (
            path, content, bytearray(content), memoryview(content), file, at_its_end, temporary, stream, opened
        ):  # fmt: skip
            assert same(given, expected, canvas), given
            assert same([given], expected, canvas), given
        assert opened.fp is None or not opened.fp.closed
    if mode in ("L", "RGB", "RGBA", "I;16"):
        values = np.asarray(image)
        assert same(values, expected, canvas)
        assert same(torch.from_numpy(values.copy()), expected, canvas)


def test_a_photograph_of_pillow_is_turned_upright_just_once(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(X[0]).save(tmp_path / "a.jpg", exif=exif, quality=95)
    expected = decoded(tmp_path / "a.jpg", Canvas(12, 10, 3))
    with Image.open(tmp_path / "a.jpg") as opened:
        assert same(opened, expected, Canvas(12, 10, 3))
        assert same(ImageOps.exif_transpose(opened), expected, Canvas(12, 10, 3))
        assert same(opened.convert("RGB"), expected, Canvas(12, 10, 3))


def test_a_large_jpeg_that_pillow_has_only_opened_is_reduced_as_its_file_is(tmp_path: Path, scene: Any) -> None:
    path = tmp_path / "a.jpg"
    scene(160, 240).save(path, quality=90)
    expected = decoded(path)
    with Image.open(path) as opened:
        assert same(opened, expected)
        assert same([opened], expected)
        whole = decoded(np.asarray(opened))
        assert same(opened, whole)  # it is decoded now
    assert not same(path, whole)
    (one,), (other,) = whole, expected
    assert isinstance(one, np.ndarray)
    assert isinstance(other, np.ndarray)
    assert np.abs(one.astype(int) - other).max() <= 3


@pytest.mark.parametrize(
    "images",
    [
        X.transpose(0, 3, 1, 2),
        torch.from_numpy(X).permute(0, 3, 1, 2),
        list(X),
        tuple(x.transpose(2, 0, 1) for x in X),
        (x for x in X),
        [torch.from_numpy(x)[None] for x in X],
        X / 255,
        (X / 255).astype(np.float16),
        torch.from_numpy(X).to(torch.bfloat16),
        X.astype(np.float32),
        torch.from_numpy(X / 255).requires_grad_(),
        X / 255 * 1.0000001 - 1e-9,  # as interpolation leaves it
        X.astype(np.int64),
        X.astype(">u2"),
        X[..., ::-1].copy()[..., ::-1],
        [Image.fromarray(X[0]), X[1], torch.from_numpy(X[2]).permute(2, 0, 1), X[3] / 255, X[4].astype(float)],
    ],
)
def test_every_layout_and_range_of_arrays(images: Any) -> None:
    assert same(images, [decoded(x)[0] for x in X])


def test_arrays_of_other_channels_and_of_paths(tmp_path: Path) -> None:
    many = np.random.default_rng(1).integers(0, 256, (2, 9, 9, 7), dtype=np.uint8)
    canvas = Canvas(9, 9, 7)
    assert same(many, many, canvas)
    assert same(many[0].transpose(2, 0, 1), many[:1], canvas)
    Image.fromarray(X[0]).save(tmp_path / "a.png")
    assert same(np.array([str(tmp_path / "a.png")] * 2), decoded(X[[0, 0]]))
    assert same(np.array(str(tmp_path / "a.png")), decoded(X[:1]))
    assert same(np.array([Image.fromarray(X[0]), None], dtype=object)[:1], decoded(X[:1]))


def test_one_gray_image_and_many() -> None:
    gray = X[..., 0]
    each = [decoded(x, GRAY)[0] for x in gray]
    assert same(gray, each, GRAY)
    assert same(gray[:, None], each, GRAY)
    assert same(gray[:1], each[:1], GRAY)
    assert same(list(gray[:3]), each[:3], GRAY)
    assert [str(one).startswith("unreadable: 5 channels") for one in decoded([gray], GRAY)] == [True]
    for many in (gray[:3], gray[:4]):  # or one image with its channels first: nobody knows
        with pytest.raises(
            DataError, match=rf"is {len(many)} x 10 x 12, one image or {len(many)} gray ones; give \[x\]"
        ):
            decoded(many, GRAY)
    for many in (gray[:4], gray):
        with pytest.raises(DataError, match=rf"is {len(many)} x 10 x 12, one image or {len(many)} gray ones"):
            decoded(many, COLOR)
    for color in (X[0], X[0].transpose(2, 0, 1)):  # as many as the network has colors are one image
        assert same(color, decoded(X[:1]))
    for several in (gray[:3, ..., None], gray[:3, None], list(gray[:3])):
        assert len(decoded(several, COLOR)) == len(decoded(several, GRAY)) == 3
    transparent = np.concatenate([X[0], X[1, ..., :1]], 2)
    assert same(transparent.transpose(2, 0, 1), decoded(transparent, Canvas(8, 8, 4)), Canvas(8, 8, 4))
    assert decoded(gray[:0], GRAY) == []
    assert decoded(X[:0]) == []
    assert decoded([]) == decoded(np.array([])) == decoded(torch.zeros(0)) == []


@pytest.mark.parametrize("white", [1023, 4095, 65535])
@pytest.mark.parametrize("bits", [8, 16])
def test_arrays_have_the_levels_of_training(white: int, bits: Literal[8, 16], tmp_path: Path) -> None:
    canvas = Canvas(8, 8, 1, bits, Rendering(integers=(0, white), floats=(0, 10)))
    dark = X[..., 0].astype(np.uint16)  # none above 255
    Image.fromarray(dark[0]).save(tmp_path / "a.png")
    expected = decoded(tmp_path / "a.png", canvas)
    assert np.max(expected[0]) < 70 * (1 if bits == 8 else 257)
    for given in (dark[0], [dark[0]], Image.open(tmp_path / "a.png"), torch.from_numpy(dark[0].astype(np.int32))):
        assert same(given, expected, canvas)
    np.save(tmp_path / "a.npy", X[0, ..., 0] / 30)
    assert same(X[0, ..., 0] / 30, decoded(tmp_path / "a.npy", canvas), canvas)
    assert same(X[0, ..., 0], decoded(Image.fromarray(X[0, ..., 0]), canvas), canvas)


def test_nan_in_one_image_of_many_marks_that_one() -> None:
    values = X / 255
    values[2, 3, 4, 1] = np.nan
    found = decoded(values)
    assert found[2] == "unreadable: the array contains NaN or infinite values"
    assert same(values[[0, 1, 3, 4]], [found[i] for i in (0, 1, 3, 4)])
    values[2, 3, 4, 1] = np.inf
    assert decoded(list(values))[2] == "unreadable: the array contains NaN or infinite values"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "NoneType is not an image; give a path"),
        (3, "int is not an image"),
        ([1, 2], "a list within the list is not an image; give one list, and np.array(x) of numbers"),
        (b"", "empty file"),
        (b"abc", "not an image"),
        (io.StringIO("text"), "open it with mode 'rb'"),
        (Stream(RuntimeError("the line\nwas cut")), "the line was cut"),
        (Stream(3), "the file returns int"),
        (X, "5 x 10 x 12 x 3 in a list is not one image; give it without the list, or list(x)"),
        (np.zeros(3), "an array of 3 is not one image"),
        (np.zeros((0, 3, 3)), "0 x 3 x 3"),
        (np.float64(1), "one number is not one image"),
        (np.zeros((9, 9, 5)), "5 channels where 3 are wanted"),
        (X[0] / 128 - 1, "has values from -1 to"),
        (X[0].astype(complex), "complex128 and not pixels"),
        (Image.new("RGB", (0, 5)), "0 x 5 pixels shows nothing"),
        (Image.new("1", (10_000, 6_000)), "decompression bomb"),
        (torch.zeros(3, 4, 4, device="meta"), "is not a dense tensor"),
        (torch.zeros(4, 4).to_sparse(), "is not a dense tensor"),
        ("", "no such file or folder"),
        ("nowhere.png", "no such file or folder"),
        ("x" * 5000, "no such file or folder"),
        ("a\0b", "no such file or folder"),
        ("~nosuch_user/a.jpg", "no such file or folder"),
        ("~\0/a.jpg", "no such file or folder"),
    ],
)
def test_inputs_that_are_no_images_have_the_reason_in_their_place(given: Any, message: str) -> None:
    before, why, after = decoded([X[0], given, X[1]])
    assert isinstance(why, str)
    assert message in why
    assert "\n" not in why
    assert not isinstance(before, str)
    assert not isinstance(after, str)


def test_a_damaged_file_of_pillow_and_a_closed_one(tmp_path: Path) -> None:
    Image.fromarray(X[0]).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    closed = io.BytesIO(whole)
    closed.close()
    cut = Image.open(io.BytesIO(whole[:200]))
    first, second = decoded([cut, closed])
    assert str(first).startswith("truncated")
    assert "closed file" in str(second)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((7, 8 * 8 * 3)), "7 x 192 and not an image; reshape it"),
        (np.zeros(5), "is 5 and not an image"),
        (np.zeros((2, 3, 9, 9, 3)), "2 x 3 x 9 x 9 x 3 and not an image"),
        ({"a": X[0]}, "are a dictionary and not a list"),
    ],
)
def test_an_array_by_itself_that_nobody_can_read_is_refused(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        decoded(given)


@pytest.mark.parametrize(("kind", "other"), [(np.uint16, np.uint16), (np.int64, np.int32)])
def test_a_dim_array_is_on_the_scale_of_those_beside_it(kind: type, other: type) -> None:
    """Alone it would be taken for one of 8 bits."""
    images = [held_image(np.full((5, 6), value, of)) for value, of in ((4095, kind), (160, other), (160, np.uint8))]
    headers = [ImageStore(tuple(images), Limits()).header(i) for i in range(3)]
    waits = [waits_for_scale(one, header, AS_STORED) for one, header in zip(images, headers, strict=True)]
    assert waits == [True, True, False]
    store, (rendering, _) = ImageStore(tuple(images), Limits()), on_one_scale(images[:2], AS_STORED, Limits())
    canvas = Canvas(5, 6, 1, rendering=rendering)
    assert [int(store.decode(i, canvas).max()) for i in range(2)] == [255, 10]
    known = Rendering(integers=(0, 65535), floats=(0, 1))
    assert not any(waits_for_scale(one, header, known) for one, header in zip(images, headers, strict=True))
