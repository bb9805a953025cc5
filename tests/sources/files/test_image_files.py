"""What cameras, editors and storage leave beside images is ignored and counted; images that are not read are told."""

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.audit.images_of_noise import fingerprints

from striate.audit.files import account, unusable
from striate.data import Limits, Unreadable, read_header
from striate.data.decoding.formats import IMAGE_EXTENSIONS
from striate.data.decoding.unsupported_formats import unsupported_format
from striate.errors import DataError
from striate.sources import open_source
from striate.sources.archives.webdataset_source import _IMAGES
from striate.sources.files.image_files import image_files
from striate.sources.files.tree import walk
from striate.sources.tables.csv_file import read_csv
from striate.sources.tables.file_index import FileIndex

ClassFolders = Callable[[Mapping[str, int]], Path]

HEIC = b"\0\0\0\x18ftypheic" + bytes(40)
CR2 = b"II*\0\x10\0\0\0CR\2\0" + bytes(40)


def array(shape: tuple[int, ...]) -> bytes:
    content = io.BytesIO()
    np.save(content, np.ones(shape, np.uint8))
    return content.getvalue()


SIDECARS = {
    "000.jpg.json": b"{}",
    "000.xmp": b"<x:xmpmeta/>",
    "000.AAE": b"<plist/>",
    "000.mov": b"\0\0\0\x14ftypqt  ",
    "000.cr2": CR2,  # beside 000.jpg
    "000.HEIC": HEIC,
    "000.npy": array((49, 768)),
    "notes.txt": b"blurred",
    "list": b"no extension, no image",
    "empty.csv": b"",
    "archive.zip": b"PK\3\4",
    "Thumbs.db": b"x",
    ".picasa.ini": b"x",
    "._000.jpg": b"x",
    "000.jpg@SynoEAStream": b"x",
}


def test_sidecars_are_ignored_and_counted(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 3, "dog": 3})
    healthy = open_source(root)
    whole = (root / "cat/000.jpg").read_bytes()
    for name, content in SIDECARS.items():
        (root / "cat" / name).write_bytes(content)
    (root / "cat/000.jpg_original").write_bytes(whole)  # exiftool's
    (root / "cat/000.thm").write_bytes(whole)
    for thumbnails in ("@eaDir", ".thumbnails", "#recycle"):
        (root / "dog" / thumbnails).mkdir()
        (root / "dog" / thumbnails / "000.jpg").write_bytes(whole)
    (root / "lost+found").mkdir()
    source = open_source(root)
    assert source.digest() == healthy.digest()
    assert not source.notes
    assert source.ignored == {
        **{f".{kind} files": 1 for kind in ("json", "xmp", "aae", "mov", "txt", "csv", "zip", "thm")},
        ".cr2 files beside an image of the same name": 1,
        ".heic files beside an image of the same name": 1,
        ".npy files beside an image of the same name": 1,
        "other files that are no images": 1,
        "backups by editors": 1,
        "hidden or left by the system": 8,
    }
    sums = account(fingerprints(root))
    files = sum(len(names) for _, _, names in os.walk(root))
    assert (sums.found, sums.used) == (files + 1, 6)  # a folder of one thumbnail counts once, and so does an empty one


def test_arrays_that_stand_alone_are_images(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 2, "dog": 2})
    for name in ("cat/a.npy", "dog/b.npy"):
        (root / name).write_bytes(array((24, 32, 3)))
    source = open_source(root)
    assert {"cat/a.npy", "dog/b.npy"} < set(source.splits["all"].ids)
    assert not source.ignored


def test_an_image_is_read_under_any_name(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 2, "dog": 2})
    for name in ("noext", "odd.foo", "photo.txt"):
        (root / "cat/000.jpg").rename(root / "cat" / name)
        assert f"cat/{name}" in open_source(root).splits["all"].ids
        (root / "cat" / name).rename(root / "cat/000.jpg")
    (root / "cat/000.jpg").write_text("<html>")  # the extension of an image: a fault, not a sidecar
    found = [one.finding.id for one in unusable(fingerprints(root).skipped)]
    assert found == ["data-wrong-type"]


