"""idx files: what MNIST is known for, lying headers, and the one byte that was changed."""

import gzip
import hashlib
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from striate.data import Canvas, Limits, load_images
from striate.errors import DataError
from striate.sources import open_source
from striate.sources.arrays import mnist
from striate.sources.arrays.idx_file import read_idx
from striate.sources.arrays.idx_source import find_idx, open_idx_files
from striate.sources.arrays.mnist import SHA256
from striate.sources.data_path import DataPath

LIMITS = Limits()
MNIST = Path(mnist.__file__).parent / "mnist_files"
MD5 = {  # by which the unpacked files are known
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def idx(values: npt.NDArray[np.uint8]) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (12, 5, 4), dtype=np.uint8)
LABELS = (np.arange(12) % 3 * 2 + 1).astype(np.uint8)  # 1, 3, 5


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def train_files(images: bytes = idx(IMAGES), labels: bytes = idx(LABELS)) -> dict[str, bytes]:
    return {"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels}


def test_mnist_is_the_one_that_everybody_knows() -> None:
    for name, md5 in MD5.items():
        content = gzip.decompress((MNIST / f"{name}.gz").read_bytes())
        assert hashlib.md5(content).hexdigest() == md5
        assert hashlib.sha256(content).hexdigest() == SHA256[name]
        assert md5 in (MNIST / "README.md").read_text()
        assert SHA256[name] in (MNIST / "README.md").read_text()


def test_mnist() -> None:
    source = open_source("mnist")
    assert (source.name, source.location, source.kind) == ("mnist", "mnist", "idx")
    assert source.classes == tuple("0123456789")
    assert source.native() == Canvas(28, 28, 1)
    assert list(source.splits) == ["train", "test"]
    train = load_images(source, source.native(), threads=2, only="train")["train"]
    test = load_images(source, source.native(), threads=1, only="test")["test"]
    assert train.images.shape == (60_000, 28, 28, 1)
    assert test.images.shape == (10_000, 28, 28, 1)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert train.counts() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.ids[17] == "train-images-idx3-ubyte[17]"
    colors = train.images.double() / 255
    assert float(colors.mean()) == pytest.approx(0.1307, abs=5e-5)
    assert float(colors.std()) == pytest.approx(0.3081, abs=5e-5)
    assert not train.skipped
    assert not test.skipped
    assert source.digest() == open_source("mnist").digest()


def test_mnist_with_one_byte_changed_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    shutil.copytree(MNIST, folder)
    labels = bytearray(gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes()))
    images = bytearray(gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes()))
    images[12345] ^= 1
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, 1))
    source = open_idx_files("mnist", "mnist", find_idx(DataPath(folder)), SHA256)
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz is changed: its SHA-256 is"):
        load_images(source, Canvas(28, 28, 1), threads=1, only="test")["test"]
    labels[100] ^= 1
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels, 1))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz is changed"):
        open_idx_files("mnist", "mnist", find_idx(DataPath(folder)), SHA256)


def test_one_bit_of_a_gzip_changed_is_found(tmp_path: Path) -> None:
    content = packed(idx(LABELS.repeat(100)))
    file = tmp_path / "labels.gz"
    for position in range(12, len(content)):
        file.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        with pytest.raises(DataError, match=r"labels\.gz"):
            read_idx(file)
    file.write_bytes(content)
    assert (read_idx(file) == LABELS.repeat(100)).all()


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_of_idx_files(zipped: bool, tmp_path: Path) -> None:
    pack: Callable[[bytes], bytes] = packed if zipped else bytes
    end = ".gz" if zipped else ""
    splits = (("train", IMAGES, LABELS), ("t10k", IMAGES[:6], LABELS[:6]))
    files = {}
    for split, images, labels in splits:
        files[f"emnist-letters-{split}-images-idx3-ubyte{end}"] = pack(idx(images))
        files[f"emnist-letters-{split}-labels-idx1-ubyte{end}"] = pack(idx(labels))
    source = open_source(write(tmp_path / "letters", files))
    assert source.classes == ("1", "3", "5")
    assert source.name == "letters"
    for split, (_, images, labels) in zip(("train", "test"), splits, strict=True):
        decoded = load_images(source, source.native(), threads=2, only=split)[split]
        assert (decoded.images[..., 0].numpy() == images).all()
        assert (2 * decoded.labels.numpy() + 1 == labels).all()
    assert open_source(source.location).digest() == source.digest()


def test_the_digest_does_not_depend_on_packing_and_changes_with_a_pixel_or_a_label(tmp_path: Path) -> None:
    plain = open_source(write(tmp_path / "plain", train_files())).digest()
    zipped = write(tmp_path / "packed", {f"{name}.gz": packed(file) for name, file in train_files().items()})
    pixel, label = IMAGES.copy(), LABELS.copy()
    pixel[3, 2, 1] ^= 1
    label[3] = 3 if label[3] != 3 else 5
    assert open_source(zipped).digest() == plain
    assert open_source(write(tmp_path / "pixel", train_files(images=idx(pixel)))).digest() != plain
    assert open_source(write(tmp_path / "label", train_files(labels=idx(label)))).digest() != plain


