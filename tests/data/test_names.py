"""Names as they are shown, and the order in which a person expects them."""

from hypothesis import given
from hypothesis import strategies as st

from striate.data.names import listed, natural_key, printable, unescaped


def test_numbers_in_names_are_counted_and_not_spelled() -> None:
    for names in (
        ["-10", "-2", "-1", "0", "1", "2", "10", "11", "100"],
        ["-21 a", "-20 a", "-3 a", "0 a", "1 a", "a-1", "a-2"],
        ["img2", "img10", "img10b2", "img10b10"],
        ["7", "007", "8", "08"],
        ["B", "a", "b", "\u00e4"],
        ["a", "a1", "a 1"][:2],
        ["9" * 5000, "1" + "0" * 5000],
    ):
        assert sorted(set(names), key=natural_key) == names


@given(st.lists(st.text(alphabet="ab019- \u0661\udcff", max_size=6), max_size=8, unique=True))
def test_any_names_have_one_order(names: list[str]) -> None:
    keys = [natural_key(name) for name in names]
    assert len(set(keys)) == len(names)
    once = sorted(names, key=natural_key)
    names.reverse()
    assert sorted(names, key=natural_key) == once


@given(st.text(alphabet="ab\\\\xuU0e9\n\u202e\u200d\x07\udc80\udcff\udc41\U000e0001", max_size=8))
def test_what_was_escaped_comes_back(name: str) -> None:
    assert printable(name).isprintable() or "\u200d" in printable(name)
    assert unescaped(printable(name)) == name


def test_names_are_listed_up_to_a_few() -> None:
    assert [listed(["a", "b", "c"], most) for most in (3, 2)] == ["a, b, c", "a, b and 1 more"]