FOREIGN = {
    "a.heic": (HEIC, "HEIC"),
    "b": (bytes(128) + b"DICM" + bytes(40), "DICOM"),
    "c.nef": (b"MM\0*" + bytes(40), "a raw camera file"),
    "d.svg": (b'<?xml version="1.0"?>\n<svg/>', "SVG"),
    "e.avif": (b"\0\0\0\x1cftypavif" + bytes(20), "AVIF"),
    "f.psd": (b"8BPS\0\1", "Photoshop"),
    "g.pdf": (b"%PDF-1.7", "PDF"),
    "h.jxl": (b"\xff\x0a\0", "JPEG XL"),
    "i.dcm": (b"no preamble", "DICOM"),
    "j.nii.gz": (b"\x1f\x8b", "a medical volume"),
}


def test_images_that_are_not_read_are_skipped_by_name_of_their_format(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 3, "dog": 3})
    for name, (content, _) in FOREIGN.items():
        (root / "cat" / name).write_bytes(content)
    skipped_ids = open_source(root).splits["all"].skipped
    assert {one.id: one.detail.partition(", which is not supported; ")[0] for one in skipped_ids} == {
        f"cat/{name}": form for name, (_, form) in FOREIGN.items()
    }
    assert {one.reason for one in skipped_ids} == {"unsupported format"}
    (one,) = [one for one in unusable(fingerprints(root).skipped) if one.finding.id == "data-format"]
    assert "3 DICOM" not in one.finding.message
    assert "2 DICOM" in one.finding.message


def test_a_class_of_images_that_are_not_read_names_the_way_out(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 3, "dog": 0})
    (root / "dog/1.HEIC").write_bytes(HEIC)
    with pytest.raises(
        DataError, match="dog/1.HEIC: unsupported format: HEIC, which is not supported; convert it to JPEG or PNG"
    ):
        open_source(root)
    (root / "dog/1.HEIC").rename(root / "dog/1.json")
    (root / "dog/1.json").write_text("{}")
    with pytest.raises(DataError, match="has only one class, cat"):
        open_source(root)


def test_the_thumbnail_in_a_raw_file_is_never_the_image(tmp_path: Path) -> None:
    plain, raw = tmp_path / "plain.tif", tmp_path / "raw.tif"
    Image.new("RGB", (8, 6)).save(plain)
    Image.new("RGB", (8, 6)).save(raw, tiffinfo={50706: b"\1\4\0\0"})  # DNGVersion
    assert read_header(plain, Limits()).format == "TIFF"
    with pytest.raises(Unreadable, match="a raw camera file, which is not supported"):
        read_header(raw, Limits())


def test_what_is_no_image_has_no_format() -> None:
    for content in (b"", b"hello", b" " * 512, b"<html>", b"\0\0\0\x14ftypisom", b"PK\3\4", b"\xff\xd8\xff", b"II*\0"):
        assert unsupported_format(content) is None


def test_links_are_followed_when_asked_to_and_nothing_is_read_twice(
    class_folders: ClassFolders, tmp_path: Path
) -> None:
    pool = class_folders({"cat": 3, "dog": 3})
    root = tmp_path / "links"
    (root / "cat").mkdir(parents=True)
    for file in (pool / "cat").iterdir():
        (root / "cat" / file.name).symlink_to(file)
    (root / "dog").symlink_to(pool / "dog")
    with pytest.raises(DataError, match="dog is a link to a folder, and such links are not followed; --follow-links"):
        open_source(root)
    follow = Limits(follow_links=True)
    source = open_source(root, follow)
    assert (len(source.splits["all"]), source.classes) == (6, ("cat", "dog"))
    (root / "dog").unlink()
    (root / "dog").mkdir()
    (root / "dog/all").symlink_to(pool / "dog")
    (root / "dog/again").symlink_to(pool / "dog")
    (root / "dog/loop").symlink_to(root / "dog")
    (root / "dog/up").symlink_to(tmp_path)
    (root / "dog/self.jpg").symlink_to(root / "dog/self.jpg")
    (root / "dog/other.jpg").symlink_to(pool / "dog/000.jpg")
    with pytest.raises(DataError, match="cat has no readable image .*--follow-links follows them"):
        open_source(root)
    source = open_source(root, follow)
    assert len(source.splits["all"]) == 6
    assert source.ignored == {"links to what is there already": 4}
    assert [one.detail for one in source.splits["all"].skipped] == ["a link to itself"]


