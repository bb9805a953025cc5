"""The confusion matrix as a table or, of many classes, as a heat map: the shade of each cell, the places of the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final
from unicodedata import east_asian_width

SHADES = 8
MOST_TABLE = 20  # classes; more make a heat map
MOST_TOOLTIPS = 2000
MOST_SIDE, MOST_CELL, LABEL = 930.0, 24.0, 18  # of a heat map: all cells together; one cell; columns of text in a label


@final
@dataclass(frozen=True)
class Cell:
    """The number of images with this label and this prediction (indices of classes); at least one."""

    label: int
    prediction: int
    images: int
    rate: float  # share of the images with this label
    count_shade: int  # 1..SHADES
    rate_shade: int

    @property
    def correct(self) -> bool:
        return self.label == self.prediction


@final
@dataclass(frozen=True)
class Matrix:
    """Rows are labels, columns predictions; only the cells that are not zero."""

    classes: tuple[str, ...]
    cells: tuple[Cell, ...]
    label_totals: tuple[int, ...]
    prediction_totals: tuple[int, ...]

    @property
    def rows(self) -> list[list[Cell | None]]:
        """The whole square, for a table."""
        at = {(cell.label, cell.prediction): cell for cell in self.cells}
        classes = range(len(self.classes))
        return [[at.get((label, prediction)) for prediction in classes] for label in classes]

    @property
    def confused(self) -> list[Cell]:
        """Pairs of different classes, the most frequent first."""
        return sorted((cell for cell in self.cells if not cell.correct), key=lambda cell: (-cell.images, -cell.rate))


@final
@dataclass(frozen=True)
class HeatMap:
    """A square of cells too small for numbers, with labels to its left and above it."""

    classes: int
    side: float  # of one cell, in pixels where the heat map is not scaled
    margin: float  # for the labels
    font: float
    labels: tuple[tuple[int, str], ...]  # position, shortened name; only every so many where all would overlap
    tooltips: frozenset[Cell]  # cells with a tooltip: all, or the MOST_TOOLTIPS with the most images

    @property
    def size(self) -> str:
        """Width and height of the view box."""
        return f"{self.margin + self.side * self.classes:.1f}"


def read_matrix(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> Matrix:
    """Cells on and off the diagonal are shaded on scales of their own, so that a few errors among many images show."""
    totals = [sum(row) for row in confusion]
    counts = {(i, j): n for i, row in enumerate(confusion) for j, n in enumerate(row) if n}
    rates = {(i, j): n / totals[i] for (i, j), n in counts.items()}
    most_correct = max((n for (i, j), n in counts.items() if i == j), default=0)
    most_confused = max((n for (i, j), n in counts.items() if i != j), default=0)
    highest_rate = max((rate for (i, j), rate in rates.items() if i != j), default=0.0)
    cells = tuple(
        Cell(
            label=i,
            prediction=j,
            images=n,
            rate=rates[i, j],
            count_shade=_shade(n, most_correct if i == j else most_confused),
            rate_shade=_shade(rates[i, j], 1.0 if i == j else highest_rate),
        )
        for (i, j), n in counts.items()
    )
    prediction_totals = tuple(sum(column) for column in zip(*confusion, strict=True))
    return Matrix(tuple(classes), cells, tuple(totals), prediction_totals)


def heat_map(matrix: Matrix) -> HeatMap:
    """Place the cells and the labels; a label is as high as a cell, or takes several cells where they are thin."""
    side = min(MOST_CELL, MOST_SIDE / len(matrix.classes))
    font = min(13.0, max(8.5, side - 1))
    stride = -int(-(font + 0.5) // side)
    labels = tuple((n, shorten(matrix.classes[n], LABEL)) for n in range(0, len(matrix.classes), stride))
    margin = 12 + 0.62 * font * max(columns(label) for _, label in labels)
    fullest = sorted(matrix.cells, key=lambda cell: -cell.images)[:MOST_TOOLTIPS]
    return HeatMap(len(matrix.classes), side, margin, font, labels, frozenset(fullest))


def shorten(name: str, limit: int) -> str:
    """The name on one line, in at most `limit` columns."""
    name = " ".join(name.split())
    if columns(name) <= limit:
        return name
    while columns(name) > limit - 1:
        name = name[:-1]
    return name + "…"


def columns(text: str) -> int:
    """How wide a text is: two columns for a wide letter or an emoji."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _shade(value: float, most: float) -> int:
    """1 for the least, SHADES for the most."""
    return max(1, min(SHADES, -int(-SHADES * value // most)))
