"""WebDataset shards: samples, labels and splits; and archives that are built to do harm."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.data import Limits, load_images
from striate.errors import DataError
from striate.sources import open_source

Encode = Callable[..., bytes]
Members = list[tuple[tarfile.TarInfo | str, bytes]]


def tar(path: Path, members: Members, form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=form) as archive:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def special(name: str, kind: bytes, to: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.fixture
def samples(encode: Encode) -> Callable[..., Members]:
    """Members of samples with the keys 000, 001 ...: samples(4, "cls")."""

    def make(
        count: int, label: str = "cls", first: int = 0, text: Callable[[int], str] = lambda i: str(i % 2)
    ) -> Members:
        members: Members = []
        for i in range(first, first + count):
            members.append((f"{i:03}.png", encode(Image.new("L", (4, 3), i))))
            members.append((f"{i:03}.{label}", text(i).encode()))
        return members

    return make


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_shards_are_one_set(form: int, samples: Callable[..., Members], tmp_path: Path) -> None:
    deep = "folder/" + "n" * 95 + "/" + "k" * 60  # longer than a header holds
    long: Members = [(f"{deep}.png", samples(1)[0][1]), (f"{deep}.cls", b"1")]
    tar(tmp_path / "shard-000.tar", samples(4), form)
    tar(tmp_path / "shard-001.tar", [*samples(4, first=4), *long], form)
    source = open_source(tmp_path)
    assert source.classes == ("0", "1")
    assert source.kind == "WebDataset, 2 classes"
    assert source.splits["all"].labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 1]
    assert source.splits["all"].ids[4:] == (*(f"shard-001.tar/{i:03}" for i in range(4, 8)), f"shard-001.tar/{deep}")
    originals = load_images(source, source.native(), threads=2)["all"]
    assert originals.images[:8, 0, 0, 0].tolist() == list(range(8))
    assert open_source(source.location).digest() == source.digest()
    braces = open_source(f"{tmp_path}/shard-{{000..001}}.tar")
    assert braces.digest() == source.digest() == open_source(braces.location).digest()
    assert len(open_source(tmp_path / "shard-000.tar").splits["all"]) == 4


def test_shards_may_be_links_and_hidden_files_are_none(samples: Callable[..., Members], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.tar").symlink_to(tar(tmp_path / "blob", samples(4)))  # as a cache of downloads has them
    (tmp_path / "data" / "._a.tar").write_bytes(b"as macOS leaves them")
    assert open_source(tmp_path / "data").splits["all"].ids[0] == "a.tar/000"


def test_splits_by_the_names_of_shards(samples: Callable[..., Members], tmp_path: Path) -> None:
    for name, count in (("train-0", 4), ("train-1", 2), ("val-0", 1), ("test_0", 1)):
        tar(tmp_path / f"{name}.tar", samples(count))
    source = open_source(tmp_path)
    assert {split: len(listing) for split, listing in source.splits.items()} == {"train": 6, "val": 1, "test": 1}


@pytest.mark.parametrize(
    ("label", "text", "classes"),
    [
        ("cls", "{i}\n", ("0", "1")),
        ("txt", "cat {i}", ("cat 0", "cat 1")),
        ("json", '{{"label": "k{i}", "width": 3}}', ("k0", "k1")),
        ("json", "{i}", ("0", "1")),
        ("json", '"\\ud83d\\ude00{i}"', ("😀0", "😀1")),
        ("output.cls", "{i}", ("0", "1")),
        ("CLS", "{i}", ("0", "1")),
    ],
)
def test_labels(
    label: str, text: str, classes: tuple[str, ...], samples: Callable[..., Members], tmp_path: Path
) -> None:
    path = tar(tmp_path / "a.tar", samples(4, label, text=lambda i: text.format(i=i % 2)))
    assert open_source(path).classes == classes


def test_numbers_are_a_regression(samples: Callable[..., Members], tmp_path: Path) -> None:
    source = open_source(tar(tmp_path / "a.tar", samples(4, "json", text=lambda i: json.dumps({"target": i / 3}))))
    assert source.task == "regress"


def test_every_sample_ends_in_one_place(samples: Callable[..., Members], tmp_path: Path) -> None:
    members = [
        *samples(4),
        (special("004.png", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (special("005.jpg", tarfile.LNKTYPE, "000.png"), b""),
        (special("006.jpg", tarfile.CHRTYPE), b""),
        (special("007.jpg", tarfile.FIFOTYPE), b""),
        (special("folder", tarfile.DIRTYPE), b""),
        ("008.cls", b"1"),
        ("../../up.png", samples(1)[0][1]),
        ("../../up.cls", b"1"),
        ("/abs\nolute.png", samples(1)[0][1]),
        ("/abs\nolute.cls", b"0"),
        ("009.jpg", b"not an image at all"),
        ("009.cls", b"0"),
        (".hidden", b""),
        ("README", b""),
    ]
    source = open_source(tar(tmp_path / "a.tar", members))
    listing = source.splits["all"]
    assert listing.ids[-3:] == ("a.tar/../../up", "a.tar//abs\\u000aolute", "a.tar/009")  # names, and nothing else
    originals = load_images(source.with_limits(Limits(max_bad=0.9)), source.native(), threads=1)["all"]
    assert {one.id: one.reason for one in originals.skipped} == {
        "a.tar/004.png": "link out of the folder",
        "a.tar/005.jpg": "link out of the folder",
        "a.tar/006.jpg": "not a regular file",
        "a.tar/007.jpg": "not a regular file",
        "a.tar/008": "missing",
        "a.tar/009": "not an image",
    }
    assert len(originals) == 6
    assert [one.name for one in tmp_path.iterdir()] == ["a.tar"]


def changed(content: bytes, **fields: tuple[int, bytes]) -> bytes:
    """An archive with fields of its first header replaced, and its checksum right again."""
    header = bytearray(content[:512])
    for position, value in fields.values():
        header[position : position + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content[512:]


BASE_256 = 0x80


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("size", "message"),
    [
        (b"77777777777\0", "declares 8589934591 bytes for 000.png and ends before"),
        (b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7, "declares 9223372036854775807 bytes|damaged"),
        (b"\xff" * 12, "declares -1 bytes|damaged"),
        (b"\xff" * 10 + b"\xf8\0", "declares -2048 bytes|damaged"),  # back to where it came from
        (b"zzzzzzzzzzz\0", "not a tar archive, or damaged"),
    ],
)
def test_a_lying_size_ends_as_one_line(
    size: bytes, message: str, samples: Callable[..., Members], tmp_path: Path
) -> None:
    path = tar(tmp_path / "a.tar", samples(4))
    path.write_bytes(changed(path.read_bytes(), size=(124, size)))
    with pytest.raises(DataError, match=message) as caught:
        open_source(path)
    assert "a.tar" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K", b"S", b"7"])
@pytest.mark.parametrize("size", [b"77777777777\0", b"\xff" * 12, b"\xff" * 10 + b"\xf8\0"])
def test_a_lying_size_of_a_special_header_ends(
    kind: bytes, size: bytes, samples: Callable[..., Members], tmp_path: Path
) -> None:
    path = tar(tmp_path / "a.tar", samples(4))
    path.write_bytes(changed(path.read_bytes(), size=(124, size), kind=(156, kind)))
    with pytest.raises(DataError) as caught:
        open_source(path)
    assert "\n" not in str(caught.value)


def test_any_cut_is_noticed_or_harmless(samples: Callable[..., Members], tmp_path: Path) -> None:
    content = tar(tmp_path / "a.tar", samples(4)).read_bytes()
    whole = open_source(tmp_path / "a.tar").digest()
    lengths = []
    for length in range(0, len(content), 256):
        (tmp_path / "a.tar").write_bytes(content[:length])
        try:
            source = open_source(tmp_path / "a.tar")
        except DataError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either is right
        else:
            lengths.append(len(source.splits["all"]))
            assert (source.digest() == whole) == (lengths[-1] == 4)
    assert set(lengths) <= {2, 3, 4}  # a cut between two samples leaves an archive without its end


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "has no image with a label"),
        ([("0.txt", b"x")], "has no image with a label"),
        ([("0.png", b"x")], "the sample a.tar/0 has no .cls, .txt or .json"),
        ([("0.png", b"x"), ("0.jpg", b"x"), ("0.cls", b"1")], "has two images of one sample, 0.png and 0.jpg"),
        ([("0.png", b"x"), ("0.cls", b"1"), ("0.png", b"x")], "has two images of one sample, 0.png and 0.png"),
        ([("0.png", b"x"), ("0.cls", b"1"), ("0.cls", b"0")], "has two files .cls of the sample 0"),
        ([("0.png", b"x"), ("0.cls", b"")], "sample a.tar/0: the label is missing"),
        ([("0.png", b"x"), ("0.cls", b"1" * 2**17)], "the label .cls of a.tar/0 cannot be read: 131072 bytes"),
        ([("0.png", b"x"), ("0.txt", b"\xff\xfe")], "the label .txt of a.tar/0 cannot be read"),
        ([("0.png", b"x"), ("0.txt", b"a\0b")], "the label .txt of a.tar/0 cannot be read"),
        ([("0.png", b"x"), ("0.json", b"{")], "the label .json of a.tar/0 cannot be read"),
        ([("0.png", b"x"), ("0.json", b"[" * 50_000)], "the label .json of a.tar/0 cannot be read"),
        ([("0.png", b"x"), ("0.json", b'{"x": 1}')], "the label .json of a.tar/0 cannot be read"),
        ([("0.png", b"x"), ("0.json", b'{"label": [1]}')], "the label .json of a.tar/0 cannot be read"),
        ([("0.png", b"x"), ("0.json", b'{"label": NaN}')], "sample a.tar/0: the label is missing"),
        ([("0.png", b"x"), ("0.json", b"9" * 5000)], "the label .json of a.tar/0 cannot be read"),
        ([("0.png", b"x"), ("0.cls", b"1e309")], "sample a.tar/0: 1e309 is infinite"),
        ([("0.png", b"x"), ("0.cls", b"1")], "have one class, 1"),
    ],
)
def test_samples_that_cannot_be_used_end_as_one_line(members: Members, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(tar(tmp_path / "a.tar", members))
    assert "\n" not in str(caught.value)


def test_what_is_no_plain_tar_is_refused(samples: Callable[..., Members], tmp_path: Path) -> None:
    content = tar(tmp_path / "a.tar", samples(2)).read_bytes()
    (tmp_path / "a.tar").write_bytes(b"<html>" * 200)
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(content))
    (tmp_path / "c.tar").write_bytes(gzip.compress(content))
    for name, message in (
        ("a.tar", "a.tar is not a tar archive, or damaged"),
        ("b.tar.gz", "b.tar.gz is packed with gzip, so single files in it cannot be read; unpack it to a plain .tar"),
        ("c.tar", "c.tar is packed with gzip"),
        ("d-{000..002}.tar", ".*d-000.tar of the range d-{000..002}.tar does not exist"),
        ("d-{5..2}.tar", "has -2 archives"),
        ("d-{0..999999999999}.tar", "has 1000000000000 archives"),
    ):
        with pytest.raises(DataError, match=message):
            open_source(tmp_path / name)


def test_an_archive_that_shrinks_after_it_was_listed(samples: Callable[..., Members], tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", samples(20))
    source = open_source(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    originals = load_images(source.with_limits(Limits(max_bad=0.9)), source.native(), threads=1)["all"]
    reasons: Mapping[str, int] = {one.reason: 1 for one in originals.skipped}
    assert reasons == {"truncated": 1}
    assert len(originals) + len(originals.skipped) == 20
    assert (originals.images[:, 0, 0, 0].numpy() == np.arange(len(originals))).all()


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("train-0", "train-1", "validation-0", "eval-0", "eval-1"), {"train": 8, "val": 4, "test": 8}),
        (("train_cats-0", "train_dogs-0", "val_cats-0"), {"train": 8, "val": 4}),
        (("cars-train-0", "cars-test-0"), {"train": 4, "test": 4}),
        (("shard-0", "shard-1"), {"all": 8}),
    ],
)
def test_splits_by_all_or_by_the_first_word_of_a_name(
    names: tuple[str, ...], splits: dict[str, int], samples: Callable[..., Members], tmp_path: Path
) -> None:
    for name in names:
        tar(tmp_path / f"{name}.tar", samples(4))
    assert {split: len(listing) for split, listing in open_source(tmp_path).splits.items()} == splits
