"""CIFAR in both versions, as their authors' programs write it; and pickles that want more than to be read."""

import builtins
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.data import load_images
from striate.errors import DataError
from striate.sources import open_source
from striate.sources.arrays.cifar_pickle import read_pickled

COUNT = 12
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)  # N H W C
ROWS = IMAGES.transpose(0, 3, 1, 2).reshape(COUNT, 3072)  # the red plane, the green, the blue
FINE, COARSE = [i % 3 for i in range(COUNT)], [i % 2 for i in range(COUNT)]


def binary_10(root: Path) -> Path:
    root.mkdir()
    labels = np.array(FINE, np.uint8)[:, None]
    for i in range(2):
        rows = slice(6 * i, 6 * i + 6)
        (root / f"data_batch_{i + 1}.bin").write_bytes(np.concatenate([labels[rows], ROWS[rows]], 1).tobytes())
    (root / "test_batch.bin").write_bytes(np.concatenate([labels[:3], ROWS[:3]], 1).tobytes())
    (root / "batches.meta.txt").write_text("cat\ndog\nowl\n\n")
    return root


def binary_100(root: Path) -> Path:
    root.mkdir()
    records = np.concatenate([np.array([COARSE, FINE], np.uint8).T, ROWS], 1)
    (root / "train.bin").write_bytes(records.tobytes())
    (root / "test.bin").write_bytes(records[:3].tobytes())
    (root / "fine_label_names.txt").write_text("cat\ndog\nowl\n")
    (root / "coarse_label_names.txt").write_text("large\nsmall\n")
    return root


def as_python_2(value: Any) -> bytes:
    """Protocol 2 with the module names and the plain strings of Python 2, as the files of the web site are."""
    content = pickle.dumps(value, 2).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    for raw in (b"data", b"labels", b"fine_labels", b"coarse_labels", b"label_names"):
        # c_codecs.encode with a text becomes a short string
        content = content.replace(b"X" + struct.pack("<I", len(raw)) + raw, b"U" + bytes([len(raw)]) + raw)
    return content


def python_10(root: Path, dumps: Callable[[Any], bytes] = as_python_2, order: str = "C") -> Path:
    root.mkdir()
    for name, rows in (("data_batch_1", slice(0, 6)), ("data_batch_2", slice(6, 12)), ("test_batch", slice(0, 3))):
        data = np.array(ROWS[rows], order=order)  # type: ignore[call-overload]
        (root / name).write_bytes(dumps({"batch_label": "x", "labels": FINE[rows], "data": data, "filenames": ["a"]}))
    (root / "batches.meta").write_bytes(dumps({"label_names": ["cat", "dog", "owl"], "num_vis": 3072}))
    return root


def python_100(root: Path) -> Path:
    root.mkdir()
    for name, rows in (("train", slice(None)), ("test", slice(0, 3))):
        record = {"data": ROWS[rows], "fine_labels": FINE[rows], "coarse_labels": COARSE[rows]}
        (root / name).write_bytes(as_python_2(record))
    names = {"fine_label_names": ["cat", "dog", "owl"], "coarse_label_names": ["large", "small"]}
    (root / "meta").write_bytes(as_python_2(names))
    return root


@pytest.mark.parametrize("write", [binary_10, binary_100, python_10, python_100])
def test_images_and_classes_are_those_that_were_written(write: Callable[[Path], Path], tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "cifar"))
    assert source.classes == ("cat", "dog", "owl")
    assert source.kind.startswith("CIFAR-100" if "100" in write.__name__ else "CIFAR-10,")
    assert (source.native().shape) == (32, 32, 3)
    images = load_images(source, source.native(), threads=2)
    assert list(images) == ["train", "test"]
    assert (images["train"].images.numpy() == IMAGES).all()
    assert images["train"].labels.tolist() == FINE
    assert (images["test"].images.numpy() == IMAGES[:3]).all()
    coarse = source.splits["train"].columns.get("coarse")
    assert coarse == (tuple(["large", "small"][i] for i in COARSE) if "100" in write.__name__ else None)
    assert open_source(source.location).digest() == source.digest()
    assert len(set(source.splits["train"].ids)) == COUNT


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("keys", [str, str.encode])
def test_any_protocol_order_and_kind_of_key(protocol: int, order: str, keys: Any, tmp_path: Path) -> None:
    def dumps(value: dict[str, Any]) -> bytes:
        return pickle.dumps({keys(key): one for key, one in value.items()}, protocol)

    source = open_source(python_10(tmp_path / "cifar", dumps, order))
    images = load_images(source, source.native(), threads=1, only="train")["train"].images
    assert (images.numpy() == IMAGES).all()


