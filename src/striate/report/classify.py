"""The part of a report on classification: confusion matrix, metrics, misclassified images."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from striate.number_format import count, four_digits, percent
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

__all__ = ["facts", "sections"]

NOT_EVALUATED = Text("The network was not evaluated.")


def facts(metrics: Mapping[str, Any]) -> list[Fact]:
    """metrics: of the reported split."""
    return [Fact("Misclassified", count(_misclassified(metrics)), f"of {count(metrics['images'], 'image')}")]


def sections(metrics: Mapping[str, Any], reported: str | None, errors: Sequence[ErrorImage]) -> list[Section]:
    """metrics: by split, the reported one first."""
    if reported is None:
        shown = [_gallery(errors, None)] if errors else [NOT_EVALUATED]
        return [
            Section("confusion", "Confusion matrix", [NOT_EVALUATED]),
            Section("metrics", "Metrics", [NOT_EVALUATED]),
            Section("misclassified", "Misclassified images", shown),
        ]
    of_split = metrics[reported]
    matrix = read_matrix(of_split["classes"], of_split["confusion_matrix"])
    shown_as = heat_map(matrix) if len(matrix.classes) > MOST_TABLE else None
    table = class_table(of_split["per_class"], by="f1")
    return [
        Section("confusion", "Confusion matrix", [Confusion(matrix, shown_as)]),
        Section(
            "metrics",
            "Metrics",
            [Figures(metric_table(metrics)), Classes(table, reported, in_percent(table, "the lowest F1 first"))],
        ),
        Section("misclassified", "Misclassified images", [_misclassified_images(errors, of_split)]),
    ]


def _misclassified(metrics: Mapping[str, Any]) -> int:
    return metrics["images"] - sum(row[n] for n, row in enumerate(metrics["confusion_matrix"]))


def _misclassified_images(errors: Sequence[ErrorImage], metrics: Mapping[str, Any]) -> Gallery | Text:
    misclassified = _misclassified(metrics)
    if errors:
        return _gallery(errors, misclassified)
    if misclassified:
        return Text(f"The {count(misclassified, 'misclassified image')} were not saved.")
    return Text("None: every image was classified correctly.")


def _gallery(errors: Sequence[ErrorImage], misclassified: int | None) -> Gallery:
    """Grouped by label and prediction: the pairs with the most images first, in each the most confident."""

    def pair(error: ErrorImage) -> tuple[str, str]:
        return error.details["label"], error.details["prediction"]

    groups = []
    for _, members in groupby(sorted(errors, key=pair), key=pair):
        groups.append(sorted(members, key=lambda one: (-one.details["confidence"], -one.details["loss"])))
    groups.sort(key=lambda members: (-len(members), -members[0].details["confidence"]))
    all_of_them = "misclassified images" if misclassified is None else count(misclassified, "misclassified image")
    return Gallery(
        f"{count(len(errors))} of the {all_of_them}: those with the highest loss, grouped by label and prediction. "
        "The percentage is the confidence of the prediction; the highest come first.",
        [
            GalleryGroup([("label", label), ("prediction", prediction)], [_image(one) for one in members])
            for members in groups
            for label, prediction in [pair(members[0])]
        ],
    )


def _image(error: ErrorImage) -> GalleryImage:
    details = error.details
    return GalleryImage(
        embed(error.png),
        title=f"{error.id}, loss {four_digits(details['loss'])}",
        alternative=f"{error.id}: label {details['label']}, prediction {details['prediction']}",
        caption=percent(details["confidence"]),
        id=file_name(error.id),
    )
