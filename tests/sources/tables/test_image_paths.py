"""Paths that tables write in another way than the files are called: found where one file fits, else explained."""

import posixpath
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pytest
from tests.sources.tables.table_folder import labels_by_id

from striate.data import Limits, Source
from striate.errors import AmbiguousDataError, DataError, SettingError
from striate.sources import Columns, open_source

Png = Callable[[Path], None]
FILES = [f"images/a{i}.png" for i in range(6)]


@pytest.fixture
def listed(tmp_path: Path, png: Png) -> Callable[..., Path]:
    """A table of these paths, labels x and y in turn, beside these files."""

    def make(paths: Sequence[str], files: Sequence[str] = FILES, name: str = "labels.csv") -> Path:
        for file in files:
            png(tmp_path / "data" / file)
        table = tmp_path / "data" / name
        table.write_text("path,label\n" + "".join(f'"{path}",{"xy"[i % 2]}\n' for i, path in enumerate(paths)))
        return table

    return make


def ids(source: Source) -> list[str]:
    return list(source.splits["all"].ids)


@pytest.mark.parametrize(
    ("written", "how"),
    [
        ("images/a{}", "with an extension added"),
        ("a{}", "with an extension added"),
        ("IMAGES/A{}.PNG", "in another case"),
        ("images/a{}.PNG", "in another case"),
        ("A{}", "with an extension added and in another case"),
        ("images\\a{}.png", "with / for \\"),
        (".\\images\\a{}.png", "with / for \\"),
        ("/images/a{}.png", "without / in front"),
        ("file:///home/an%20other/data/images/a{}.png", "as file addresses and without /home/an other/data in front"),
        ("file://[2021] x/images/a{}.png", "as file addresses and without / in front"),
        ("FILE://host/C:/data/images/a{}.png", "as file addresses and without C:/data in front"),
        ("file:images/a{}.png", "as file addresses"),
        ("file:///C:/data/images/a{}.png", "as file addresses and without C:/data in front"),
        ("C:\\Users\\x\\data\\images\\a{}.png", "with / for \\ and without C:/Users/x/data in front"),
        ("/home/other/data/images/a{}.png", "without /home/other/data in front"),
        ("/home/other/data/images/a{}", "without /home/other/data in front and with an extension added"),
        ("~/data/images/a{}.png", "without ~/data in front"),
        ("../there/images/a{}.png", "without ../there in front"),
        ("data/images/a{}.png", "without data in front"),
        ("far/a{}.png", "without far in front"),
        ("'images/a{}.png'", "without quotes"),
        ("`images\\a{}.png`", "without quotes and with / for \\"),
    ],
)
def test_written_in_another_way(written: str, how: str, listed: Callable[..., Path]) -> None:
    source = open_source(listed([written.format(i) for i in range(6)]))
    assert ids(source) == FILES
    assert not source.splits["all"].skipped
    assert source.notes == (f"6 of 6 paths are found {how}: {written.format(0)} is images/a0.png",)


@pytest.mark.parametrize(("form", "there"), [("NFC", "NFD"), ("NFD", "NFC")])
@pytest.mark.parametrize(("end", "before"), [(".png", ""), ("", "with an extension added and ")])
def test_written_in_another_form_of_unicode(
    form: Literal["NFC", "NFD"], there: Literal["NFC", "NFD"], end: str, before: str, listed: Callable[..., Path]
) -> None:
    names = [f"caf\u00e9{i}" for i in range(6)]
    files = [f"images/{unicodedata.normalize(there, name)}.png" for name in names]
    cells = [unicodedata.normalize(form, name) + end for name in names]
    source = open_source(listed(cells, files))
    assert ids(source) == files
    assert source.notes[0].startswith(f"6 of 6 paths are found {before}in another form of Unicode: {cells[0]} is ")
    assert not open_source(listed([file[7:] for file in files], files)).notes


@pytest.mark.parametrize("cell", ["images/a{}.png", "a{}.png"])
def test_a_link_to_a_folder_names_the_option(cell: str, listed: Callable[..., Path], tmp_path: Path) -> None:
    table = listed([cell.format(i) for i in range(6)])
    (tmp_path / "data/images").rename(tmp_path / "far")
    (tmp_path / "data/images").symlink_to(tmp_path / "far")
    with pytest.raises(DataError, match="link.*; --follow-links follows them.*; or put the images into"):
        open_source(table)
    assert ids(open_source(table, Limits(follow_links=True))) == FILES


