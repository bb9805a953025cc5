"""The part of a report on numbers: metrics, predictions against labels, the largest errors."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from striate.number_format import count, four_digits, percent
from striate.report.blocks import Classes, Fact, Figures, Gallery, GalleryGroup, GalleryImage, Points, Section, Text
from striate.report.contents import ErrorImage
from striate.report.gallery import embed, file_name
from striate.report.metric_tables import class_table, metric_table
from striate.report.point_chart import agreement_chart, residual_chart
from striate.tasks.figure import Figure

__all__ = ["facts", "sections"]

MOST: Final = 6  # numbers with charts


def facts(metrics: Mapping[str, Any]) -> list[Fact]:
    """metrics: of the reported split."""
    row = metrics["per_class"][0]
    error = Figure(**row["mae"])
    shown = [Fact("Mean absolute error", error.text(), f"of {row['class']}")]
    if "half_width" in row:
        width = f"± {four_digits(row['half_width'])} {error.unit}".rstrip()
        shown.append(Fact("90 % interval", width, f"covers {percent(row['coverage']['value'])} of the images"))
    return shown


def sections(metrics: Mapping[str, Any], reported: str | None, errors: Sequence[ErrorImage]) -> list[Section]:
    """metrics: by split, the reported one first."""
    if reported is None:
        return [Section("metrics", "Metrics", [Text("The network was not evaluated.")])]
    of_split = metrics[reported]
    blocks = [Figures(metric_table(metrics)), *([_each(of_split, reported)] if len(of_split["per_class"]) > 1 else [])]
    return [
        Section("metrics", "Metrics", blocks),
        Section("agreement", "Predictions and labels", [_points(of_split)]),
        Section("errors", "Largest errors", [_gallery(errors)]),
    ]


def _each(metrics: Mapping[str, Any], reported: str) -> Classes:
    table = class_table(metrics["per_class"], by="r2")
    return Classes(table, reported, "the lowest R2 first, with 95 % intervals", "Each number", "Number")


def _points(metrics: Mapping[str, Any]) -> Points:
    rows, points = metrics["per_class"][:MOST], metrics["points"]
    charts = []
    for d, row in enumerate(rows):
        labels, predictions = ([one[side][d] for one in points] for side in (0, 1))
        errors = [prediction - label for label, prediction in zip(labels, predictions, strict=True)]
        unit = f", {row['mae']['unit']}" if row["mae"]["unit"] else ""
        charts.append(agreement_chart(f"{row['class']}{unit}: prediction over label", labels, predictions))
        charts.append(residual_chart(f"{row['class']}{unit}: error over prediction", predictions, errors))
    some = (
        f" {count(len(points), 'image')} of {metrics['images']:,} are drawn." if len(points) < metrics["images"] else ""
    )
    of_all = f" The first {MOST} of {len(metrics['per_class'])} numbers." if len(metrics["per_class"]) > MOST else ""
    return Points(f"Each point is an image; without errors all would lie on the dashed line.{some}{of_all}", charts)


def _gallery(errors: Sequence[ErrorImage]) -> Gallery:
    return Gallery(
        f"The {count(len(errors), 'image')} with the largest errors, in standard deviations of the training labels.",
        [
            GalleryGroup(
                [("label", error.details["label"]), ("prediction", error.details["prediction"])],
                [
                    GalleryImage(
                        embed(error.png),
                        title=f"{error.id}, error {four_digits(error.details['error'])} standard deviations",
                        alternative=f"{error.id}: label {error.details['label']}, prediction {error.details['prediction']}",
                        caption="",
                        id=file_name(error.id),
                    )
                ],
            )
            for error in errors
        ],
    )
