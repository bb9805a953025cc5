"""Numbers as text: no false digits."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import striate
from striate.number_format import (
    UNKNOWN,
    count,
    duration,
    finite,
    four_digits,
    percent,
    percent_number,
    percent_range,
    plain,
    setting,
)
from striate.report.reproduce import moment


@settings(deadline=None)
@given(st.integers(1, 10**7), st.data())
def test_percent_never_hides_a_failure_or_a_success(total, data):
    correct = data.draw(st.integers(0, total))
    text = percent_number(correct / total)
    assert (text == "100.0") == (correct == total)
    assert (text == "0.0") == (correct == 0)
    if text[0] not in "<>":
        assert float(text) == pytest.approx(100 * correct / total, abs=0.051)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.9916, "99.2"),
        (0.9999, "99.99"),
        (0.9999999, "> 99.999"),
        (1e-8, "< 0.001"),
        (1 - 1e-16, "100.0"),
        (None, "–"),  # noqa: RUF001  a dash
        (float("nan"), "–"),  # noqa: RUF001  the same dash
    ],
)
def test_percent(share, text):
    assert percent_number(share) == text
    assert percent(share) == f"{text} %"


def test_percent_range():
    assert percent_range(0.981, 0.99962, 2) == "98.10 to 99.96 %"


def test_a_person_is_shown_a_share_by_percent_alone():
    package = Path(str(striate.__file__)).parent
    others = [
        str(path.relative_to(package)) for path in package.rglob("*.py") if re.search(r":[>.\d]*%[}]", path.read_text())
    ]
    assert others == []  # Python's own format, "99.2%", is another style


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.026714, "0.02671"), (1.5e-7, "1.5e-7"), (12345.6, "12,346"), (0.0, "0"), (1e12, "1e12"), (-2.5, "-2.5")],
)
def test_figure(value, text):
    assert four_digits(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0412, "0.04 s"),
        (12.34, "12.3 s"),
        (59.99, "1 min 0 s"),
        (192, "3 min 12 s"),
        (7500, "2 h 5 min"),
        (None, "not recorded"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_count():
    assert count(1, "epoch") == "1 epoch"
    assert count(10000, "test image") == "10,000 test images"


def test_plain_and_setting():
    assert plain({"a": 0.123456, "b": [True, None]}) == "a: 0.1235, b: yes, none"
    assert plain(list(range(14))).endswith("11, and 2 more")
    assert plain(float("inf")) == "inf"
    assert [setting(value) for value in (0.123456, 1e-3, 3, True, "adamw", None, "")] == [
        *("0.123456", "0.001", "3", "true", "adamw", "auto", UNKNOWN)
    ]


@settings(deadline=None)
@given(st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.binary()))
def test_number_never_fails_and_is_finite(value):
    found = finite(value)
    assert found is None or abs(found) < float("inf")


@pytest.mark.parametrize(
    ("iso", "text"),
    [
        ("2026-07-02T10:12:31.25+00:00", "2026-07-02 10:12:31 UTC"),
        ("2026-07-02T10:12:31+02:00", "2026-07-02 10:12:31 +02:00"),
        ("2026-07-02T10:12:31Z", "2026-07-02 10:12:31 UTC"),
        ("soon", "soon"),
        (None, "not recorded"),
    ],
)
def test_moment(iso, text):
    assert moment(iso) == text
