"""Blocks that the part of a report on the task is made of, each with its template; a task's file in this room arranges them."""

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from striate.report.confusion_figure import HeatMap, Matrix
from striate.report.gallery import EmbeddedImage
from striate.report.metric_tables import ClassTable, Estimate
from striate.report.point_chart import PointChart

__all__ = [
    "Block",
    "Classes",
    "Confusion",
    "Cooccurrence",
    "Fact",
    "Figures",
    "Gallery",
    "GalleryGroup",
    "GalleryImage",
    "Points",
    "Section",
    "Text",
]


class Block(ABC):
    """A part of a section."""

    template: ClassVar[str]


@final
@dataclass(frozen=True)
class Text(Block):
    """A paragraph."""

    template: ClassVar[str] = "text.html.j2"
    text: str


@final
@dataclass(frozen=True)
class Figures(Block):
    """Figures by name with their estimates by split."""

    template: ClassVar[str] = "figures.html.j2"
    rows: Sequence[tuple[str, Mapping[str, Estimate | None]]]


@final
@dataclass(frozen=True)
class Classes(Block):
    """Figures of each class, or of each number; `caption` follows "Of the test images, " and tells how they are sorted."""

    template: ClassVar[str] = "classes.html.j2"
    table: ClassTable
    split: str
    caption: str
    title: str = "Per-class metrics"
    kind: str = "Class"


@final
@dataclass(frozen=True)
class Confusion(Block):
    """The confusion matrix, as a heat map where classes are many; `counted` is what its numbers count."""

    template: ClassVar[str] = "confusion_matrix.html.j2"
    matrix: Matrix
    heat_map: HeatMap | None
    counted: str = "image"


@final
@dataclass(frozen=True)
class GalleryImage:
    """An image with its tooltip, what is read instead of it, and the short line below it."""

    image: EmbeddedImage
    title: str
    alternative: str
    caption: str
    id: str


@final
@dataclass(frozen=True)
class GalleryGroup:
    """Images under one heading: names and values."""

    heading: Sequence[tuple[str, str]]
    images: Sequence[GalleryImage]


@final
@dataclass(frozen=True)
class Gallery(Block):
    """Groups of images below a paragraph."""

    template: ClassVar[str] = "gallery.html.j2"
    text: str
    groups: Sequence[GalleryGroup]


@final
@dataclass(frozen=True)
class Points(Block):
    """Charts of points below a paragraph."""

    template: ClassVar[str] = "points.html.j2"
    text: str
    charts: Sequence[PointChart]


@final
@dataclass(frozen=True)
class Cooccurrence(Block):
    """How often two classes are in one image: rows and columns are classes; a cell's shade is its share of the row's images."""

    template: ClassVar[str] = "cooccurrence.html.j2"
    text: str
    classes: Sequence[str]
    counts: Sequence[Sequence[int]]


@final
@dataclass(frozen=True)
class Section:
    """A section of the page with its title; `id` is its anchor."""

    id: str
    title: str
    blocks: Sequence[Block]


@final
@dataclass(frozen=True)
class Fact:
    """A number at the top of the page, what it is, and a line below it."""

    name: str
    value: str
    note: str
