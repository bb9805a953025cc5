"""Summarize a network of the zoo, or that of a run: for `striate info`."""

from collections.abc import Sequence
from pathlib import Path

from striate.analysis import Summary, small_receptive_field, summarize_architecture
from striate.analysis.summary import summarize_bundle
from striate.errors import SettingError
from striate.findings import Finding
from striate.runs import RunFolder


def summarize_network(
    model: str,
    *,
    size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
    object_size: int | None = None,
) -> tuple[Summary, Sequence[Finding]]:
    """The layers of `model`, the name of a network or the folder of a run; and whether objects of a size fit its receptive field.

    What is left out is as published, or as in the training of the run.
    """
    path = Path(model)
    if path.is_dir() and (channels is not None or classes is not None):
        raise SettingError(f"{model} is a run, whose channels and classes are those of its data: leave the options out")
    if object_size is not None and object_size < 1:
        raise SettingError(f"object_size must be at least 1 pixel, not {object_size}")
    if path.is_dir():
        summary = summarize_bundle(RunFolder.open(path).bundle(), size=size)
    else:
        summary = summarize_architecture(model, size=size, channels=channels, classes=classes)
    return summary, small_receptive_field(summary, object_size) if object_size else []
