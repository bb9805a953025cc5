"""Pairs of classes by name: in any style and many languages, and no others."""

import string

import pytest

from striate.audit.mirrored_names import mirrored_names
from striate.data.names import printable

FLIP = [
    ("left", "right"),
    ("turn left", "turn right"),
    ("turn_left", "turn_right"),
    ("TurnLeft", "TurnRight"),
    ("LEFTTurn", "RIGHTTurn"),
    ("left-arrow", "right-arrow"),
    ("turnleft", "turnright"),
    ("Left.Hand", "right hand"),
    ("001.left", "001.right"),
    ("left1", "right1"),
    ("left to right", "right to left"),
    ("arrow_l", "arrow_r"),
    ("armL", "armR"),
    ("L2R", "R2L"),
    ("l", "r"),
    ("OD", "OS"),
    ("links", "rechts"),
    ("Linkskurve", "Rechtskurve"),
    ("tourner à gauche", "tourner à droite"),
    ("izquierda", "derecha"),
    ("sinistra", "destra"),
    ("esquerda", "direita"),
    ("左", "右"),
    ("向左转", "向右转"),
    ("왼쪽", "오른쪽"),
    ("налево", "направо"),
    ("clockwise", "counterclockwise"),
    ("clockwise", "anti-clockwise"),
    ("CounterClockWise", "ClockWise"),
    ("cw", "ccw"),
    ("rotate_cw", "rotate_ccw"),
    ("east", "west"),
    ("northeast", "northwest"),
    ("forward slash", "backslash"),
    ("slash", "back_slash"),
    ("/", "\\"),
    ("<", ">"),
    ("opening bracket", "closing bracket"),
]
FLIP_VERTICAL = [
    ("up", "down"),
    ("ArrowUp", "ArrowDown"),
    ("thumbs up", "thumbs down"),
    ("top", "bottom"),
    ("upper_lid", "lower_lid"),
    ("north", "south"),
    ("NE", "SE"),
    ("above", "below"),
    ("ascending", "descending"),
    ("上", "下"),
    ("↑", "↓"),
    ("clockwise", "ccw"),
]


@pytest.mark.parametrize("names", FLIP)
def test_left_and_right(names):
    assert mirrored_names(names) == ((0, 1),)
    assert mirrored_names(("other", *reversed(names))) == ((1, 2),)


@pytest.mark.parametrize("names", FLIP_VERTICAL)
def test_up_and_down(names):
    assert mirrored_names(names, "flip_vertical") == ((0, 1),)


@pytest.mark.parametrize(
    "names",
    [
        ("bright", "blight"),
        ("leftover", "rightful"),
        ("left", "straight"),
        ("right", "wrong"),
        ("left turn", "right"),
        ("left", "left right"),
        ("left", "Left"),
        ("feast", "fast"),
        ("wall", "warr"),
        ("b", "d"),
        ("l", "r", "x"),
        ("shape l", "shape r", "shape x"),
        tuple(string.ascii_lowercase),
        ("open", "close"),
        ("up", "down"),
        ("???", "!!!"),
        ("cat", "dog", ""),
    ],
)
def test_no_pair(names):
    assert mirrored_names(names) == ()


@pytest.mark.parametrize("names", [("left", "right"), ("cup", "cdown"), ("high", "low"), ("upper case", "lowercase")])
def test_no_pair_of_up_and_down(names):
    assert mirrored_names(names, "flip_vertical") == ()


def test_letters_are_directions_where_all_letters_there_are():
    assert mirrored_names(("n", "e", "s", "w")) == ((1, 3),)
    assert mirrored_names(("n", "e", "s", "w"), "flip_vertical") == ((0, 2),)
    assert mirrored_names(("lane l", "lane c", "lane r")) == ((0, 2),)


def test_several_pairs_and_classes_between():
    assert mirrored_names(("hand left", "hand right", "foot left", "straight", "foot right")) == ((0, 1), (2, 4))


def test_half_a_turn_exchanges_both():
    assert mirrored_names(("up", "down", "other"), "rotate") == ((0, 1),)
    assert mirrored_names(("left", "right"), "rotate") == ((0, 1),)
    assert mirrored_names(("top left", "top right", "bottom left", "bottom right"), "rotate") == ((0, 3), (1, 2))
    assert mirrored_names(("NE", "SW", "NW"), "rotate") == ((0, 1),)
    for stays in (("clockwise", "counterclockwise"), ("/", "\\"), ("uptrend", "downtrend"), ("cat", "dog"), ("6", "9")):
        assert mirrored_names(stays, "rotate") == ()


def test_names_are_read_as_they_were_before_they_were_made_printable() -> None:
    assert mirrored_names(("/", printable("\\"))) == ((0, 1),)
    assert mirrored_names(("a /", printable("a \\")), "flip_vertical") == ((0, 1),)
