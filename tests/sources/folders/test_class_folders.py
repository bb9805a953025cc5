"""Class folders: what counts as a class, a split and an image; what is passed over, skipped, or stops everything."""

import hashlib
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.data import Cache, Canvas, Limits, load_images, printable, split_samples
from striate.errors import DataError
from striate.sources import open_source

LIMITS = Limits()
CANVAS = Canvas(24, 32, 3)

ClassFolders = Callable[[Mapping[str, int]], Path]
Encode = Callable[..., bytes]


def test_classes_are_folders_in_the_order_of_their_bytes(class_folders: ClassFolders) -> None:
    source = open_source(class_folders({"b": 2, "a": 3, "B": 1, "ä": 2}))
    assert source.classes == ("B", "a", "b", "ä")
    assert source.kind == "class folders"
    assert source.name == "data"
    assert list(source.splits) == ["all"]
    assert source.splits["all"].labels.tolist() == [0, 1, 1, 1, 2, 2, 3, 3]
    assert source.splits["all"].ids[:3] == ("B/000.jpg", "a/000.jpg", "a/001.jpg")
    assert source.native() == CANVAS
    assert not source.ignored
    again = open_source(source.location)
    assert again.digest() == source.digest()


def test_images_are_those_of_the_files(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 3, "dog": 2})
    samples = load_images(open_source(root), CANVAS, threads=2)["all"]
    for image, label, name in zip(samples.images, samples.labels.tolist(), samples.ids, strict=True):
        with Image.open(root / name) as original:
            assert (image.numpy() == np.asarray(original)).all()
        assert name.startswith(samples.classes[label])
    assert not samples.skipped


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Train", "Validation", "TEST"), ("train", "valid", "test")]
)
def test_splits_are_found_by_their_names(names: tuple[str, str, str], class_folders: ClassFolders) -> None:
    train, val, test = names
    root = class_folders(
        {f"{train}/cat": 3, f"{train}/dog": 2, f"{train}/owl": 2, f"{val}/cat": 1, f"{test}/dog": 2, f"{test}/owl": 1}
    )
    source = open_source(root)
    assert list(source.splits) == ["train", "val", "test"]
    assert source.classes == ("cat", "dog", "owl")
    assert {split: listing.labels.tolist() for split, listing in source.splits.items()} == {
        "train": [0, 0, 0, 1, 1, 2, 2],
        "val": [0],
        "test": [1, 1, 2],
    }
    assert source.splits["val"].ids == (f"{val}/cat/000.jpg",)


def test_a_train_folder_alone_is_not_split_yet(class_folders: ClassFolders) -> None:
    source = open_source(class_folders({"train/cat": 1, "train/dog": 1}))
    assert list(source.splits) == ["all"]
    assert source.classes == ("cat", "dog")


def test_a_class_may_be_named_train_beside_others(class_folders: ClassFolders) -> None:
    assert open_source(class_folders({"bus": 1, "train": 2})).classes == ("bus", "train")


def test_files_are_found_at_any_depth(class_folders: ClassFolders) -> None:
    source = open_source(class_folders({"cat": 1, "cat/indoor/night": 2, "dog": 1}))
    assert source.classes == ("cat", "dog")
    assert source.splits["all"].ids[:2] == ("cat/000.jpg", "cat/indoor/night/000.jpg")


def test_what_systems_leave_behind_is_ignored_by_name_and_counted(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 2, "dog": 2, "__MACOSX/cat": 1, ".git": 1, "dog/__MACOSX": 1})
    healthy = open_source(root).digest()
    for name in (".DS_Store", "cat/.DS_Store", "cat/._000.jpg", "dog/Thumbs.db", "dog/.hidden.jpg"):
        (root / name).write_bytes(b"\0\1\2")
    (root / "README.md").write_text("about these images")
    source = open_source(root)
    assert source.ignored == {"hidden or left by the system": 8, "outside the class folders": 1}
    assert source.digest() == healthy
    samples = load_images(source, CANVAS, threads=1)["all"]
    assert len(samples) == 4
    assert not samples.skipped