@pytest.mark.parametrize("folder", ["imagez", "labels.csv"])
def test_images_that_are_no_folder_are_refused(folder: str, listed: Callable[..., Path]) -> None:
    table = listed([file[7:] for file in FILES])
    for data in (table, table.parent):
        with pytest.raises(SettingError, match=f"image_root = '{folder}': there is no such folder in .*images"):
            open_source(data, columns=Columns(folder=folder))


@pytest.mark.parametrize(
    "written", ["images/a{}.png", "./images/a{}.png", " images/a{}.png ", "a{}.png", "../data/images/a{}.png"]
)
def test_paths_as_they_are_give_no_note(written: str, listed: Callable[..., Path]) -> None:
    source = open_source(listed([written.format(i) for i in range(6)]))
    assert ids(source) == FILES
    assert not source.notes


def test_a_few_rows_of_many(listed: Callable[..., Path]) -> None:
    source = open_source(listed([*FILES[:4], "images/a4", "images/gone"]))
    assert ids(source) == FILES[:5]
    assert source.notes == (
        "1 of 6 paths are found with an extension added: images/a4 is images/a4.png",
        "images that no row of the table names are left out: 1, such as images/a5.png",
    )
    assert [(one.id, one.reason) for one in source.splits["all"].skipped] == [("images/gone", "missing")]


def test_images_that_no_row_names_give_a_note(listed: Callable[..., Path], png: Png) -> None:
    table = listed([file[7:] for file in FILES[:4]], [*FILES, "images/thumbs/a0.png", "other/b.png"])
    (table.parent / "images/notes.txt").touch()
    png(table.parent / "images/a1_mask.png")
    note = "images that no row of the table names are left out: 2, such as images/a4.png"
    assert open_source(table).notes == (note,)
    listed([file[7:] for file in FILES])
    assert not open_source(table).notes


def test_two_that_fit_are_refused(listed: Callable[..., Path]) -> None:
    files = [*FILES, "images/a3.jpg", "images/a3.txt", "images/a4.json"]
    with pytest.raises(
        DataError, match=r"row 5, column path: images/a3 may be images/a3.jpg or images/a3.png; write one of them"
    ):
        open_source(listed([file[:-4] for file in FILES], files))
    assert ids(open_source(listed(FILES, files))) == FILES


