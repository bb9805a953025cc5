"""Plain data ask for nothing and cost no pixel, and what a survey looks at and leaves out is reported."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.data.drawn_folders import SIDE, content, decoded, disc, folders

from striate.audit.unused_content import read_in_part, survey_findings
from striate.data import Canvas, FileStore, Limits, Listing, Unreadable, read_header
from striate.data.store import ContentStore
from striate.data.survey import survey
from striate.data.targets import ClassTargets
from striate.sources import open_source


@pytest.mark.parametrize("size", [(24, 24), (24, 32), (32, 24), (24, 38)])
def test_plain_photographs_ask_for_nothing_and_cost_no_pixel(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(i: int) -> npt.NDArray[np.uint8]:
        return np.random.default_rng(i).integers(0, 256, (*size, 3), dtype=np.uint8)

    source = open_source(folders(tmp_path / "data", draw, extension="jpg"))
    monkeypatch.setattr(FileStore, "pixels_of", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr(FileStore, "value_range", lambda *_: pytest.fail("decoded"))
    assert source.native() == Canvas(*size, 3)
    assert source.survey.summary(source.native()) == []
    assert survey_findings(source.survey, source.native()) == []


def test_whole_images_are_a_line_only_where_something_is_beside_them(tmp_path: Path) -> None:
    def lines(height: int, width: int) -> list[str]:
        data = folders(tmp_path / f"{height}x{width}", lambda _: np.zeros((height, width, 3), np.uint8))
        source = open_source(data)
        return source.survey.summary(replace(source.native(), fit="contain"))

    assert lines(24, 24) == []
    assert lines(24, 32) == ["fit: whole images are kept, with black beside them"]


def test_mnist_costs_no_pixel() -> None:
    source = open_source("mnist")
    assert source.native() == Canvas(28, 28, 1)
    assert "pixels" not in vars(source.splits["train"].store)


def test_8_bit_files_decode_bit_for_bit(tmp_path: Path) -> None:
    def draw(i: int) -> npt.NDArray[np.uint8]:
        return np.random.default_rng(i).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)

    source = open_source(folders(tmp_path / "data", draw))
    assert (decoded(source) == np.stack([draw(i) for i in range(16)])).all()


def test_the_survey_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: disc(i).astype(np.uint8)))
    source.native()
    monkeypatch.setattr(FileStore, "header", lambda *_: pytest.fail("read again"))
    assert source.native() == Canvas(SIDE, SIDE, 1)


def test_the_sample_misses_nothing_that_comes_round_robin_and_states_what_it_is() -> None:
    eight, twelve = (
        content(disc(i, 0, white).astype(kind)) for i, (white, kind) in enumerate(((255, "u1"), (4095, "u2")))
    )
    frames = content(disc(1).astype("u1"), "GIF", save_all=True, append_images=[Image.fromarray(disc(2).astype("u1"))])
    round_robin = (eight, twelve, frames, twelve)
    images = ContentStore(800, lambda i: round_robin[i % 4], Limits())
    found = survey({"all": Listing(tuple(map(str, range(800))), ClassTargets(np.arange(800) % 2), images)})
    assert found.bits_in_use == 12
    (finding,) = read_in_part(found, 800)
    assert re.match(r"\d\d files of 200 inspected have many frames", finding.finding.message)


def test_first_frames_are_a_note(tmp_path: Path) -> None:
    def animation(path: Path) -> None:
        frames = [Image.fromarray(disc(i).astype(np.uint8)) for i in range(3)]
        frames[0].save(path, save_all=True, append_images=frames[1:])

    source = open_source(root := folders(tmp_path / "data", lambda i: disc(i).astype(np.uint8), 8, "gif"))
    assert read_in_part(source.survey, 16) == []
    animation(root / "a" / "3.gif")
    source = open_source(root)
    (found,) = read_in_part(source.survey, 16)
    assert found.finding.message.startswith("1 file has many frames")
    assert (found.finding.id, found.finding.severity, found.files) == ("data-first-frame", "note", (("a/3.gif",),))


def test_the_limit_of_pixels_states_the_way_in(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("L", (300, 200)).save(path)
    with pytest.raises(Unreadable, match="--max-pixels 60000 lets it in"):
        read_header(path, Limits(max_pixels=59_999))
    assert read_header(path, Limits(max_pixels=60_000)).width == 300