class Hostile:
    """An object whose pickle calls something when it is loaded."""

    def __init__(self, call: Any, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.arguments


def with_state(on: bytes) -> bytes:
    """A pickle that sets an attribute on a stand-in itself: GLOBAL, a dictionary, BUILD."""
    return b"\x80\x02}(X\x04\x00\x00\x00data" + on + b"}(X\x04\x00\x00\x00evilK\x01ubu."


HOSTILE = [
    (pickle.dumps({"data": Hostile(os.system, "touch hacked")}), "posix.system"),
    (pickle.dumps({"data": Hostile(os.system, "touch hacked")}, 0), "posix system"),
    (pickle.dumps({"data": Hostile(builtins.eval, "open('hacked', 'w')")}), "builtins.eval"),
    (b"cbuiltins\ngetattr\n.", "builtins getattr"),
    (b"cnumpy\nload\n(S'x'\ntR.", "numpy load"),
    (b"cnumpy.core.multiarray\nscalar\n.", "scalar"),
    (b"c_codecs\ndecode\n.", "_codecs decode"),
    (b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00rot13tR.", "not a pickle of CIFAR"),
    (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "posix.system"),
    (b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.flat\x93.", "ndarray.flat"),
    (b"(S'x'\nios\nsystem\n.", "instruction INST"),
    (b"cnumpy\nndarray\n)\x81.", "instruction NEWOBJ"),
    (b"\x82\x01.", "instruction EXT1"),
    (b"Pevil\n.", "instruction PERSID"),
    (b"\x80\x05\x95" + struct.pack("<Q", 2**40) + b".", "not a pickle of CIFAR"),
    (b"\x8e" + struct.pack("<Q", 2**62) + b".", "not a pickle of CIFAR"),  # bytes of that length
    (b"}r\xff\xff\xff\x7f.", "wastes memory"),
    (with_state(b"cnumpy\ndtype\n"), "not a pickle of CIFAR"),
    (with_state(b"cnumpy\nndarray\n"), "not a pickle of CIFAR"),
    (with_state(b"c_codecs\nencode\n"), "not a pickle of CIFAR"),
    (with_state(b"cnumpy.core.multiarray\n_reconstruct\n"), "not a pickle of CIFAR"),
    (b"", "not a pickle of CIFAR"),
    (b"<html>", "not a pickle of CIFAR"),
    (b"]" * 100_000 + b"a" * 99_999 + b".", "not contain CIFAR's dictionary"),  # lists in lists in lists
    (pickle.dumps([1, 2]), "not contain CIFAR's dictionary"),
    (pickle.dumps({}), "has no data of N x 3072 bytes"),
    (pickle.dumps({"data": ROWS.astype(np.float32)}, 2), "has no data of N x 3072 bytes"),
    (pickle.dumps({"data": np.array([{}] * 3, object)}, 2), "contains a damaged array"),
    (pickle.dumps({"data": ROWS[:, :3071]}, 2), "has no data of N x 3072 bytes"),
    (pickle.dumps({"data": ROWS[:0]}, 4), "declares 0 images"),
    (pickle.dumps({"data": ROWS}, 2).replace(b"K\x0cM\x00\x0c", b"K\x0dM\x00\x0c"), "declares 13 images"),
    (pickle.dumps({"data": ROWS}, 2), "no list labels"),
    (pickle.dumps({"data": ROWS, "labels": FINE[:-1]}, 2), "one class for each of its 12"),
    (pickle.dumps({"data": ROWS, "labels": [*FINE[:-1], -1]}, 2), "something that is not a class"),
    (pickle.dumps({"data": ROWS, "labels": [*FINE[:-1], 10**400]}, 2), "something that is not a class"),
    (pickle.dumps({"data": ROWS, "labels": [*FINE[:-1], True]}, 2), "something that is not a class"),
    (pickle.dumps({"data": ROWS, "labels": [*FINE[:-1], 3]}, 2), r"data_batch_1\[11\] has the class 3, and there are"),
]


@pytest.mark.parametrize(("content", "message"), HOSTILE)
def test_a_hostile_pickle_ends_as_one_line_and_runs_nothing(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = python_10(tmp_path / "cifar")
    (root / "data_batch_1").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        open_source(root)
    assert "data_batch_1" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "hacked").exists()
    open_source(python_10(tmp_path / "again"))  # and nothing of it stays behind


def test_the_hostile_pickles_are_hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(HOSTILE[0][0])
    assert (tmp_path / "hacked").exists()


def test_any_byte_changed_is_read_or_refused() -> None:
    content = as_python_2({"data": ROWS[:1], "labels": [1]})
    head = content[:150]
    for position in range(len(head)):
        for change in (1, 8, 64):
            changed = bytearray(content)
            changed[position] ^= change
            try:
                read_pickled(bytes(changed), "x")
            except DataError as error:
                assert "\n" not in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data_batch_1.bin", b"", "has 0 bytes, which is not a multiple of 3073"),
        ("data_batch_2.bin", bytes(3072), "has 3072 bytes, which is not a multiple of 3073"),
        (
            "data_batch_2.bin",
            b"\x03" + bytes(3072),
            r"data_batch_2.bin\[0\] has the class 3, and there are only 3",
        ),
        ("batches.meta.txt", b"cat\n", "does not name two or more"),
        ("batches.meta.txt", b"cat\ncat\nowl", "does not name two or more"),
        ("batches.meta.txt", b"\xff\xfe", "is not text"),
    ],
)
def test_a_hostile_binary_ends_as_one_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    root = binary_10(tmp_path / "cifar")
    (root / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        open_source(root)
    assert name in str(caught.value)


def test_the_digest_changes_with_a_pixel_and_a_label(tmp_path: Path) -> None:
    before = open_source(binary_10(tmp_path / "cifar")).digest()
    for position in (0, 1):
        content = bytearray((tmp_path / "cifar" / "data_batch_1.bin").read_bytes())
        content[position] ^= 1
        (tmp_path / "cifar" / "data_batch_1.bin").write_bytes(content)
        after = open_source(tmp_path / "cifar").digest()
        assert after != before
        before = after


@pytest.mark.parametrize("make", [binary_10, binary_100, python_10])
def test_a_test_split_alone_can_be_evaluated(make: Callable[[Path], Path], tmp_path: Path) -> None:
    root = make(tmp_path / "cifar")
    for path in root.iterdir():
        if path.name.startswith(("data_batch", "train")):
            path.unlink()
    source = open_source(root, for_training=False)
    assert {split: len(listing) for split, listing in source.splits.items()} == {"test": 3}
    with pytest.raises(DataError, match="has test but no split train, which training needs"):
        open_source(root)
