"""Sheets: what is drawn where, and telling our own from another's file."""

import io

import numpy as np
import torch
from PIL import Image

from striate.data import contact_sheet, is_labeled_contact_sheet, labeled_contact_sheet


def test_columns_are_as_wide_and_rows_as_high_as_their_largest_image():
    red, blue = Image.new("RGB", (30, 20), "red"), Image.new("RGB", (40, 50), "blue")
    sheet = np.asarray(Image.open(io.BytesIO(labeled_contact_sheet([[red, blue], [blue, red]], ["first", "second"]))))
    assert sheet.shape == (18 + 50 + 2 + 50, 40 + 2 + 40, 3)
    assert (sheet[18:38, :30] == (255, 0, 0)).all()
    assert (sheet[18:68, 42:82] == (0, 0, 255)).all()
    assert (sheet[70:120, :40] == (0, 0, 255)).all()
    assert (sheet[70:90, 42:72] == (255, 0, 0)).all()
    assert (sheet[68:70] == 255).all()
    assert (sheet[:18, :40] < 128).any()  # a heading
    assert (sheet[:18, 42:] < 128).any()


def test_only_a_headed_sheet_is_known_as_ours(tmp_path):
    image = Image.new("RGB", (9, 9))
    ours, plain, other = tmp_path / "ours.png", tmp_path / "plain.png", tmp_path / "text.png"
    ours.write_bytes(labeled_contact_sheet([[image]], ["one"]))
    plain.write_bytes(contact_sheet(torch.zeros(1, 9, 9, 3, dtype=torch.uint8), 1))
    other.write_bytes(b"tEXtSoftware\0striate")
    assert [is_labeled_contact_sheet(path) for path in (ours, plain, other)] == [True, False, False]
    (tmp_path / "empty.png").touch()
    assert not is_labeled_contact_sheet(tmp_path / "empty.png")
