"""The page as a browser and a reader get it."""

import re
from dataclasses import replace
from typing import Any

import pytest

from striate.findings import Finding
from striate.report import render_report
from striate.report.page import _origins
from striate.report.reproduce import read_reproduction
from striate.tasks import Figure
from striate.training import SettingRow

DIGITS = [str(digit) for digit in range(10)]
LONG = [
    "Diabetic retinopathy, severe non-proliferative (grade 3) with macular oedema",
    "No visible sign of retinopathy",
]
STOP = Finding(
    "nan-loss", "stop", "The loss became NaN.", {"step": 512, "loss": float("inf")}, "striate train mnist --lr 0.01"
)
NOTE = Finding("files-skipped", "note", "1 file was skipped.", {"share": 0.0033}, "gather more images")
RUNS: dict[str, dict[str, Any]] = {
    "ten classes": {"classes": DIGITS},
    "two long names": {"classes": LONG, "split": "val"},
    "twenty-one classes": {"classes": [f"class {n}" for n in range(21)]},
    "a hundred classes": {"classes": [f"some class {n}" for n in range(100)], "epochs": 300},
    "one epoch": {"classes": DIGITS, "epochs": 1},
    "stopped": {"classes": DIGITS, "measured": False, "findings": (STOP,), "errors": 0},
    "nothing": {"classes": DIGITS, "measured": False, "epochs": 0, "errors": 0, "augmented": False},
    "skipped": {
        "classes": DIGITS,
        "skipped": ({"id": "a.jpg", "reason": "truncated", "detail": "12 bytes"},) * 201,
    },
}


@pytest.fixture(params=RUNS)
def contents(request, make_contents):
    return make_contents(**RUNS[request.param])


def test_elements_are_balanced_and_ids_unique(contents, read_page):
    page = read_page(render_report(contents))
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)
    assert {link.removeprefix("#") for link in page.attributes("href") if link.startswith("#")} <= set(ids)
    assert set(page.attributes("for")) <= set(ids)