def test_a_train_split_alone_is_not_split_yet(tmp_path: Path) -> None:
    assert list(open_source(write(tmp_path / "alone", train_files())).splits) == ["all"]


def test_another_canvas_is_the_same_as_for_files(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "set", train_files()))
    decoded = load_images(source, Canvas(10, 8, 3), threads=2, only="all")["all"]
    enlarged = Image.fromarray(IMAGES[7]).resize((8, 10), Image.Resampling.BILINEAR)
    assert (decoded.images[7].numpy() == np.asarray(enlarged)[..., None]).all()


HEADER = struct.pack(">HBBIII", 0, 8, 3, 12, 5, 4)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (b"", "no idx header"),
        (b"\0\0\x08", "no idx header"),
        (HEADER[:10], "no idx header"),
        (b"<html>404</html>", "begins with 3c 68 74 6d"),
        (b"\0\0\x0d\x03" + HEADER[4:] + bytes(960), "begins with 00 00 0d 03"),  # floats
        (struct.pack(">HBBII", 0, 8, 2, 12, 20) + bytes(240), "begins with 00 00 08 02"),
        (idx(IMAGES)[:-1], "does not contain as many"),
        (idx(IMAGES) + b"\0", "does not contain as many"),
        (struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 5, 4) + bytes(240), "does not contain as many"),
        (packed(idx(IMAGES)[:-1]), "does not contain as many"),
        (packed(struct.pack(">HBBIII", 0, 8, 3, 2**31, 2**10, 2**10)), "does not contain as many"),
        (packed(idx(IMAGES))[:-30], "does not contain as many|cut off|damaged"),
        (idx(IMAGES[:11]), "has 12 labels for 11 images"),
        (idx(IMAGES.reshape(12, 20)[:, 0].copy()), "not count x height x width"),
        (idx(IMAGES[:, :, :0]), "not count x height x width"),
    ],
)
def test_a_lying_header_is_refused(images: bytes, message: str, tmp_path: Path) -> None:
    open_source(write(tmp_path / "healthy", train_files()))
    with pytest.raises(DataError, match=message) as caught:
        open_source(write(tmp_path / "lying", train_files(images=images)))
    assert "train-" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_gzip_that_lies_about_its_size_in_both_places_is_refused(tmp_path: Path) -> None:
    short = bytearray(packed(idx(IMAGES)[:-8]))
    short[-4:] = struct.pack("<I", len(idx(IMAGES)))  # the trailer agrees with the header, the stream does not
    (tmp_path / "images").write_bytes(short)
    with pytest.raises(DataError, match=r"damaged"):
        read_idx(tmp_path / "images")


def test_a_gzip_that_is_cut_off_or_goes_on_behind_its_end_is_refused(tmp_path: Path) -> None:
    size = struct.pack("<I", len(idx(IMAGES)))  # what the last four bytes must be to pass the first look
    ends_alike = idx(IMAGES)[:-4] + size
    (tmp_path / "cut").write_bytes(gzip.compress(ends_alike, 0)[:-8])  # stored, so the values come last
    with pytest.raises(DataError, match="cut is cut off: its gzip stream does not end"):
        read_idx(tmp_path / "cut")
    (tmp_path / "more").write_bytes(packed(idx(IMAGES)[:-8]) + size)
    with pytest.raises(DataError, match="more declares 12 x 5 x 4 values and does not contain as many"):
        read_idx(tmp_path / "more")
    (tmp_path / "whole").write_bytes(packed(idx(IMAGES)))
    assert (read_idx(tmp_path / "whole") == IMAGES).all()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train-images-idx3-ubyte": idx(IMAGES)}, "has no labels-idx1 file beside it"),
        ({"train-labels-idx1-ubyte": idx(LABELS)}, "has no images-idx3 file beside it"),
        (
            {"t10k-images-idx3-ubyte": idx(IMAGES), "t10k-labels-idx1-ubyte": idx(LABELS)},
            "no split train, which training needs",
        ),
        (train_files() | {f"kmnist-{name}": file for name, file in train_files().items()}, "several idx sets"),
        (train_files(labels=idx(LABELS * 0)), "has only one class, 0"),
        (
            train_files() | {"t10k-images-idx3-ubyte": idx(IMAGES), "t10k-labels-idx1-ubyte": idx(LABELS + 1)},
            "the label 2, which the training split does not have",
        ),
        (
            train_files()
            | {"t10k-images-idx3-ubyte": idx(IMAGES.reshape(12, 4, 5)), "t10k-labels-idx1-ubyte": idx(LABELS)},
            "another size",
        ),
    ],
)
def test_a_set_that_does_not_hold_together_is_refused(files: dict[str, bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        open_source(write(tmp_path / "set", files))


def test_a_test_split_alone_can_be_evaluated(tmp_path: Path) -> None:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS))
    source = open_source(tmp_path, for_training=False)
    assert {split: len(listing) for split, listing in source.splits.items()} == {"test": len(LABELS)}
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS * 0))
    assert open_source(tmp_path, for_training=False).classes == ("0",)