def test_a_table_follows_links_when_asked_to(class_folders: ClassFolders, tmp_path: Path) -> None:
    pool = class_folders({"cat": 2})
    root = tmp_path / "links"
    (root / "images").mkdir(parents=True)
    for file in (pool / "cat").iterdir():
        (root / "images" / file.name).symlink_to(file)
    (root / "labels.csv").write_text("path,label\nimages/000.jpg,x\nimages/001.jpg,y\n")
    with pytest.raises(DataError, match="--follow-links"):
        open_source(root)
    assert len(open_source(root, Limits(follow_links=True)).splits["all"]) == 2


def test_thumbnails_beside_their_images_are_ignored_and_counted(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 2, "dog": 2})
    healthy = open_source(root)
    small = (root / "cat/000.jpg").read_bytes()
    for folder in ("thumbnails", "Thumbs"):
        (root / "cat" / folder).mkdir()
        (root / "cat" / folder / "000.jpg").write_bytes(small)
    (root / "dog/001_thumb.jpg").write_bytes(small)
    source = open_source(root)
    assert source.splits["all"].ids == healthy.splits["all"].ids
    assert source.ignored == {"thumbnails beside their images": 3}
    (root / "dog/green_thumb.jpg").write_bytes(small)  # of nothing
    assert "dog/green_thumb.jpg" in open_source(root).splits["all"].ids


@pytest.mark.parametrize("inner", ["thumbs", "masks", "Annotations", "labels"])
def test_what_is_made_of_images_in_a_class_is_ignored_and_no_riddle(inner: str, class_folders: ClassFolders) -> None:
    root = class_folders({f"{name}/{folder}": 2 for name in ("cat", "dog") for folder in ("images", inner)})
    source = open_source(root)
    assert (source.classes, source.notes) == (("cat", "dog"), ())
    assert [id_.split("/")[1] for id_ in source.splits["all"].ids] == ["images"] * 4
    assert list(source.ignored.values()) == [4]


def test_masks_beside_their_images_are_ignored_and_others_give_a_note(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 2, "cat/masks": 3, "dog": 2})
    image = Image.new("RGB", (8, 6))
    for name in ("000_mask.png", "000_mask_1.png", "001_mask.jpg", "no_mask.png"):  # JPEG is no format of masks
        image.save(root / "dog" / name)
    source = open_source(root)
    assert source.ignored == {"masks beside their images": 4}
    assert [id_ for id_ in source.splits["all"].ids if "mask" in id_] == [
        "cat/masks/002.jpg",
        "dog/001_mask.jpg",
        "dog/no_mask.png",
    ]
    assert source.notes == (
        "of the files in cat/masks, 1 are read as images of the class cat; move them elsewhere if they are masks",
    )


@pytest.mark.parametrize("around", ["", "train/"])
def test_a_class_with_the_name_of_masks_stays(around: str, class_folders: ClassFolders) -> None:
    source = open_source(class_folders({f"{around}mask": 2, f"{around}no_mask": 2}))
    assert (source.classes, len(source.splits["all"]), source.notes) == (("mask", "no_mask"), 4, ())


@pytest.mark.parametrize(("beside", "made"), [("index", 0), ("images", 2), ("Originals", 2)])
def test_a_folder_thumb_beside_others(beside: str, made: int, class_folders: ClassFolders) -> None:
    source = open_source(class_folders({"hand/thumb": 2, f"hand/{beside}": 2, "foot/toe": 2}))
    assert len(source.splits["all"]) == 6 - made
    assert source.ignored == ({"thumbnails beside their images": made} if made else {})


def test_a_class_with_the_name_of_thumbnails_stays(class_folders: ClassFolders) -> None:
    source = open_source(class_folders({"thumbs": 2, "fists": 2}))
    assert source.classes == ("fists", "thumbs")
    assert len(source.splits["all"]) == 4


@pytest.mark.parametrize("extension", sorted(IMAGE_EXTENSIONS))
def test_an_extension_of_an_image_is_one_wherever_it_is_asked_for(extension: str, tmp_path: Path) -> None:
    (tmp_path / f"a{extension}").touch()
    assert image_files(str(tmp_path), walk(str(tmp_path), ".")).files == (f"./a{extension}",)
    assert FileIndex(str(tmp_path)).find("", "a") == [f"a{extension}"]
    (tmp_path / "t.csv").write_text(f"a{extension},cat\n")
    with pytest.raises(DataError, match="is an image, not a column name"):
        read_csv(tmp_path / "t.csv")
    assert (extension[1:] in _IMAGES) == (extension != ".npy")
