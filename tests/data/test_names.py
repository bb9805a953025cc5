"""Names as they are shown, and the order in which a person expects them."""

from hypothesis import given
from hypothesis import strategies as st

from striate.data.names import natural_key


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
