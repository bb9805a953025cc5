"""Files of predictions: what becomes of an image that vanishes between its prediction and its drawing."""

import logging

from striate.data import Limits
from striate.runs.predicted_files import drawing
from striate.tasks import ClassPrediction


def test_a_missing_file_is_not_drawn_and_a_line_tells_it(tmp_path, caplog):
    gone = str(tmp_path / "gone.png")
    prediction = ClassPrediction(gone, "cat", 0.9, {"cat": 0.9, "dog": 0.1})
    with caplog.at_level(logging.WARNING, "striate"):
        assert drawing(prediction, ("cat", "dog"), Limits()) is None
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{gone}: was predicted, and cannot be read any more")
