"""The background of transparent images is a color on which all of them show."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.data.drawn_folders import SIDE, Draw, decoded, disc, folders

from striate.audit.unused_content import survey_findings
from striate.data import Canvas
from striate.sources import open_source


def icon(i: int, level: int, alpha: int = 0) -> npt.NDArray[np.uint8]:
    shape = disc(i) > 120
    return np.dstack([np.full((SIDE, SIDE, 3), level), np.where(shape, 255, alpha)]).astype(np.uint8)


@pytest.mark.parametrize(
    ("levels", "background"),
    [
        ((0,), "white"),
        ((255,), "black"),
        ((250, 240), "black"),
        ((128,), "white"),
        ((0, 255), "gray"),
        ((0, 128), "white"),
        ((255, 128), "black"),
        ((0, 0, 0, 0, 0, 0, 0, 255), "gray"),
    ],
)
def test_the_background_hides_nothing(levels: tuple[int, ...], background: str, tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: icon(i, levels[i % len(levels)])))
    canvas = source.native()
    assert canvas.rendering.background == background
    assert survey_findings(source.survey, canvas) == []
    assert bool(source.survey.summary(canvas)) == (background != "white")
    assert decoded(source).std((1, 2, 3)).min() > 20


def with_palette(i: int) -> Image.Image:
    """Two entries of one color, of which the first is transparent."""
    image = Image.fromarray((disc(i) > 120).astype(np.uint8))
    image.putpalette([255] * 6)
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    ("draw", "extension"),
    [
        (lambda i: Image.fromarray(icon(i, 255)).convert("LA"), "png"),
        (lambda i: Image.fromarray(icon(i, 255)), "webp"),
        (lambda i: Image.fromarray(icon(i, 255)), "tif"),
        (with_palette, "png"),
        (with_palette, "gif"),
    ],
)
def test_every_kind_of_transparency_counts(draw: Draw, extension: str, tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", draw, extension=extension))
    assert source.native().rendering.background == "black"


def test_opaque_images_with_an_alpha_channel_stay_on_white(tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: icon(i, 255, alpha=255)))
    assert source.survey.hidden == {}
    assert source.native() == Canvas(SIDE, SIDE, 3)


def test_where_no_background_shows_all_it_is_reported(tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: icon(i, (0, 128, 255)[i % 3])))
    (found,) = survey_findings(source.survey, source.native())
    assert found.finding.id == "data-background"
    assert "--channels 4" in found.finding.fix


def test_a_background_that_was_chosen_and_hides_is_reported(tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: icon(i, 255)))
    white = Canvas(SIDE, SIDE, 3, rendering=source.survey.rendering("white"))
    (found,) = survey_findings(source.survey, white)
    assert found.finding.id == "data-background"
    assert found.finding.message == "100 % of the images with transparent pixels show next to nothing on white."
    assert "--background black" in found.finding.fix
    assert survey_findings(source.survey, Canvas(SIDE, SIDE, 4, rendering=white.rendering)) == []
