"""The sheet before and after augmentation: for every task, the same each time, and nothing of the user's is touched."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from striate.data import ArrayStore, ClassTargets, Listing, MultiLabelTargets, RegressionTargets, Source, Targets
from striate.data.drawing.augmented_views import augmented_views, view_of_image
from striate.errors import DataError, RunError, SettingError
from striate.jobs import augment
from striate.sources import open_source
from striate.training import Recipe, group_of, recipe_settings
from striate.views import POLICIES, Normalization


@pytest.fixture(autouse=True)
def _desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def opened(monkeypatch) -> Callable[[Targets, tuple[str, ...]], None]:
    """Data of 12 images of any kind, opened by whatever name."""

    def make(targets: Targets, classes: tuple[str, ...]) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (12, 40, 32, 3), dtype=np.uint8)
        store = ArrayStore(pixels.shape, lambda: pixels)
        source = Source(
            "Made up!", "made-up", "table", classes, {"all": Listing(tuple("abcdefghijkl"), targets, store)}
        )
        monkeypatch.setattr("striate.jobs.augment_images.open_data", lambda *_: source)

    return make


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as sheet:
        assert sheet.format == "PNG"
        return np.asarray(sheet)


def test_digits():
    made = augment("mnist", augment="digits", rows=3, columns=4)
    assert made.path == Path("mnist-augment.png")
    assert (made.task, len(made.classes), made.rows, made.columns, made.dropped) == ("classify", 10, 3, 4, 0)
    assert [step.split(":")[0] for step in made.steps] == ["geometry"] * 5 + ["color"]
    sheet = pixels_of(made.path)
    mnist = open_source("mnist").splits["train"]
    first = int(np.flatnonzero(mnist.labels == 0)[0])
    shown = mnist.store.pixels_of(first)[..., 0].repeat(8, 0).repeat(8, 1)
    difference = sheet[18 : 18 + 224, :224, 0].astype(int) - shown
    assert abs(difference).max() <= 1  # as it is, but for the normalization and its way back
    assert (sheet[18 : 18 + 224, 226 : 226 + 224] != sheet[18 : 18 + 224, :224]).any()


def test_photographs_in_class_folders(shapes):
    made = augment(shapes, augment="strong", mixup=0.2, size=20, rows=3, columns=3)
    assert made.path == Path("shapes-augment.png")
    assert made.steps[-1] == "mix: Mixup with another image, alpha 0.2"
    assert [step.split(":")[0] for step in made.steps] == sorted(
        (step.split(":")[0] for step in made.steps), key=["geometry", "pixels", "color", "mix"].index
    )
    assert pixels_of(made.path).shape[2] == 3


@pytest.mark.parametrize(("data", "task"), [("mnist-scenes:40", "detect"), ("mnist-scenes-segment:40", "segment")])
def test_scenes(data, task):
    made = augment(data, augment="strong", rows=2, columns=3)
    assert (made.task, made.rows, made.data) == (task, 2, data)
    assert made.path == Path(f"{data.removesuffix(':40')}-augment.png")
    assert pixels_of(made.path).shape[1] == 3 * 256 + 2 * 2


def test_objects_that_left_are_counted():
    still = augment("mnist-scenes:40", rows=4, columns=3, shift=0.0)
    assert still.objects > 0
    assert still.dropped == 0
    assert augment("mnist-scenes:40", rows=4, columns=3, shift=1.0).dropped > 0


@pytest.mark.parametrize(
    ("targets", "classes"),
    [
        (MultiLabelTargets(np.eye(12, 3, dtype=np.bool_)), ("cat", "dog", "pig")),
        (RegressionTargets(np.arange(24, dtype=np.float32).reshape(12, 2)), ("age", "weight")),
        (ClassTargets(np.arange(12) % 3), ("cat", "dog", "pig")),
    ],
)
def test_every_other_task(opened, targets, classes):
    opened(targets, classes)
    made = augment("made up", columns=3, rows=4)
    assert made.path == Path("made-up-augment.png")
    assert (made.task, made.rows) == (targets.task, 4)
    assert made.path.exists()


def test_what_the_recipe_for_the_data_adds_is_named():
    typed = augment("mnist", rotate=10.0, rows=2, columns=2)
    assert (typed.recipe_name, typed.by_recipe) == ("mnist", {"shift": 1 / 28})
    alone = augment("mnist", rotate=10.0, shift=0.0, rows=2, columns=2)
    assert alone.by_recipe == {}
    assert [step for step in alone.steps if "shift" in step] == []
    assert augment("mnist", recipe="mnist-best", rows=2, columns=2).by_recipe == {"augment": "digits"}


def test_in_a_prompt_the_result_is_one_short_line():
    shown = repr(augment("mnist", rows=2, columns=3))
    assert shown == "<augmented views of mnist: 2 images, 2 views of each, mnist-augment.png>"


def test_epochs_count_from_1_as_in_training(monkeypatch):
    def drawn(rows: object, headings: list[str]) -> bytes:
        assert headings == ["original", "epoch 1", "epoch 2"]
        return b"sheet"

    monkeypatch.setattr("striate.data.drawing.annotated_contact_sheet.labeled_contact_sheet", drawn)
    assert augment("mnist", rows=1, columns=3).path.read_bytes() == b"sheet"


def test_the_same_settings_give_the_same_sheet_and_another_seed_another():
    def digest(seed: int) -> str:
        path = augment("mnist-scenes:40", augment="strong", rows=2, columns=3, seed=seed).path
        return hashlib.sha256(path.read_bytes()).hexdigest()

    state = torch.get_rng_state()
    first, other, again = digest(0), digest(1), digest(0)
    assert first == again != other
    assert (torch.get_rng_state() == state).all()


def test_mixing_leaves_the_global_randomness_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = augment("mnist", mixup=1.0, rows=3, columns=3).path.read_bytes()
    assert (torch.get_rng_state() == state).all()
    assert augment("mnist", mixup=1.0, rows=3, columns=3).path.read_bytes() == first


def test_a_view_of_one_shows_what_the_view_of_all_shows():
    originals = torch.randint(0, 256, (3, 3, 40, 40), dtype=torch.uint8)
    normalization = Normalization((0.0,) * 3, (1.0,) * 3)
    policy = POLICIES["digits"]
    for images, view in augmented_views(
        originals, torch.arange(3), policy, seed=0, columns=3, size=(32, 32), normalization=normalization
    ):
        for i in range(3):
            assert torch.allclose(view_of_image(view, i).image(originals[i : i + 1])[0], images[i], atol=1e-5)


def test_an_earlier_sheet_is_replaced_and_any_other_file_is_left_alone(tmp_path):
    first = augment("mnist", rows=2, columns=2).path.read_bytes()
    assert augment("mnist", rows=3, columns=2).path.read_bytes() != first
    image = tmp_path / "mine.png"
    Image.new("RGB", (8, 8)).save(image)
    before = image.read_bytes()
    with pytest.raises(SettingError, match=r"mine\.png: exists and is no PNG of `striate augment`"):
        augment("mnist", out=image)
    assert image.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.png", "mnist-augment.png"]


def test_the_data_folder_is_not_written_to(shapes, monkeypatch):
    before = sorted(shapes.rglob("*"))
    for out in (shapes / "sheet.png", shapes / "dark" / "sheet.png", shapes / "dark" / ".." / "sheet.png"):
        with pytest.raises(SettingError, match="lies within the data"):
            augment(shapes, out=out)
    monkeypatch.chdir(shapes)
    with pytest.raises(SettingError, match="lies within the data"):
        augment(".")
    assert sorted(shapes.rglob("*")) == before


@pytest.mark.parametrize(
    ("data", "settings", "error", "message"),
    [
        ("mnits", {}, DataError, "did you mean mnist"),
        ("mnist", {"augment": "strnog"}, SettingError, "takes one of none, light, default, strong"),
        ("mnist", {"rotat": 3}, SettingError, "did you mean rotate"),
        ("mnist", {"recipe": "best"}, SettingError, "no recipe is called 'best'"),
        ("mnist", {"size": 2}, SettingError, "size = 2: out of range, takes 4 to 4096"),
        ("mnist", {"rows": 0}, SettingError, "rows = 0: out of range, takes a whole number from 1 to 32"),
        ("mnist", {"rows": 1.5}, SettingError, "rows = 1.5: out of range, takes a whole number"),
        ("mnist", {"columns": 1}, SettingError, "columns = 1: out of range, takes a whole number from 2 to 16"),
        ("mnist", {"out": "sheet.jpg"}, SettingError, r"give a name that ends in \.png"),
        ("mnist", {"out": "absent/sheet.png"}, SettingError, "there is no folder absent"),
        ("mnist", {"out": f"{'x' * 300}.png"}, RunError, "too long"),
        ("mnist-scenes:9", {"mixup": 0.2}, SettingError, "mix: Mixup .* boxes and masks are not mixed"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, data, settings, error, message):
    with pytest.raises(error, match=message) as caught:
        augment(data, **settings)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_name_of_a_built_in_set_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    monkeypatch.chdir(tmp_path / "mnist")
    (tmp_path / "mnist" / "mnist").mkdir()
    assert augment("mnist", rows=2, columns=2, out=tmp_path / "mnist" / "mnist" / "a.png").path.exists()


def test_every_augmentation_setting_is_an_option():
    from striate.cli.overrides import AugmentationOverrides

    group = {name for name in recipe_settings() if group_of(name) in ("augment", "reading")}
    assert set(AugmentationOverrides.__dataclass_fields__) == {*group, "size", "seed", "fit", "background"}
    assert Recipe.of().augment.name == "none"
