"""The part of a report on masks: metrics, the most confused classes, the images with the worst masks."""

from collections.abc import Mapping, Sequence
from typing import Any

from striate.number_format import count, percent
from striate.report.blocks import (
    Classes,
    Confusion,
    Fact,
    Figures,
    Gallery,
    GalleryGroup,
    GalleryImage,
    Section,
    Text,
)
from striate.report.confusion_figure import MOST_TABLE, heat_map, read_matrix
from striate.report.contents import ErrorImage
from striate.report.gallery import embed, file_name
from striate.report.metric_tables import class_table, in_percent, metric_table
from striate.tasks.figure import Figure

__all__ = ["facts", "sections"]


def facts(metrics: Mapping[str, Any]) -> list[Fact]:
    """metrics: of the reported split."""
    return [Fact("Mean Dice", Figure(**metrics["mean_dice"]).text(), f"of {len(metrics['classes']):,} classes")]


def sections(metrics: Mapping[str, Any], reported: str | None, errors: Sequence[ErrorImage]) -> list[Section]:
    """metrics: by split, the reported one first."""
    if reported is None:
        return [Section("metrics", "Metrics", [Text("The network was not evaluated.")])]
    of_split = metrics[reported]
    table = class_table(of_split["per_class"], by="iou")
    matrix = read_matrix(of_split["classes"], of_split["confusion_matrix"])
    return [
        Section(
            "metrics",
            "Metrics",
            [
                Text(_pixels(of_split)),
                Figures(metric_table(metrics)),
                Classes(table, reported, in_percent(table, "the lowest IoU first")),
            ],
        ),
        Section("masks", "Worst masks", [_gallery(errors)]),
        Section(
            "confusion",
            "Confused pixels",
            [Confusion(matrix, heat_map(matrix) if len(matrix.classes) > MOST_TABLE else None, "pixel")],
        ),
    ]


def _pixels(metrics: Mapping[str, Any]) -> str:
    counted = "Counted are the labeled pixels of the files, to which predictions are brought back."
    if "pixels_not_shown" not in metrics:
        return counted
    share = Figure(**metrics["pixels_not_shown"]).text()
    return f"{counted} {share} of them are at ends of images that the network was not shown, and count as missed."


def _gallery(errors: Sequence[ErrorImage]) -> Gallery | Text:
    if not errors:
        return Text("None: every pixel of every image was predicted correctly.")
    return Gallery(
        f"The {count(len(errors), 'image')} with the lowest mean IoU: the image, its label, and the prediction.",
        [
            GalleryGroup(
                [],
                [
                    GalleryImage(
                        embed(error.png),
                        title=f"{error.id}, mean IoU {percent(error.details['mean_iou'])}",
                        alternative=f"{error.id}: the image, its label, and the prediction",
                        caption=percent(error.details["mean_iou"]),
                        id=file_name(error.id),
                    )
                ],
            )
            for error in errors
        ],
    )