def test_a_class_that_is_not_here_is_not_taken_for_another(listed: Callable[..., Path]) -> None:
    paths = [f"/x/data/{'xy'[i % 2]}/{i // 2}.png" for i in range(6)]
    with pytest.raises(DataError, match=r"all .* of the class x are missing"):
        open_source(listed(paths, [f"y/{i}.png" for i in range(3)]))
    source = open_source(listed(paths, [f"{label}/{i}.png" for i in range(3) for label in "xy"]))
    assert labels_by_id(source) == {f"{label}/{i}.png": label for i in range(3) for label in "xy"}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "images/a{}.jpg",
            r"\(row 2, images/a0.jpg: missing: no such file, but images/a0.png exists; write its extension\)",
        ),
        ("x{}/a0.png", r"no such file, but images/a0.png exists; write its folder"),
        ("images/more{}", r"no such file, but images/more0.raw exists; write its extension"),
        ("x/more{}", r"no such file, but images/more0.raw exists; write its folder"),
        ("https://a.org/images/a{}.png", "a web address, and nothing is downloaded.*; download the images"),
        ("s3://bucket/images/a{}.png", "a web address"),
    ],
)
def test_what_is_not_found_is_explained(written: str, message: str, listed: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(listed([written.format(i) for i in range(6)], [*FILES, "images/more0.raw"]))
    assert "\n" not in str(caught.value)


def test_nothing_outside_is_read(listed: Callable[..., Path], png: Png, tmp_path: Path) -> None:
    png(tmp_path / "secret.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/link.png").symlink_to(tmp_path / "secret.png")
    for path in (f"file://{tmp_path}/secret.png", f"{tmp_path}/secret", "../secret", "LINK.PNG", "link"):
        source = open_source(listed([*FILES, path]))
        assert ids(source) == FILES
        assert len(source.splits["all"].skipped) == 1


def test_folders_of_the_same_names(listed: Callable[..., Path]) -> None:
    names = [f"{i}.png" for i in range(6)]
    table = listed(names, [f"{folder}/{name}" for folder in ("large", "small") for name in names])
    with pytest.raises(
        DataError, match=r"images of labels.csv may be those in large or in small; .*--image-root FOLDER"
    ):
        open_source(table)
    assert ids(open_source(table, columns=Columns(folder="small"))) == names
    listed(names, [f"images/{name}" for name in names])
    assert ids(open_source(table)) == [f"images/{name}" for name in names]  # called as such a folder is


@pytest.mark.parametrize("train", ["train/x{}", "train/images/a", "train_images/a"])
@pytest.mark.parametrize("cut", [0, -4])
def test_a_table_of_train_never_takes_files_of_test(train: str, cut: int, listed: Callable[..., Path]) -> None:
    names = [f"{i}.png" for i in range(6)]
    files = [f"{train.format(i % 2)}{name}" for i, name in enumerate(names)]
    other = files[0].replace("train", "test").rpartition("/")[0]
    cells = [posixpath.basename(file)[: cut or None] for file in files]
    with_test = [*files, *(f"{other}/{posixpath.basename(file)}" for file in files)]
    source = open_source(listed(cells, with_test, "train.csv"))
    assert ids(source) == files
    with pytest.raises(AmbiguousDataError, match=r"may be those in test.* or in train.*; .*--image-root FOLDER"):
        open_source(listed(cells, with_test))


def test_names_that_lie_in_the_folders_of_splits_are_of_them(listed: Callable[..., Path]) -> None:
    files = [f"{'train' if i < 4 else 'test'}/a{i}.png" for i in range(6)]
    source = open_source(listed([file.rpartition("/")[2] for file in files], files))
    assert {split: len(listing) for split, listing in source.splits.items()} == {"train": 4, "test": 2}
    assert source.split_origin == "folders in the paths: train, test"


def test_images_in_two_folders(listed: Callable[..., Path]) -> None:
    files = [f"part_{1 + i // 4}/a{i}.png" for i in range(6)]
    for cut in (0, -4):
        source = open_source(listed([file[7 : cut or None] for file in files], files))
        assert ids(source) == files


@pytest.mark.parametrize(("base", "name"), [("p{}", "{}.png"), ("p{}", "{}.PNG"), ("site/p{}", "/x/{}")])
def test_names_in_more_folders_than_rows_are_looked_at(base: str, name: str, listed: Callable[..., Path]) -> None:
    files = [f"{base.format(i // 2)}/{i:03}.png" for i in range(240)]
    table = listed([name.format(f"{i:03}") for i in range(240)], files)
    source = open_source(table)
    assert ids(source) == files
    assert not source.splits["all"].skipped
    text = table.read_text().replace("200", "900")
    table.write_text(text)
    listing = open_source(table).splits["all"]
    assert (len(listing), len(listing.skipped)) == (239, 1)


def test_names_that_are_in_two_of_the_folders_are_asked_about(listed: Callable[..., Path]) -> None:
    files = [f"p{i // 2}/{i:03}.png" for i in range(240)]
    table = listed([f"{i:03}.png" for i in range(240)], [*files, "p7/121.png"])  # no row that is looked at
    with pytest.raises(AmbiguousDataError, match=r"of labels.csv may be those in p\d+ or in p\d+; choose with"):
        open_source(table)
    (table.parent / "p7/121.png").rename(table.parent / "p60/thumb.png")
    assert ids(open_source(table)) == files


def test_small_copies_in_folders_of_their_own_are_not_asked_about(listed: Callable[..., Path]) -> None:
    files = [f"p{i % 2}/a{i}.png" for i in range(6)]
    source = open_source(
        listed([f"a{i}.png" for i in range(6)], [*files, *(f.replace("/", "/thumbs/") for f in files)])
    )
    assert ids(source) == files


def test_a_table_in_a_folder_of_its_own(listed: Callable[..., Path], tmp_path: Path) -> None:
    table = listed([f"../images/a{i}.png" for i in range(6)])
    (tmp_path / "data/notes").mkdir()
    table = table.rename(tmp_path / "data/notes/labels.csv")
    with pytest.raises(DataError, match=r"a path out of the data folder\); .*--image-root \.\."):
        open_source(table)
    assert ids(open_source(table, columns=Columns(folder=".."))) == FILES
