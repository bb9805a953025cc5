"""Which folders are splits, which are classes, and where it takes a person to say."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from striate.data.names import natural_key
from striate.errors import AmbiguousDataError, DataError
from striate.sources import open_source
from striate.sources.split_words import split_of, splits_of

ClassFolders = Callable[[Mapping[str, int]], Path]

SPLITS = {
    "train": "train Training TRAIN train_set trainset train-data train_images images_train train2017 1_train TrainImages",
    "val": "val valid validation Validate dev devel development eval evaluation val_set valset dev-set",
    "test": "test Testing tests test_set testset test-images holdout hold-out HeldOut Test_2",
}
NO_SPLITS = (
    "cat images set data contest trainer retrain latest device developer invalid value tester part_1 training_wheels"
)


def test_the_names_that_people_give_to_splits() -> None:
    for split, names in SPLITS.items():
        assert {name: split_of(name) for name in names.split()} == dict.fromkeys(names.split(), split)
    assert split_of("Training Set") == "train"
    assert [name for name in NO_SPLITS.split() if split_of(name)] == []
    assert splits_of(["seg_train", "seg_test"]) == {"seg_train": "train", "seg_test": "test"}
    assert splits_of(["seg_cat", "seg_test"]) == {}
    assert splits_of(["train", "val", "eval"])["eval"] == "test"


@pytest.mark.parametrize(
    ("train", "test"),
    [("training", "testing"), ("Training Set", "Test Set"), ("train_images", "holdout"), ("seg_train", "seg_test")],
)
def test_splits_are_found_by_any_spelling(train: str, test: str, class_folders: ClassFolders) -> None:
    source = open_source(class_folders({f"{train}/cat": 2, f"{train}/dog": 2, f"{test}/cat": 1, f"{test}/dog": 1}))
    assert source.classes == ("cat", "dog")
    assert {split: len(listing) for split, listing in source.splits.items()} == {"train": 4, "test": 2}
    assert source.split_origin == f"folders {train}, {test}"
    assert not source.notes


@pytest.mark.parametrize(
    "names", [("bus", "train"), ("exam", "test"), ("dev", "ops"), ("test 1", "test 2"), ("valid", "invalid")]
)
def test_a_class_with_the_name_of_a_split_is_a_class(names: tuple[str, str], class_folders: ClassFolders) -> None:
    source = open_source(class_folders(dict.fromkeys(names, 2)))
    assert source.classes == tuple(sorted(names))
    assert not source.notes
    assert not source.split_origin


def test_classes_are_in_natural_order(class_folders: ClassFolders) -> None:
    source = open_source(class_folders(dict.fromkeys(("10", "2", "0", "11", "1"), 1)))
    assert source.classes == ("0", "1", "2", "10", "11")
    assert source.splits["all"].ids == tuple(f"{name}/000.jpg" for name in source.classes)


def test_folders_that_all_hold_the_same_ones_are_asked_about(class_folders: ClassFolders) -> None:
    root = class_folders({f"{site}/{name}": 2 for site in ("site_a", "site_b") for name in ("cat", "dog")})
    with pytest.raises(
        DataError,
        match=r"two ways: site_a, site_b are the classes \(--class-level 1\), or cat, dog in each of them are .*level 2\); "
        "if site_a, site_b are splits, rename them train, val or test",
    ):
        open_source(root)
    assert open_source(root, class_level=1).classes == ("site_a", "site_b")
    source = open_source(root, class_level=2)
    assert source.classes == ("cat", "dog")
    assert source.splits["all"].columns["folder"] == ("site_a", "site_a", "site_b", "site_b") * 2
    assert source.splits["all"].labels.tolist() == [0] * 4 + [1] * 4
    assert "--group folder" in source.notes[0]


def test_nearly_the_same_within_splits_is_asked_about_too(class_folders: ClassFolders) -> None:
    folders = {f"{split}/day{i}/{name}": 1 for split in ("train", "test") for i in (1, 2, 3) for name in ("cat", "dog")}
    root = class_folders({**folders, "train/day3/owl": 1})
    with pytest.raises(DataError, match="--class-level 2"):
        open_source(root)
    source = open_source(root, class_level=2)
    assert source.classes == ("cat", "dog", "owl")
    assert {split: len(listing) for split, listing in source.splits.items()} == {"train": 7, "test": 6}


@pytest.mark.parametrize(
    "counts",
    [
        {"pets/cat": 1, "pets/dog": 1, "vehicles/bus": 1, "vehicles/car": 1},  # nothing in common
        {"cat/raw": 1, "dog/raw": 1},  # one thing in common is no set of classes
        {"cat": 1, "cat/day": 1, "cat/night": 1, "dog": 1, "dog/day": 1, "dog/night": 1},  # images beside them
        {"cat/day": 1, "cat/night": 1, "dog": 2},
    ],
)
def test_class_folders_with_folders_inside_are_not_asked_about(
    counts: dict[str, int], class_folders: ClassFolders
) -> None:
    assert len(open_source(class_folders(counts)).classes) == 2


@pytest.mark.parametrize("around", ["", "train/"])
@pytest.mark.parametrize("lacking", [0, 2])  # a class may have no images to be tested with
def test_splits_inside_classes(around: str, lacking: int, class_folders: ClassFolders) -> None:
    counts = {f"{around}{name}/{split}": 2 for name in ("cat", "dog") for split in ("train", "test")}
    if lacking:
        del counts[f"{around}dog/test"]
    root = class_folders(counts)
    for level in (None, 1):
        source = open_source(root, class_level=level)
        assert source.classes == ("cat", "dog")
        assert {split: len(listing) for split, listing in source.splits.items()} == {"train": 4, "test": 4 - lacking}
        assert source.splits["test"].ids[:2] == (f"{around}cat/test/000.jpg", f"{around}cat/test/001.jpg")
        assert source.split_origin == "folders train, test inside the classes"
        assert not source.notes


@pytest.mark.parametrize("level", [None, 2])
@pytest.mark.parametrize("lacking", [[], ["b/test/cat", "b/test/dog"]])
def test_groups_around_splits_around_classes(
    level: int | None, lacking: list[str], class_folders: ClassFolders
) -> None:
    groups = {f"{site}/{split}/{name}": 1 for site in "ab" for split in ("train", "test") for name in ("cat", "dog")}
    root = class_folders({path: 1 for path in groups if path not in lacking})
    with pytest.raises(
        AmbiguousDataError, match=r"a/train .* contain the folders cat, dog; .* a, b .*: --class-level 1"
    ):
        open_source(root, class_level=level)
    source = open_source(root, class_level=1)
    assert (source.classes, list(source.splits)) == (("a", "b"), ["train", "test"])
    assert open_source(root / "a").classes == ("cat", "dog")


def test_splits_inside_classes_may_hold_folders_of_their_own(class_folders: ClassFolders) -> None:
    source = open_source(
        class_folders({"cat/train/tom": 1, "cat/test/tom": 1, "dog/train/rex": 1, "dog/train/spot": 1})
    )
    assert (source.classes, list(source.splits), source.notes) == (("cat", "dog"), ["train", "test"], ())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"cat": 1}, "cat/000.jpg is in none of them"),
        ({"owl": 1}, "owl/000.jpg is in none of them"),
        ({"owl/indoor": 1}, "owl/indoor is in none of them"),
        ({"cat/Training": 1}, "cat has two folders for one split"),
        ({"owl/test": 1}, "owl has no train"),
    ],
)
def test_splits_inside_some_classes_are_asked_about(
    more: dict[str, int], message: str, class_folders: ClassFolders
) -> None:
    root = class_folders({**more, "cat/train": 2, "cat/test": 2, "dog/train": 2})
    with pytest.raises(AmbiguousDataError, match=rf"cat has .* in it, but {message}; .*--class-level 1"):
        open_source(root)
    source = open_source(root, class_level=1)
    assert len(source.splits["all"]) == sum(map(len, source.splits.values())) == 6 + sum(more.values())
    assert f"but {message}; so these folders are not used as splits, and their images are mixed" in source.notes[0]


@pytest.mark.parametrize(
    "counts", [{"cat/test": 2, "dog": 2}, {"cat/test": 2, "dog/test": 2}, {"bus/train": 2, "bus/car": 2, "dog": 1}]
)
def test_one_folder_inside_with_the_name_of_a_split_is_no_split(
    counts: dict[str, int], class_folders: ClassFolders
) -> None:
    source = open_source(class_folders(counts))
    assert (len(source.classes), list(source.splits), source.notes) == (2, ["all"], ())


def test_names_of_splits_inside_classes_are_those_of_all_classes(class_folders: ClassFolders) -> None:
    source = open_source(class_folders({"cat/tr": 2, "cat/te": 1, "dog/tr": 2}))
    assert {split: len(listing) for split, listing in source.splits.items()} == {"train": 4, "test": 1}


def test_splits_inside_classes_that_are_only_evaluated(class_folders: ClassFolders) -> None:
    root = class_folders({"cat/val": 1, "cat/test": 2, "dog/test": 1})
    assert list(open_source(root, for_training=False).splits) == ["val", "test"]


def test_a_split_beside_an_unknown_folder_names_the_way_out(class_folders: ClassFolders) -> None:
    root = class_folders({f"{top}/{name}": 1 for top in ("train", "extra") for name in ("cat", "dog")})
    with pytest.raises(
        AmbiguousDataError,
        match=r"rename it to train, val or test.*--class-level 1: all of these, --class-level 2: the folders in them",
    ):
        open_source(root)
    source = open_source(root, class_level=2)
    assert source.classes == ("cat", "dog")
    assert source.notes[0] == "train is not used as a split: its images and those of extra are mixed"
    assert open_source(root, class_level=1).classes == ("extra", "train")


@pytest.mark.parametrize(
    "names",
    [
        "Training Validierung Test", "entraînement validation test", "treino validação teste", "Entrenamiento Prueba",
        "обучение тест", "训练 验证 测试", "学習 テスト", "Trainingsdaten Testdaten",
    ],
)  # fmt: skip
def test_splits_in_other_languages(names: str, class_folders: ClassFolders) -> None:
    root = class_folders({f"{name}/{label}": 1 for name in names.split() for label in ("a", "b")})
    splits = ["train", "val", "test"] if len(names.split()) == 3 else ["train", "test"]
    assert list(open_source(root).splits) == splits


def test_words_of_other_languages_alone_are_classes(class_folders: ClassFolders) -> None:
    assert open_source(class_folders({"prueba": 1, "essai": 1, "other": 1})).classes == ("essai", "other", "prueba")


@pytest.mark.parametrize("inner", ["", "seg_{}/"])  # as archives that are unpacked side by side
def test_splits_that_share_a_word_with_others(inner: str, class_folders: ClassFolders) -> None:
    splits = {f"seg_{split}/{inner.format(split)}{name}": 1 for split in ("train", "test") for name in ("sea", "ice")}
    root = class_folders(splits)
    source = open_source(root)
    assert (source.classes, list(source.splits), source.notes) == (("ice", "sea"), ["train", "test"], ())
    assert not source.ignored
    class_folders({f"seg_pred/{inner.format('pred')}": 2})
    source = open_source(root)
    assert (list(source.splits), source.ignored) == (["train", "test"], {"outside the class folders": 2})
    assert source.notes[0].startswith("the images in seg_pred are not in class folders")
    class_folders({f"seg_extra/{inner.format('extra')}{name}": 1 for name in ("sea", "ice")})
    with pytest.raises(AmbiguousDataError, match="seg_test with folders in it, and beside it seg_extra"):
        open_source(root)


@pytest.mark.parametrize("inner", ["", "/test"])
def test_a_test_folder_without_labels_may_be_unpacked_twice(inner: str, class_folders: ClassFolders) -> None:
    source = open_source(class_folders({"train/train/cat": 1, "train/train/dog": 1, f"test{inner}": 3}))
    assert (source.classes, list(source.splits), source.ignored) == (
        ("cat", "dog"),
        ["all"],
        {"outside the class folders": 3},
    )
    assert source.notes[0].startswith("the images in test are not in class folders")


@pytest.mark.parametrize(
    ("names", "way_out"),
    [
        ("train_cats train_dogs test_cats test_dogs", r"\(train_cats\); if cats .* into train/cats"),
        ("Dogs-Train cats-train cats-val Dogs-val owl", r"\(Dogs-Train\); if Dogs .* into train/Dogs"),
        ("trainA trainB testA testB", r"\(trainA\); if A .* into train/A"),
    ],
)
def test_a_split_and_a_class_in_one_name(names: str, way_out: str, class_folders: ClassFolders) -> None:
    root = class_folders(dict.fromkeys(names.split(), 1))
    with pytest.raises(AmbiguousDataError, match=rf"{way_out} and so on; .*: --class-level 1"):
        open_source(root)
    assert open_source(root, class_level=1).classes == tuple(sorted(names.split(), key=natural_key))


@pytest.mark.parametrize("names", [("test_station", "bus_station"), ("steam_train", "train_car", "express_train")])
def test_classes_that_share_a_word_are_classes(names: tuple[str, ...], class_folders: ClassFolders) -> None:
    assert splits_of(names) == {}
    source = open_source(class_folders({f"{name}/day_{name}": 1 for name in names}))
    assert (source.classes, source.notes) == (tuple(sorted(names)), ())


@pytest.mark.parametrize("level", [None, 2])
def test_a_test_split_beside_an_unknown_folder_is_never_mixed(level: int | None, class_folders: ClassFolders) -> None:
    root = class_folders({f"{top}/{name}": 1 for top in ("train", "test", "extra") for name in ("cat", "dog")})
    with pytest.raises(AmbiguousDataError, match=r"rename it to train, val or test.*\(--class-level 1: all of these\)"):
        open_source(root, class_level=level)
    (root / "extra").rename(root / "val")
    assert list(open_source(root).splits) == ["train", "val", "test"]


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("tr", "te"), {"train", "test"}),
        (("fit", "eval"), {"train", "val"}),
        (("learn", "test"), {"train", "test"}),
        (("train", "val", "unseen"), {"train", "val", "test"}),
        (("Training", "PrivateTest"), {"train", "test"}),
    ],
)
def test_rarer_names_of_splits_count_beside_others_only(
    names: tuple[str, ...], splits: set[str], class_folders: ClassFolders
) -> None:
    root = class_folders({f"{top}/{name}": 1 for top in names for name in ("cat", "dog")})
    source = open_source(root)
    assert (set(source.splits), source.classes) == (splits, ("cat", "dog"))
    assert splits_of([*names, "cat"]) == {name: split for name in names if (split := split_of(name))}
    assert splits_of(["tr", "fit"]) == {}


@pytest.mark.parametrize("names", [("fit", "unfit"), ("te", "tr"), ("seen", "unseen"), ("learn", "test")])
def test_a_class_with_a_rare_name_of_a_split_is_a_class(names: tuple[str, ...], class_folders: ClassFolders) -> None:
    assert open_source(class_folders(dict.fromkeys(names, 1))).classes == names
    inside = class_folders({f"{name}/day_{name}": 1 for name in (*names, "other")})
    assert len(open_source(inside, class_level=1).classes) >= 3


def test_folders_without_images_are_no_classes_and_no_riddle(class_folders: ClassFolders) -> None:
    root = class_folders({"train/cat": 1, "train/dog": 1, "test/cat": 1, "train/docs": 0, "scripts": 0})
    (root / "train/docs/notes.txt").write_text("x")
    (root / "scripts/run.py").write_text("x")
    source = open_source(root)
    assert source.classes == ("cat", "dog")
    assert sorted(source.notes) == [
        "the folder scripts has no images and is not a class",
        "the folder train/docs has no images and is not a class",
    ]
    assert source.ignored == {"outside the class folders": 2}


@pytest.mark.parametrize("file", ["a.pdf", "a.svg", "a.docx"])
def test_folders_of_documents_are_no_classes(file: str, class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 1, "dog": 1, "papers": 0})
    (root / "papers" / file).write_bytes(b"x")
    source = open_source(root)
    assert (source.classes, source.notes) == (("cat", "dog"), ("the folder papers has no images and is not a class",))
    splits = class_folders({"train/cat": 1, "train/dog": 1, "test/cat": 1, "test/papers": 0})
    (root / "test/papers" / file).write_bytes(b"x")
    for name in ("cat", "dog"):
        shutil.rmtree(root / name)
    assert list(open_source(splits).splits) == ["train", "test"]


@pytest.mark.parametrize(("file", "message"), [("a.heic", "HEIC"), ("a.dcm", "DICOM"), ("a.cr2", "a raw camera file")])
def test_folders_of_images_that_are_not_read_are_classes(file: str, message: str, class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 1, "dog": 1, "owl": 0})
    (root / "owl" / file).write_bytes(b"x" * 200)
    with pytest.raises(DataError, match=rf"class folder .*owl has no readable image .*{message}"):
        open_source(root)


def test_documents_are_named_in_the_error(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 1, "dog": 0})
    (root / "dog/a.pdf").write_bytes(b"%PDF-1.4")
    with pytest.raises(DataError, match=r"dog has no readable image .*save its pages as PNG"):
        open_source(root)


@pytest.mark.parametrize("around", ["", "train/"])
def test_a_copy_of_the_data_in_a_folder_is_left_out_with_a_note(around: str, class_folders: ClassFolders) -> None:
    inside = {f"{around}flowers/{name}": 2 for name in ("daisy", "rose")}
    root = class_folders({f"{around}daisy": 2, f"{around}rose": 2, **inside})
    source = open_source(root)
    assert (source.classes, len(source.splits["all"])) == (("daisy", "rose"), 4)
    assert source.ignored == {"outside the class folders": 4}
    assert source.notes[0].startswith(
        f"the folder {around}flowers contains folders with the names of all others beside it"
    )
    assert open_source(root, class_level=1).classes == ("daisy", "flowers", "rose")


@pytest.mark.parametrize(
    "more", [{"bunch/daisy": 1}, {"bunch/daisy": 1, "bunch/tulip": 1}, {"bunch": 1, "bunch/daisy": 1, "bunch/rose": 1}]
)
def test_a_class_with_folders_named_as_some_classes_is_one(
    more: Mapping[str, int], class_folders: ClassFolders
) -> None:
    source = open_source(class_folders({"daisy": 1, "rose": 1, **more}))
    assert (source.classes, source.notes) == (("bunch", "daisy", "rose"), ())


def test_a_test_folder_without_class_folders_is_left_out_with_a_note(class_folders: ClassFolders) -> None:
    source = open_source(class_folders({"train/cat": 2, "train/dog": 2, "test": 3}))
    assert {split: len(listing) for split, listing in source.splits.items()} == {"all": 4}
    assert source.ignored == {"outside the class folders": 3}
    assert source.notes == (
        "the images in test are not in class folders, so they have no labels and are left out; `striate predict` takes them",
    )