@pytest.mark.timeout(30)
def test_links_out_of_the_folder_pipes_and_sockets_are_skipped(class_folders: ClassFolders, tmp_path: Path) -> None:
    root = class_folders({"cat": 30, "dog": 30})
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.jpg").write_bytes((root / "cat/000.jpg").read_bytes())
    (root / "cat/out.jpg").symlink_to(secret / "key.jpg")
    (root / "cat/deep").symlink_to(secret)
    (root / "cat/loop").symlink_to(root)
    (root / "cat/nothing.jpg").symlink_to(root / "cat/gone.jpg")
    (root / "cat/zero.jpg").symlink_to("/dev/zero")
    (root / "dog/in.jpg").symlink_to(root / "cat/000.jpg")
    os.mkfifo(root / "dog/pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(root / "dog")  # the path of a socket must be short
        listener.bind("socket.jpg")
    source = open_source(root)
    samples = load_images(source.with_limits(Limits(max_bad=0.2)), CANVAS, threads=2)["all"]
    assert {one.id: one.reason for one in samples.skipped} == {
        "cat/deep": "link out of the folder",
        "cat/loop": "link out of the folder",
        "cat/nothing.jpg": "missing",
        "cat/out.jpg": "link out of the folder",
        "cat/zero.jpg": "link out of the folder",
        "dog/pipe.jpg": "not a regular file",
        "dog/socket.jpg": "not a regular file",
    }
    assert len(samples) == 61
    assert "dog/in.jpg" in samples.ids


@pytest.fixture(autouse=True)
def _same_folder_afterwards() -> Iterator[None]:
    before = Path.cwd()
    yield
    os.chdir(before)


AWKWARD = [
    b"new\nline.jpg",
    b"tab\there.jpg",
    b"quo\"te's.jpg",
    b"comma, semicolon; =cmd().jpg",
    "emoji \U0001f9ff.jpg".encode(),
    "caf\u00e9.jpg".encode(),
    "cafe\u0301.jpg".encode(),  # the same to the eye, not on disk
    b"latin-1 caf\xe9.jpg",
    b"\xff\xfe.jpg",
    "right\u202eto left.jpg".encode(),
    b"-rf.jpg",
    b"back\\slash.jpg",
    b"back\\\\slash.jpg",
    b"literal \\xe9.jpg",
    b"%s%n<b>&amp;.jpg",
    b"x" * 251 + b".jpg",
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not take these names")
def test_any_name_on_disk_gets_a_printable_id_of_its_own(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 2, "dog": 2})
    content = (root / "cat/000.jpg").read_bytes()
    strange = os.fsencode(root) + b"/cl\xe9ss\n"
    folder = Path(os.fsdecode(strange))
    folder.mkdir()
    for name in AWKWARD:
        (folder / os.fsdecode(name)).write_bytes(content)
    source = open_source(root)
    samples = load_images(source, CANVAS, threads=2)["all"]
    assert len(samples) == 4 + len(AWKWARD)
    assert len(set(samples.ids)) == len(samples.ids)
    assert source.classes == ("cat", "cl\\xe9ss\\u000a", "dog")
    for text in (*samples.ids, *source.classes):
        assert text.isprintable()
        assert text.encode("utf-8").decode("utf-8") == text
    assert "cl\\xe9ss\\u000a/latin-1 caf\\xe9.jpg" in samples.ids
    assert "cl\\xe9ss\\u000a/literal \\\\xe9.jpg" in samples.ids
    assert (samples.images[2:-2] == samples.images[2]).all()
    assert source.digest() == open_source(root).digest()


def test_printable_keeps_what_prints() -> None:
    for name in ("cat", "a b/c'd\"e", "\U0001f9ff", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"):
        assert printable(name) == name


STOPS: list[tuple[dict[str, int], str]] = [
    ({"cat": 2}, "one class, cat; add a folder for another class"),
    ({"photos/cat": 2, "photos/dog": 1}, "one class, photos; did you mean .*/data/photos?"),
    ({"cat": 2, "dog": 0}, r"class folder .*/data/dog has no readable image \(it is empty\)"),
    ({"train/cat": 2, "train/dog": 2, "val/cat": 1, "val/dgo": 1}, "has the class dgo, .*; did you mean dog?"),
    ({"test/cat": 2, "test/dog": 2}, "has test but no training images; add a folder train"),
    ({"val/cat": 2, "test/cat": 2}, "has val and test but no training images"),
    (
        {"train/cat": 2, "train/dog": 2, "val/cat": 1, "Valid/cat": 1},
        "Valid and val, which are both the split val; rename one",
    ),
    ({"train/cat": 2, "train/dog": 2, "val": 3}, "data/val has no class folders"),
    ({"train/cat": 2, "train/dog": 2, "test": 0}, "data/test has no class folders"),
    ({"train/cat": 2, "train/dog": 2, "extra/cat": 3}, "has train with folders in it, and beside it extra"),
    ({"train/cat": 2, "val/cat": 1}, "data/train has only one class"),
]


@pytest.mark.parametrize(("counts", "message"), STOPS)
def test_data_without_training_images_are_refused_with_the_way_out(
    counts: dict[str, int], message: str, class_folders: ClassFolders
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(class_folders(counts))
    assert "\n" not in str(caught.value)


def test_an_empty_folder_loose_images_and_files_stop(
    tmp_path: Path, class_folders: ClassFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="empty is empty; put the images of each class in a folder"):
        open_source(empty)
    root = class_folders({"cat": 2, "dog": 2})
    with pytest.raises(DataError, match="data/cat has files but no folders"):
        open_source(root / "cat")
    with pytest.raises(DataError, match=r"000.jpg is not a folder; give the folder of the class folders"):
        open_source(root / "cat/000.jpg")
    (tmp_path / "photos.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"photos.zip is not a folder; unpack it and give the folder"):
        open_source(tmp_path / "photos.zip")
    with pytest.raises(DataError, match=r".*/gone does not exist; check the path"):
        open_source(tmp_path / "gone")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError,
        match=r"'minst' is neither a built-in data set nor a folder, table or archive here; did you mean mnist\?",
    ):
        open_source("minst")
    with pytest.raises(DataError, match="'' is neither a built-in data set nor a folder, table or archive here"):
        open_source("")
    (root / "cat").rename(tmp_path / "elsewhere")
    (root / "cat").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="data/cat is a link to a folder, and such links are not followed"):
        open_source(root)


def test_a_link_in_the_place_of_a_split_stops(class_folders: ClassFolders, tmp_path: Path) -> None:
    root = class_folders({"train/cat": 2, "train/dog": 2, "val/cat": 2, "test/cat": 2})
    open_source(root)
    (root / "test").rename(tmp_path / "elsewhere")
    (root / "test").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="data/test is a link to a folder, and such links are not followed"):
        open_source(root)


def test_a_split_without_an_image_stops(class_folders: ClassFolders) -> None:
    root = class_folders({"train/cat": 40, "train/dog": 40, "val/cat": 1})
    (root / "val/cat/000.jpg").write_bytes(b"")
    loaded = load_images(open_source(root), CANVAS, threads=1)
    with pytest.raises(DataError, match="the split val has no image that can be used; add some, or remove its folder"):
        split_samples(loaded, val=0.1, test=0, seed=0)


def test_a_class_with_no_readable_image_stops(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 20, "dog": 2})
    (root / "dog/000.jpg").write_text("<html>")
    open_source(root)
    (root / "dog/001.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"dog has no readable image \(dog/000.jpg: not an image: a web page"):
        open_source(root)
    healthy = (root / "cat/000.jpg").read_bytes()
    for name in ("000.jpg", "001.jpg"):
        (root / "dog" / name).write_bytes(healthy[:-50])  # it has a header, so it opens
    source = open_source(root)
    with pytest.raises(
        DataError, match=r"the class dog has no readable image \(2 truncated\): dog/000.jpg, dog/001.jpg \("
    ):
        load_images(source.with_limits(Limits(max_bad=1)), CANVAS, threads=1, only="all")["all"]


def fingerprint(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted([root, *root.rglob("*")]):
        state = path.stat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        found[str(path)] = (state.st_mode, state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino, content)
    return found


_WRITES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.utime",
)
_watched: list[tuple[str, list[str]]] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    for root, writes in _watched:
        inside = bool(arguments) and str(arguments[0]).startswith(root)
        opened = event == "open" and inside and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if inside and (event in _WRITES or opened):
            writes.append(f"{event} {arguments}")


def test_the_users_folder_is_byte_identical_afterwards(class_folders: ClassFolders, tmp_path: Path) -> None:
    root = class_folders({"cat": 12, "dog": 12})
    (root / "cat/000.jpg").write_bytes((root / "cat/000.jpg").read_bytes()[:-2])  # no end of image: peers fix it there
    for folder in (root, root / "cat", root / "dog"):
        folder.chmod(0o555)
    before = fingerprint(root)
    writes: list[str] = []
    sys.addaudithook(_watch)
    _watched.append((str(root), writes))
    try:
        source = open_source(root)
        source.native()
        source.digest()
        for cache in (Cache("memory"), Cache("disk", tmp_path / "cache"), Cache("none")):
            images = load_images(source, CANVAS, threads=2, cache=cache)
    finally:
        _watched.clear()
    assert len(images["all"]) == 23
    assert fingerprint(root) == before
    assert not writes


def test_a_class_of_images_over_the_limit_stops_unless_the_limit_is_raised(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 2, "dog": 2})
    with pytest.raises(DataError, match=r"data/cat has no readable image \(cat/000.jpg: decompression bomb"):
        open_source(root, Limits(max_pixels=24 * 32 - 1))
    assert open_source(root, Limits(max_pixels=24 * 32)).native() == CANVAS
