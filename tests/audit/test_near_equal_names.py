"""Names of classes that are nearly the same are found; names that only resemble each other are not."""

import pytest

from striate.audit.near_equal_names import near_equal_names

ALIKE = [
    ("Cat", "cat"),
    ("cat", "cat "),
    ("hot dog", "hot_dog"),
    ("hot-dog", "Hotdog"),
    ("caf\u00e9", "cafe\u0301"),  # NFC and NFD
    ("\uff23\uff21\uff34", "cat"),  # full width
    ("7", "007"),
    ("1", "1.0"),
    ("class_1", "class 01"),
    ("stra\u00dfe", "STRASSE"),
    ("red cat", "red\\u00a0cat"),  # as names are printed
    ("cat", "c\\u200bat"),
    ("cat", "\\ufeffcat"),
    ("a-b", "a\u2013b"),
]
DIFFERENT = [
    ("cat", "cats"),
    ("cafe", "caf\u00e9"),
    ("1", "-1"),
    ("1-1", "11"),
    ("1.01", "1.1"),
    ("1.1", "1.10"),  # as chapters and versions are
    ("10", "100"),
    ("0.5", "5"),
    ("A-", "A"),
    ("A+", "A"),
    ("C", "C++"),
    ("__", "--"),
    ("", "0"),
    ("a\\\\u200b", "a"),  # a backslash, and the letters u200b
]


@pytest.mark.parametrize("pair", ALIKE)
def test_nearly_equal_names_are_found(pair: tuple[str, str]) -> None:
    (finding,) = near_equal_names((pair[0], "dog", pair[1], "owl"))
    assert (finding.id, finding.severity) == ("data-near-equal-names", "warning")
    assert sorted(finding.evidence["groups"][0]) == sorted(pair)
    assert repr(pair[0]) in finding.message
    assert "into one folder" in finding.fix


@pytest.mark.parametrize("pair", DIFFERENT)
def test_other_names_are_left_alone(pair: tuple[str, str]) -> None:
    assert not near_equal_names((pair[0], "dog", pair[1], "owl"))


def test_letters_of_an_alphabet_are_classes() -> None:
    assert not near_equal_names(tuple("0123456789ABCDEFabcdef"))
