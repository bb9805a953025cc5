"""Images are whole where a square would cut off their content."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.data.drawn_folders import Draw, folders

from striate.audit.unused_content import survey_findings
from striate.data import Canvas
from striate.sources import open_source


def strip(i: int, at: int, height: int = 16, width: int = 80) -> npt.NDArray[np.uint8]:
    """Noise, and a block at some place: at 0 it lies at an end."""
    random = np.random.default_rng(i)
    image = random.integers(200, 256, (height, width, 3), dtype=np.uint8)
    image[4:12, at : at + 8] = random.integers(0, 60, 3)
    return image


def photograph(height: int, width: int) -> Draw:
    def draw(i: int) -> npt.NDArray[np.uint8]:
        coarse = np.random.default_rng(i).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))

    return draw


@pytest.mark.parametrize(
    ("draw", "fit"),
    [
        (lambda i: strip(i, 2), "contain"),
        (lambda i: strip(i, 70 if i % 2 else 2), "contain"),
        (lambda i: strip(i, 2).transpose(1, 0, 2), "contain"),
        (lambda i: strip(i, 2) if i % 2 else strip(i, 2).transpose(1, 0, 2), "contain"),
        (lambda i: strip(i, 2)[..., 0].astype(np.uint16) // 8 + 2048, "contain"),
        (lambda i: strip(i, 36), "cover"),  # the ends are empty
        (lambda i: strip(i, 36).transpose(1, 0, 2), "cover"),
        (photograph(48, 64), "cover"),
        (photograph(48, 72), "cover"),
        (photograph(48, 144), "contain"),
        (lambda i: strip(i, 2) if i % 2 else photograph(40, 40)(i), "contain"),  # one class is wide
        (lambda i: strip(i, 36) if i % 2 else photograph(40, 40)(i), "cover"),
        (lambda i: photograph(40, 64)(i) if i < 3 else photograph(40, 40)(i), "cover"),  # a few as wide as films are
    ],
)
def test_images_are_whole_where_a_square_would_cut_off_content(draw: Draw, fit: str, tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: np.ascontiguousarray(draw(i))))
    assert source.native().fit == fit
    side = source.survey.side(fit)
    assert survey_findings(source.survey, replace(source.native(), height=side, width=side)) == []
    cover = Canvas(16, 16, 3)
    expected = ["data-cropped"] if fit == "contain" else []
    findings = survey_findings(source.survey, cover)
    assert [one.finding.id for one in findings] == expected
    told = [line for line in source.survey.summary(cover) if line.startswith("fit: squares cut ")]
    assert len(told) == len(expected)
    assert all(one.files and set(source.splits["all"].ids) >= {name for (name,) in one.files} for one in findings)


def test_a_few_images_that_lose_much_are_a_note(tmp_path: Path) -> None:
    source = open_source(
        folders(tmp_path / "data", lambda i: strip(i, 2) if i < 3 else photograph(40, 40)(i))  # 3 of 16
    )
    (found,) = survey_findings(source.survey, source.native())
    assert (found.finding.id, found.finding.severity) == ("data-cropped", "note")
    assert found.finding.message.startswith("19 % of the images lose more than 50 % of their area")
    (alone,) = survey_findings(replace(source.survey, sizes=source.survey.sizes[:1]), source.native())
    assert alone.finding.message.startswith("The image loses more than 50 % of its area")
    assert len(found.files) == 3
    assert found.finding.evidence["first"] == [name for (name,) in found.files]
    whole = replace(source.native(), fit="contain", height=80, width=80)
    assert survey_findings(source.survey, whole) == []


@pytest.mark.parametrize(("height", "width", "side", "pixels"), [(8, 320, 128, 3), (320, 8, 128, 3), (16, 80, 16, 3)])
def test_images_that_shrink_to_a_line_are_reported(
    height: int, width: int, side: int, pixels: int, tmp_path: Path
) -> None:
    source = open_source(folders(tmp_path / "data", photograph(height, width)))
    (found,) = survey_findings(source.survey, Canvas(side, side, 3, fit="contain"))
    assert found.finding.id == "data-thin"
    assert f"the shorter side shrinks to {pixels} pixels" in found.finding.message
    enough = 8 * max(height, width) // min(height, width)
    assert f"--size {enough} or more" in found.finding.fix
    assert survey_findings(source.survey, Canvas(enough, enough, 3, fit="contain")) == []


def test_small_images_that_are_thin_in_the_file_are_not(tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", photograph(4, 60)))
    assert survey_findings(source.survey, Canvas(60, 60, 3, fit="contain")) == []


def test_arrays_are_whole_too(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, x=np.stack([strip(i, 2) for i in range(20)]), y=np.arange(20) % 2)
    assert open_source(path).native().fit == "contain"
