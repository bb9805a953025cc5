"""Classes that a mirror exchanges, by the images: found in small data under any name, and nothing in healthy data."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from striate.audit.mirror_test import FEWEST, MOST_CLASSES, exchanged_classes, sample_for_mirror_test, small_images
from striate.audit.mirrored_names import Mirror
from striate.sources import open_source

SIDE, EACH = 40, 24

Draw = Callable[[np.random.Generator, ImageDraw.ImageDraw, tuple[int, ...]], None]


def chevron(draw: np.random.Generator, page: ImageDraw.ImageDraw, color: tuple[int, ...]) -> None:
    r = draw.uniform(0.15, 0.3) * SIDE
    x, y = draw.uniform(r, SIDE - r, 2)
    page.line([(x + r / 2, y - r), (x - r / 2, y), (x + r / 2, y + r)], fill=color, width=3)


def hand(draw: np.random.Generator, page: ImageDraw.ImageDraw, color: tuple[int, ...]) -> None:
    r = draw.uniform(0.12, 0.18) * SIDE
    x, y = draw.uniform(2.2 * r, SIDE - 2.2 * r), draw.uniform(3 * r, SIDE - 1.5 * r)
    page.rectangle([x - r, y - r, x + r, y + r], fill=color)
    for finger in range(4):
        at = x - r + (finger + 0.5) * r / 2
        page.line([(at, y - r), (at, y - r - r * draw.uniform(1, 1.6))], fill=color, width=2)
    page.line([(x - r, y + r / 3), (x - 2 * r, y - r / 2)], fill=color, width=2)


def spot_on_the_left(draw: np.random.Generator, page: ImageDraw.ImageDraw, color: tuple[int, ...]) -> None:
    x, y = draw.uniform(5, SIDE * 0.35), draw.uniform(6, SIDE - 6)
    page.ellipse([x - 4, y - 4, x + 4, y + 4], fill=color)


def letter(text: str) -> Draw:
    def write(draw: np.random.Generator, page: ImageDraw.ImageDraw, color: tuple[int, ...]) -> None:
        at = (draw.uniform(2, SIDE - 22), draw.uniform(-2, SIDE - 32))
        page.text(at, text, fill=color, font=ImageFont.load_default(size=int(draw.integers(22, 32))))

    return write


def shape(kind: str) -> Draw:
    def put(draw: np.random.Generator, page: ImageDraw.ImageDraw, color: tuple[int, ...]) -> None:
        r = draw.uniform(0.18, 0.3) * SIDE
        x, y = draw.uniform(r, SIDE - r, 2)
        getattr(page, kind)([x - r, y - r, x + r, y + r], fill=color)

    return put


def drawn(what: Draw, count: int, seed: int) -> np.ndarray:
    """N H W 3 uint8: bright on dark noise, of random colors."""
    draw, images = np.random.default_rng(seed), []
    for _ in range(count):
        page = Image.new("RGB", (SIDE, SIDE), tuple(draw.integers(0, 110, 3).tolist()))
        what(draw, ImageDraw.Draw(page), tuple(draw.integers(150, 256, 3).tolist()))
        images.append(np.asarray(page) + draw.normal(0, 10, (SIDE, SIDE, 3)))
    return np.clip(np.stack(images), 0, 255).astype(np.uint8)


def exchanged(classes: Sequence[np.ndarray], mirror: Mirror = "flip") -> list[tuple[int, int]]:
    images = small_images(torch.from_numpy(np.concatenate(classes)))
    labels = torch.cat([torch.full((len(one),), number) for number, one in enumerate(classes)])
    chosen = sample_for_mirror_test(labels)
    return [one.classes for one in exchanged_classes(images[chosen], labels[chosen], mirror)]


@pytest.mark.parametrize("what", [chevron, hand, spot_on_the_left, letter("b")])
def test_a_class_and_its_mirror_image(what):
    images = drawn(what, 2 * EACH, 0)
    halves = [images[:EACH], images[EACH:, :, ::-1]]
    assert exchanged(halves) == [(0, 1)]
    if what is not hand:  # which upside down is the other hand too
        assert exchanged(halves, "flip_vertical") == []
    on_their_side = [half.transpose(0, 2, 1, 3) for half in halves]
    if what is not hand:
        assert exchanged(on_their_side) == []
    assert exchanged(on_their_side, "flip_vertical") == [(0, 1)]


def test_a_pair_among_other_classes_of_unequal_sizes():
    images = drawn(chevron, 3 * EACH, 1)
    classes = [drawn(shape("ellipse"), EACH, 2), images[:EACH], drawn(shape("rectangle"), 5, 3), images[EACH:, :, ::-1]]
    assert exchanged(classes) == [(1, 3)]


def test_letters_of_a_font():
    assert (0, 1) in exchanged([drawn(letter(one), EACH, seed) for seed, one in enumerate("bdx")])


def test_16_bits_in_a_narrow_band_and_one_channel():
    images = drawn(chevron, 2 * EACH, 0)[..., :1].astype(np.uint16) + 2048
    assert exchanged([images[:EACH], images[EACH:, :, ::-1]]) == [(0, 1)]


def test_half_a_turn_exchanges_what_stands_on_its_head():
    images = drawn(chevron, 2 * EACH, 0)
    assert exchanged([images[:EACH], images[EACH:, ::-1, ::-1]], "rotate") == [(0, 1)]
    assert exchanged([images[:EACH], drawn(hand, EACH, 1)], "rotate") == []
    assert exchanged([drawn(letter(one), EACH, seed) for seed, one in enumerate("69")], "rotate") == [(0, 1)]


def test_digits_of_which_a_mirrored_3_resembles_a_5():
    source = open_source("mnist")
    listing = source.splits["train"]
    labels = np.array([listing.targets.target(i) for i in range(500)])
    images = np.stack([listing.store.pixels_of(i) for i in range(500)])
    assert (3, 5) in exchanged([images[labels == digit] for digit in range(10)])


def healthy() -> dict[str, list[np.ndarray]]:
    draw = np.random.default_rng(5)
    arrows, hands = drawn(chevron, 2 * EACH, 0), drawn(hand, 2 * EACH, 1)
    both = [np.concatenate([one[:EACH], one[EACH:, :, ::-1]]) for one in (arrows, hands)]
    scenes = draw.integers(0, 256, (EACH, 24, 24, 3))
    copies = np.clip(np.repeat(scenes, 4, 0) + draw.normal(0, 4, (4 * EACH, 24, 24, 3)), 0, 255).astype(np.uint8)
    at = np.repeat(draw.integers(0, 2, EACH), 4)
    return {
        "shapes": [drawn(shape("ellipse"), EACH, 0), drawn(shape("rectangle"), EACH, 1)],
        "few": [drawn(shape("ellipse"), 10, 0), drawn(shape("rectangle"), 10, 1)],
        "imbalanced": [drawn(shape("ellipse"), 120, 0), drawn(shape("rectangle"), 9, 1)],
        "one way, but not the other class": [drawn(chevron, EACH, 0), drawn(hand, EACH, 1)],
        "mirrored already": both,
        "noise": [draw.integers(0, 256, (EACH, 24, 24, 3), np.uint8) for _ in range(2)],
        "colors": [
            (drawn(shape("ellipse"), EACH, 0) // 3 + color).astype(np.uint8) for color in ((160, 0, 0), (0, 0, 160))
        ],
        "words": [drawn(letter(word), EACH, seed) for seed, word in enumerate(("cat", "dog"))],
        "near copies with random labels": [copies[at == 0], copies[at == 1]],
        "constant": [np.full((EACH, 24, 24, 3), value, np.uint8) for value in (9, 9)],
    }


@pytest.mark.parametrize("kind", list(healthy()))
def test_healthy_data(kind):
    classes = healthy()[kind]
    assert exchanged(classes) == []
    assert exchanged(classes, "flip_vertical") == [] or kind == "words"


def test_the_sample_is_small_and_of_each_class():
    labels = torch.arange(7).repeat(3000)
    counts = torch.bincount(labels[sample_for_mirror_test(labels)])
    assert set(counts.tolist()) == {400 // 7}
    few = torch.tensor([0] * 500 + [1] * 20 + [2] * (FEWEST - 1))
    assert torch.bincount(few[sample_for_mirror_test(few)]).tolist() == [60, 20]
    assert len(sample_for_mirror_test(torch.zeros(50, dtype=torch.int64))) == 0
    assert len(sample_for_mirror_test(torch.arange(MOST_CLASSES + 1).repeat(20))) == 0
