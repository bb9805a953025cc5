"""A run's data as plain values, and a reader of the page that is made of them."""

import math
import struct
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from striate.findings import Finding
from striate.report import ErrorImage, ReportContents
from striate.tasks import Figure
from striate.training import Epoch, SettingRow

VOID = {"meta", "link", "img", "input"}
SVG_EMPTY = {"path", "circle", "rect"}  # may be closed where they are opened
SETTINGS = [
    SettingRow("model", "model", "digit_cnn", "user", "Network."),
    SettingRow("data", "mean", "0.13066047", "data", "Mean of each channel."),
    SettingRow("training", "learning_rate", 0.00123456, "recipe mnist", "Largest step size."),
    SettingRow("training", "ema", "none", "default", "Decay of the averaged weights."),
]


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress((b"\0" + bytes(range(width))) * height)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def interval(name: str, correct: int, of: int) -> dict[str, Any]:
    """A share with Wilson's interval."""
    kind = {"name": name, "unit": "%", "higher_is_better": True}
    if of == 0:
        return {**kind, "value": None, "low": None, "high": None}
    share, z = correct / of, 1.96
    middle, half = share + z * z / 2 / of, z * math.sqrt(share * (1 - share) / of + z * z / 4 / of / of)
    return {
        **kind,
        "value": share,
        "low": (middle - half) / (1 + z * z / of),
        "high": (middle + half) / (1 + z * z / of),
    }


def metrics_of(classes: list[str], confusion: list[list[int]]) -> dict[str, Any]:
    total, predicted = sum(map(sum, confusion)), [sum(column) for column in zip(*confusion, strict=True)]
    correct = sum(row[n] for n, row in enumerate(confusion))
    return {
        "images": total,
        "accuracy": interval("accuracy", correct, total),
        "macro_f1": Figure("macro F1", 0.91234, 0.90987, 0.92345).as_json(),
        "log_loss": Figure("log loss", 0.026714, 0.022713, 0.030756, "", False).as_json(),
        "expected_calibration_error": Figure("expected calibration error", 0.0412, 0.0311, 0.0513).as_json(),
        "baseline": {
            "value": max(map(sum, confusion)) / total,
            "prediction": f"always {classes[max(range(len(classes)), key=lambda n: sum(confusion[n]))]!r}",
        },
        "classes": classes,
        "confusion_matrix": confusion,
        "per_class": [
            {
                "class": name,
                "images": sum(confusion[n]),
                "precision": interval("precision", confusion[n][n], predicted[n]),
                "recall": interval("recall", confusion[n][n], sum(confusion[n])),
                "f1": interval("F1", 2 * confusion[n][n], predicted[n] + sum(confusion[n])),
            }
            for n, name in enumerate(classes)
        ],
    }


def confused(count: int) -> list[list[int]]:
    """A confusion matrix whose cells differ: 97 and more on the diagonal of each row, and a few beside it."""
    return [
        [97 + i if i == j else (i + 2 * j) % 5 if abs(i - j) < 3 else 0 for j in range(count)] for i in range(count)
    ]


def history(epochs: int) -> list[Epoch]:
    return [
        Epoch(
            epoch,
            235 * epoch,
            0.01 / epoch,
            round(2 / epoch, 4),
            (Figure("accuracy", 1 - 0.3 / epoch),),
            1.5 / epoch,
            (Figure("accuracy", 1 - 0.2 / epoch),),
            31250.5,
            1.9,
        )
        for epoch in range(1, epochs + 1)
    ]


def make(
    classes: list[str],
    *,
    epochs: int = 5,
    split: str = "test",
    errors: int = 4,
    findings: tuple[Finding, ...] = (),
    measured: bool = True,
    augmented: bool = True,
    skipped: tuple[dict[str, str], ...] = (),
) -> ReportContents:
    confusion = confused(len(classes))
    other = [[3 * images for images in row] for row in confusion]
    splits = {"val": confusion} if split == "val" else {"val": other, split: confusion}
    manifest = {
        "format": 2,
        "striate": "0.1.0",
        "command": "striate train mnist --epochs 5",
        "status": "finished" if measured else "running",
        "started": "2026-07-02T10:12:31.25+00:00",
        "finished": "2026-07-02T10:12:44+00:00",
        "seed": 1234,
        "threads": 2,
        "device": "cpu",
        "versions": {"python": "3.11.9", "torch": "2.13.0"},
        "hardware": {"cpu": "Some CPU", "cores": 2, "memory_gib": 7.6},
        "data": {
            "name": "mnist",
            "location": "inside striate",
            "kind": "idx",
            "digest": "5a3f" * 16,
            "classes": classes,
            "counts": {"train": 57000, "val": 3000, "test": 10000},
            "image": [28, 28, 1],
            "skipped": list(skipped),
        },
        "model": {"name": "digit_cnn", "arguments": {}, "parameters": 110474},
        "best_epoch": min(4, epochs),
        "reported_split": split,
        "timings": {"data": 0.61, "training": 9.43, "total": 192.2},
    }
    misclassified = [
        ErrorImage(
            png(28, 28),
            f"test/{n}.png",
            {
                "label": classes[n % 2],
                "prediction": classes[1 - n % 2],
                "confidence": 0.5 + n / 10,
                "loss": 2.5 + n,
            },
        )
        for n in range(errors)
    ]
    return ReportContents(
        task="classify",
        manifest=manifest,
        settings=SETTINGS,
        metrics={name: metrics_of(classes, table) for name, table in splits.items()} if measured else {},
        history=history(epochs),
        findings=findings,
        errors=misclassified,
        augmented=png(120, 60) if augmented else None,
    )


class Page(HTMLParser):
    """The elements of a page, read strictly: each must be closed where it was opened."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []  # the elements around, and the text
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice in <{tag}>"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG_EMPTY, f"<{tag}/> does not close itself"
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self.open), data))

    def text(self) -> str:
        """The visible text and the tooltips, on one line."""
        return " ".join(" ".join(text for around, text in self.texts if "style" not in around).split())

    def style(self) -> str:
        return "".join(text for around, text in self.texts if around[-1:] == ("style",))

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(name)) is not None]


@pytest.fixture
def make_contents() -> Callable[..., ReportContents]:
    return make


@pytest.fixture
def read_page() -> Callable[[str], Page]:
    return Page
