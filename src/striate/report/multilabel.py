"""The part of a report on several labels: metrics, labels in one image, images with a wrong or missed label."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from striate.number_format import count, four_digits
from striate.report.blocks import (
    Block,
    Classes,
    Cooccurrence,
    Fact,
    Figures,
    Gallery,
    GalleryGroup,
    GalleryImage,
    Section,
    Text,
)
from striate.report.contents import ErrorImage
from striate.report.gallery import embed, file_name
from striate.report.metric_tables import class_table, in_percent, metric_table

__all__ = ["facts", "sections"]

MOST: Final = 25  # classes in the table of labels in one image
KINDS: Final = ("missed", "wrong", "correct")


def facts(metrics: Mapping[str, Any]) -> list[Fact]:
    """metrics: of the reported split."""
    classes = metrics["classes"]
    labels = sum(row["images"] for row in metrics["per_class"])
    return [Fact("Labels an image", f"{labels / metrics['images']:.1f}", f"of {len(classes):,}")]


def sections(metrics: Mapping[str, Any], reported: str | None, errors: Sequence[ErrorImage]) -> list[Section]:
    """metrics: by split, the reported one first."""
    if reported is None:
        return [Section("metrics", "Metrics", [Text("The network was not evaluated.")])]
    of_split = metrics[reported]
    table = class_table(of_split["per_class"], by="average_precision")
    learned = [row for row in of_split["per_class"] if row["threshold"] is not None]
    thresholds = ", ".join(f"{row['class']} {row['threshold']:.2f}" for row in learned)
    return [
        Section(
            "metrics",
            "Metrics",
            [
                Figures(metric_table(metrics)),
                Classes(table, reported, in_percent(table, "the lowest average precision first")),
                Text(
                    f"A class is predicted from these probabilities on, chosen by F1 on the validation images: {thresholds}."
                ),
            ],
        ),
        Section("together", "Labels in one image", [_together(of_split)]),
        Section("misclassified", "Images with a wrong or missed label", [_gallery(errors)]),
    ]


def _together(metrics: Mapping[str, Any]) -> Cooccurrence:
    counts = metrics["cooccurrence"]
    order = sorted(range(len(counts)), key=lambda k: -counts[k][k])[:MOST]
    most = f" The {MOST} most frequent of {len(counts)} classes." if len(counts) > MOST else ""
    return Cooccurrence(
        "Of the images with the label of a row, those that have the label of the column too; darker is a larger share of the row. "
        f"The diagonal is all images with the label.{most}",
        [metrics["classes"][k] for k in order],
        [[counts[i][j] for j in order] for i in order],
    )


def _gallery(errors: Sequence[ErrorImage]) -> Block:
    if not errors:
        return Text("None: every label of every image was predicted, and no other.")
    return Gallery(
        f"The {count(len(errors), 'image')} with the highest loss, of those with a label missed or predicted wrongly.",
        [
            GalleryGroup(
                [(kind, error.details[kind]) for kind in KINDS if error.details[kind]],
                [
                    GalleryImage(
                        embed(error.png),
                        title=f"{error.id}, loss {four_digits(error.details['loss'])}",
                        alternative=f"{error.id}: " + ", ".join(f"{kind} {error.details[kind]}" for kind in KINDS),
                        caption="",
                        id=file_name(error.id),
                    )
                ],
            )
            for error in errors
        ],
    )
