"""A run's predictions for images that it was not trained on, read for the search for wrong labels."""

from pathlib import Path

from striate.audit.label_errors import HeldOutPrediction
from striate.data import Source
from striate.errors import RunError, SettingError
from striate.runs import CrossValidationFolder, RunFolder

__all__ = ["held_out_predictions", "open_trained"]


Trained = RunFolder | CrossValidationFolder


def open_trained(run: str | Path) -> Trained:
    """The folder of a run or of a cross-validation. Raises RunError where it is neither."""
    path = Path(run)
    return CrossValidationFolder.open(path) if CrossValidationFolder.is_at(path) else RunFolder.open(path)


def held_out_predictions(source: Source, folder: Trained) -> list[HeldOutPrediction]:
    """Those of a run, or of all folds of a cross-validation, on these data.

    Raises SettingError where images do not have one class each, and RunError for a run on other data.
    """
    run = folder.path
    trained_on = (folder.summary() if isinstance(folder, CrossValidationFolder) else folder.manifest())["data"]
    if not source.has_single_classes:
        raise SettingError(
            f"run = {run}: finds wrong labels only where each image has one class, not in {source.location}; leave out --run"
        )
    if trained_on["location"] != source.location and trained_on["digest"] != source.digest():
        raise RunError(
            f"{run}: was trained on {trained_on['location']}, not on {source.location}; give a run on these data"
        )
    rows = [row for row in folder.predictions() if row["split"] != "train"]
    if not rows:
        raise RunError(
            f"{run}: has no predictions for images it was not trained on; train with --val or --test above 0"
        )
    known = {name for listing in source.splits.values() for name in listing.ids}
    try:
        predictions = [
            HeldOutPrediction(
                row["id"], row["label"], row["prediction"], float(row["confidence"]), float(row["label_probability"])
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError):
        raise RunError(f"{run}: predictions.csv has no probabilities of labels; train again") from None
    if not any(one.id in known for one in predictions):
        raise RunError(f"{run}: its predictions contain no image of {source.location}; train again")
    return predictions