def test_nothing_comes_from_a_network_and_nothing_is_a_script(contents, read_page):
    page = read_page(render_report(contents))
    for tag, attributes in page.elements:
        assert tag not in {"script", "iframe", "object", "embed", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,", "data:,"))
        assert "url(" not in (attributes.get("style") or "")
    assert "url(" not in page.style()
    assert "@import" not in page.style()
    assert "//" not in page.style()
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page.attributes("content")


def test_images_have_words_and_tables_have_headers(contents, read_page):
    page = read_page(render_report(contents))
    assert all(attributes.get("alt") for tag, attributes in page.elements if tag == "img")
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")
    charts = [attributes for tag, attributes in page.elements if tag == "svg" and attributes.get("role") == "img"]
    assert all(attributes["aria-label"] for attributes in charts)


def test_same_data_same_page(contents):
    assert render_report(contents) == render_report(contents)


def test_the_verdict_comes_first_with_its_interval_and_baseline(make_contents, read_page):
    text = read_page(render_report(make_contents(DIGITS))).text()
    correct = sum(97 + n for n in range(10))
    images, misclassified = 1079, 1079 - correct
    assert text.index(f"{100 * correct / images:.1f} % test accuracy") < text.index("Findings")
    assert "95 % confidence interval 92.5 to 95.3 %, 1,079 images." in text  # Wilson for 1015 of 1079
    assert f"Misclassified {misclassified} of 1,079 images" in text
    assert "Baseline accuracy 10.5 % always '7'" in text
    assert "Training time 9.4 s cpu, 2 threads" in text
    assert "Weights of epoch 4 of 5 epochs" in text
    assert "Parameters 110,474 digit_cnn" in text
    assert "optimistic" not in text
    assert "not significantly better" not in text


def test_an_accuracy_that_chose_the_epoch_is_called_optimistic(make_contents, read_page):
    text = read_page(render_report(make_contents(DIGITS, split="val"))).text()
    assert "validation accuracy 95 % confidence interval 92.5 to 95.3 %, 1,079 images" in text
    assert "the accuracy is optimistic" in text


def test_a_head_on_frozen_features_has_no_curves_and_chose_no_epoch(make_contents, read_page):
    whole = make_contents(DIGITS, split="val", epochs=1)
    (row,) = whole.history
    timings = {"data": 0.61, "features": 21.8, "validation": 1.2, "total": 30.0}
    manifest = {**whole.manifest, "epochs": 0, "best_epoch": 0, "timings": timings, "head": {"kind": "svm"}}
    train, val = (Figure("accuracy", 1.0),), (Figure("accuracy", 0.8219),)
    history = [replace(row, epoch=0, learning_rate=0.0, train=train, val=val)]
    page = read_page(render_report(replace(whole, manifest=manifest, history=history)))
    text = page.text()
    assert "Training time 21.8 s cpu, 2 threads all for features and head" in text
    assert "Epochs 0 a head on frozen features" in text
    assert "Accuracy on the training images 100.0 %, on the validation images 82.2 %." in text
    assert "Features and head 21.8 s" in text
    assert "chart" not in page.attributes("class")
    assert "optimistic" not in text
    assert "chose the epoch" not in text


def test_the_time_of_a_head_counts_where_epochs_followed(make_contents, read_page):
    whole = make_contents(DIGITS, split="val")
    timings = {"features": 21.8, "training": 9.4}
    manifest = {
        **whole.manifest,
        "epochs": 5,
        "best_epoch": 0,
        "timings": timings,
        "keep": "auto",
        "head": {"kind": "linear"},
    }
    text = read_page(render_report(replace(whole, manifest=manifest))).text()
    assert "Training time 31.2 s cpu, 2 threads 21.8 s for features and head" in text
    assert "Weights of epoch 0 of 5 epochs: the head on frozen features" in text
    assert "optimistic" in text  # these images chose between the head and the last epoch


def test_no_better_than_the_baseline_is_shown(make_contents, read_page):
    contents = make_contents(DIGITS)
    metrics = {"test": contents.metrics["test"] | {"baseline": {"value": 0.93, "prediction": "always '7'"}}}
    text = read_page(render_report(replace(contents, metrics=metrics))).text()
    assert "This is not significantly better than the same prediction for all images (always '7')" in text


def test_every_metric_appears(make_contents, read_page):
    contents = make_contents(DIGITS)
    words = set(re.findall(r"[\d.,]*\d", read_page(render_report(contents)).text()))
    for name, split in contents.metrics.items():
        intervals = {key: value for key, value in split.items() if isinstance(value, dict) and "low" in value}
        if name == "test":  # the classes are those of the reported split
            keys = ("precision", "recall", "f1")
            intervals |= {(row["class"], key): row[key] for row in split["per_class"] for key in keys}
            assert {f"{row['images']:,}" for row in split["per_class"]} <= words
        for key, ends in intervals.items():
            shown = [ends[end] for end in ("low", "value", "high")]
            expected = {f"{end:.4f}" if key == "log_loss" else f"{100 * end:.1f}" for end in shown}
            assert expected <= words, key


def test_curves_show_every_epoch(make_contents, read_page):
    text = read_page(render_report(make_contents(DIGITS, epochs=5))).text()
    for epoch in range(1, 6):
        assert f"epoch {epoch}: train {float(f'{2 / epoch:.4f}'):.4g}, validation {1.5 / epoch:.4g}" in text
        assert f"epoch {epoch}: train {100 - 30 / epoch:.2f} %, validation {100 - 20 / epoch:.2f} %" in text
    assert "kept 4" in text


@pytest.mark.parametrize("classes", [2, 10, 20])
def test_confusion_table_holds_the_matrix_and_its_sums(make_contents, classes):
    contents = make_contents([f"c{n}" for n in range(classes)])
    confusion = contents.metrics["test"]["confusion_matrix"]
    html = render_report(contents)
    table = html[html.index('<table class="matrix') :].partition("</table>")[0]
    rows = [
        [
            int(re.sub("<[^>]*>", "", re.sub('<span class="r">.*?</span>', "", cell)).strip().replace(",", "") or 0)
            for cell in cells
        ]
        for row in table.split("<tr>")[3:]
        if (cells := re.findall(r"<td.*?>(.*?)</td>", row, re.S))
    ]
    assert [row[:-1] for row in rows[:-1]] == confusion
    assert [row[-1] for row in rows[:-1]] == [sum(row) for row in confusion]
    assert rows[-1] == [*(sum(column) for column in zip(*confusion, strict=True)), sum(map(sum, confusion))]


def test_a_hundred_classes_make_a_heat_map_with_every_image(make_contents, read_page):
    contents = make_contents([f"some class {n}" for n in range(100)])
    html = render_report(contents)
    assert '<table class="matrix' not in html
    page = read_page(html)
    tooltips = [
        text for around, text in page.texts if around[-3:] == ("g", "rect", "title") or around[-1:] == ("title",)
    ]
    images = [int(found[1].replace(",", "")) for text in tooltips if (found := re.search(r": ([\d,]+) \(", text))]
    assert sum(images) == contents.metrics["test"]["images"]
    assert "label some class 7, prediction some class 8: 3 (2.7 %)" in page.text()
    assert "Most confused classes, 12 of" in page.text()


def test_hostile_names_stay_text(make_contents, read_page):
    hostile = [
        "<script>alert(1)</script>",
        '" onload="x',
        "two\nlines",
        "🙂 &amp; 'x'",
        "{{ 7 * 7 }}",
        "rtl \u202e",
        "\x00\x1b[31m",
    ]
    contents = make_contents(
        hostile, findings=(replace(STOP, message=hostile[0], evidence={hostile[0]: hostile[1]}, fix=hostile[0]),)
    )
    errors = [replace(error, id='a/caf\udce9<b>\r\n".png') for error in contents.errors]
    manifest = contents.manifest | {"command": hostile[0], "started": hostile[0], "versions": {hostile[0]: hostile[1]}}
    html = render_report(replace(contents, errors=errors, manifest=manifest))
    page = read_page(html)
    tags = {tag for tag, _ in page.elements}
    assert "script" not in tags
    assert not page.attributes("onload")
    assert hostile[0] in page.attributes("title")
    assert hostile[1] in page.attributes("title")
    for name in hostile[:6]:
        assert " ".join(name.split()) in page.text()
    assert "␀␛[31m" in page.text()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", html)
    assert "caf\\udce9<b>" in html.encode("utf-8").decode("utf-8").replace("&lt;b&gt;", "<b>")


def test_what_is_missing_is_stated(make_contents, read_page):
    text = read_page(render_report(make_contents(DIGITS, measured=False, epochs=0, errors=0, augmented=False))).text()
    for words in (
        "This run is not finished",
        "No final metrics",
        "No findings",
        "Nothing was recorded",
        "The network was not evaluated",
        "training images are not augmented",
        "No file was skipped",
    ):
        assert words in text
    bare = replace(make_contents(DIGITS), manifest={}, settings=[], metrics={}, history=[], errors=[], augmented=None)
    assert "No settings were recorded" in read_page(render_report(bare)).text()


def test_no_errors_and_errors_that_were_not_saved_differ(make_contents, read_page):
    contents = make_contents(["a", "b"], errors=0)
    assert "were not saved" in read_page(render_report(contents)).text()
    perfect = [[3, 0], [0, 4]]
    metrics = {"test": contents.metrics["test"] | {"confusion_matrix": perfect, "images": 7}}
    text = read_page(render_report(replace(contents, metrics=metrics))).text()
    assert "every image was classified correctly" in text
    assert "No image is misclassified" in text


def test_runs_without_validation(make_contents, read_page):
    contents = make_contents(DIGITS)
    rows = [replace(row, val_loss=None, val=()) for row in contents.history]
    metrics = {"test": contents.metrics["test"]}
    html = render_report(replace(contents, history=rows, metrics=metrics))
    assert "validation" not in read_page(html).text().split("Confusion matrix")[2].split("Misclassified images")[0]
    assert "epoch 1: train 2 " in read_page(html).text()


def test_findings_are_sorted_and_their_commands_can_be_copied(make_contents, read_page):
    page = read_page(render_report(make_contents(DIGITS, findings=(NOTE, STOP))))
    text = page.text()
    assert text.index("The loss became NaN.") < text.index("1 file was skipped.")
    assert "step 512" in text
    assert "loss inf" in text
    commands = [text for around, text in page.texts if around[-1:] == ("code",)]
    assert STOP.fix in commands
    assert NOTE.fix not in commands


def test_errors_are_grouped_and_the_most_confident_comes_first(make_contents, read_page):
    text = read_page(render_report(make_contents(["cat", "dog"], errors=4))).text()
    assert "4 of the" in text
    first, second = text.index("label dog prediction cat"), text.index("label cat prediction dog")
    assert (
        first
        < text.index("80.0 %")
        < text.index("60.0 %")
        < second
        < text.index("70.0 %")
        < text.index("50.0 %", second)
    )


def test_settings_have_all_digits_their_group_and_their_origin(make_contents, read_page):
    text = read_page(render_report(make_contents(DIGITS))).text()
    assert "learning_rate 0.00123456 recipe mnist Largest step size." in text
    assert "mean 0.13066047 data" in text
    assert "ema none default" in text
    assert "1 user 1 recipe mnist 1 data 1 default" in text
    assert "data mean" in text
    assert text.count("training learning_rate") == 1


def test_the_run_can_be_repeated_from_the_page(make_contents, read_page):
    text = read_page(render_report(make_contents(DIGITS))).text()
    for words in (
        "striate train mnist --epochs 5",
        "Seed 1234",
        "Threads 2",
        "torch 2.13.0",
        "Memory, GiB 7.6",
        "Training 57,000 images",
        "Total 3 min 12 s",
        "31,250 images a second",
        "2026-07-02 10:12:31 UTC",
    ):
        assert words in text


def test_files_skipped_are_counted_and_listed(make_contents, read_page):
    skipped = tuple({"id": f"{n}.jpg", "reason": "truncated" if n else "empty file", "detail": ""} for n in range(250))
    text = read_page(render_report(make_contents(DIGITS, skipped=skipped))).text()
    assert "250 files skipped" in text
    assert "Truncated: 249; empty file: 1." in text
    assert "199.jpg" in text
    assert "The other 50 are in manifest.json" in text


def test_a_page_of_ten_classes_is_small(make_contents):
    contents = make_contents(DIGITS, errors=48, epochs=30)
    images = sum(len(error.png) for error in contents.errors) + len(contents.augmented)
    assert len(render_report(contents).encode()) < 300_000 + 4 / 3 * images


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_ground(make_contents, read_page, theme):
    """WCAG 2.2: a contrast of at least 4.5, in the darkest cell of the confusion matrix too."""
    blocks = re.findall(r":root \{(.*?)\}", read_page(render_report(make_contents(DIGITS))).style(), re.S)
    values = dict(re.findall(r"--(\w+): ([^;]+);", "".join(blocks[: 2 if theme == "dark" else 1])))

    def color(name: str) -> list[float]:
        return [int(values[name][n : n + 2], 16) / 255 for n in (1, 3, 5)]

    def luminance(rgb: list[float]) -> float:
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(a: list[float], b: list[float]) -> float:
        light, dark = sorted((luminance(a), luminance(b)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    for ground in ("paper", "raised"):
        for text in ("ink", "muted", "blue", "orange"):
            assert contrast(color(text), color(ground)) >= 4.5, (text, ground)
    strong = float(values["strong"].rstrip("%")) / 100
    for hue in ("blue", "orange"):
        darkest = [strong * a + (1 - strong) * b for a, b in zip(color(hue), color("paper"), strict=True)]
        assert contrast(color("ink"), darkest) >= 4.5, hue


@pytest.mark.parametrize(("kept", "chose"), [("best", True), ("last", False), ("auto", False)])
def test_validation_is_marked_only_where_it_chose_the_epoch(make_contents, kept, chose):
    whole = make_contents(DIGITS)
    page = render_report(replace(whole, manifest={**whole.manifest, "keep": kept}))
    assert ("(chose the epoch)" in page) == chose


def test_what_the_data_decided_is_above_the_settings_and_weights_are_an_origin(make_contents, read_page):
    contents = make_contents(["cat", "dog"])
    reasons = [
        "recipe:  photos, for color images",
        "result:  head 79.5 %, fine-tuned 82.2 %: the fine-tuned network is kept",
    ]
    weights = SettingRow("model", "size", 224, "weights", "Size.")
    page = render_report(
        replace(contents, manifest={**contents.manifest, "reasons": reasons}, settings=[*contents.settings, weights])
    )
    assert "<dt>Result</dt><dd>head 79.5 %, fine-tuned 82.2 %: the fine-tuned network is kept</dd>" in page
    counts = [origin for origin, _ in _origins([*contents.settings, weights])]
    assert counts == ["user", "recipe mnist", "weights", "data", "default"]


def test_the_speed_of_training_is_not_that_of_features(make_contents):
    contents = make_contents(["cat", "dog"], epochs=1)
    features = replace(contents.history[0], epoch=0, images_per_second=7.0)
    for history, times in (([features, *contents.history], ["31,250 images a second"]), ([features], [])):
        shown = dict(read_reproduction(contents.manifest, history).times)
        assert [value for name, value in shown.items() if name == "Training speed"] == times
