"""A run knows its images by what they are, under any name and in any format, and takes no other image for one of them."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image, ImageDraw

from striate.data import Canvas, ClassTargets, LabeledImages, Limits, Splits, TensorImages, decode_image
from striate.data.signatures import copy_threshold, nearest, thumbnail_signatures, within
from striate.errors import DataError
from striate.runs import RunFolder, read_known_images, split_rows
from striate.sources import open_source

CANVAS = Canvas(32, 32, 3)
NOISE = np.random.default_rng(5).integers(0, 256, (12, 32, 32, 3), np.uint8)


def images(images: npt.NDArray[np.uint8], prefix: str) -> LabeledImages:
    ids = tuple(f"{prefix}{n}.png" for n in range(len(images)))
    return LabeledImages(
        TensorImages(torch.from_numpy(images)), ClassTargets(np.zeros(len(images), np.int64)), ids, ("a",)
    )


def few() -> Splits:
    return Splits(images(NOISE[:6], "tr"), images(NOISE[6:8], "va"), images(NOISE[8:10], "te"))


def written(path: Path, contents: dict[str, str], splits: Splits | None = None) -> RunFolder:
    folder = RunFolder.create(path)
    folder.write_splits(split_rows(splits or few(), contents))
    return folder


def test_pixels_are_known_under_any_name_and_new_ones_are_unseen(tmp_path):
    known = read_known_images(written(tmp_path / "run", {}).splits_path)
    order = [11, 9, 0, 7, 3, 10, 0]
    asked = images(NOISE[order], "other")
    assert known.known_as(asked, dict) == ["unseen", "test", "train", "val", "train", "unseen", "train"]


def test_files_are_known_by_their_bytes_where_pixels_were_rounded_differently(tmp_path):
    contents = {"tr0.png": "0" * 64, "te1.png": "e" * 64}
    known = read_known_images(written(tmp_path / "run", contents).splits_path)
    others = images(255 - NOISE[:3], "x")
    new = {"x0.png": "e" * 64, "x1.png": "0" * 64, "x2.png": "f" * 64}
    assert known.known_as(others, lambda: new) == ["test", "train", "unseen"]


def test_files_are_not_read_again_where_pixels_tell_all(tmp_path):
    known = read_known_images(written(tmp_path / "run", {"tr0.png": "0" * 64}).splits_path)

    def read() -> dict[str, str]:
        pytest.fail("the files were read")

    assert known.known_as(images(NOISE[:10], "x"), read) == ["train"] * 6 + ["val"] * 2 + ["test"] * 2


def test_what_is_in_two_splits_was_trained_on(tmp_path):
    same, other = images(NOISE[:1], "x"), images(NOISE[1:2], "y")
    for name, both, split in (
        ("one", Splits(same, None, same), "train"),
        ("two", Splits(other, same, same), "val"),
    ):
        assert read_known_images(written(tmp_path / name, {}, both).splits_path).known_as(same, dict) == [split]


def test_images_of_one_color_are_all_the_same_one(tmp_path):
    blank = np.full((2, 32, 32, 3), 7, np.uint8)
    run = written(tmp_path / "run", {}, Splits(images(blank[:1], "a"), None, None))
    known = read_known_images(run.splits_path)
    assert known.known_as(images(np.concatenate([blank, blank + 1]), "b"), dict) == ["train"] * 2 + ["unseen"] * 2


def test_a_file_without_hashes_and_a_changed_file_are_refused(tmp_path):
    folder = written(tmp_path / "run", {"tr0.png": "0" * 64})
    lines = folder.splits_path.read_text().splitlines()
    (tmp_path / "cut.csv").write_text("\n".join(",".join(line.split(",")[:2]) for line in lines))
    with pytest.raises(DataError, match=r"cut.csv: lacks columns that the run wrote"):
        read_known_images(tmp_path / "cut.csv")
    for change in (lines[2].split(",")[2], "tr1.png,train"):
        (tmp_path / "changed.csv").write_text("\n".join([*lines[:2], lines[2].replace(change, "1.2E+15"), *lines[3:]]))
        with pytest.raises(DataError, match=r"changed.csv: line 3 is not as the run wrote it"):
            read_known_images(tmp_path / "changed.csv")


def photographs(count: int, scene) -> list[Image.Image]:
    return [scene(150, 150, seed) for seed in range(count)]


def decoded(photos: list[Image.Image], kind: str, size: int = 150, **how: int) -> npt.NDArray[np.uint8]:
    found = []
    for photo in photos:
        content = io.BytesIO()
        photo.resize((size, size)).save(content, kind, **how)
        found.append(decode_image(content.getvalue(), CANVAS, Limits()))
    return np.stack(found)


@pytest.mark.parametrize(
    ("kind", "size", "how"),
    [("PNG", 150, {}), ("JPEG", 150, {"quality": 50}), ("JPEG", 90, {"quality": 85}), ("PNG", 32, {})],
)
def test_copies_that_were_saved_anew_are_known_by_their_look_and_other_images_are_not(kind, size, how, scene):
    photos = photographs(40, scene)
    trained = decoded(photos[:20], "JPEG", quality=90)
    copies, others = decoded(photos[:20], kind, size, **how), decoded(photos[20:], kind, size, **how)
    assert size == 32 or (copies != trained).any((1, 2, 3)).all()  # a fingerprint would know none of them
    contents = {f"a{n}.png": "0" * 64 for n in range(20)}
    rows = split_rows(Splits(images(trained[:15], "a"), None, images(trained[15:], "b")), contents)
    assert all(len(row["signature"]) == 128 for row in rows)
    held_out = thumbnail_signatures(torch.from_numpy(trained[15:]))
    near = copy_threshold(thumbnail_signatures(torch.from_numpy(trained[:15])), held_out)
    at, apart = nearest(thumbnail_signatures(torch.from_numpy(copies)), thumbnail_signatures(torch.from_numpy(trained)))
    assert at.tolist() == list(range(20))
    assert (apart < near).all()
    assert (
        nearest(thumbnail_signatures(torch.from_numpy(others)), thumbnail_signatures(torch.from_numpy(trained)))[1]
        > near
    ).all()


def test_images_by_a_camera_that_never_moves_are_not_taken_for_copies(scene):
    """A new image differs from those of the training in a few pixels, as they differ from one another."""
    rng = np.random.default_rng(0)
    view = np.asarray(scene(32, 32)).astype(float)
    images = np.clip(view + rng.normal(0, 3, (90, 32, 32, 3)), 0, 255).astype(np.uint8)
    for image in images:
        y, x = rng.integers(0, 28, 2)
        image[y : y + 4, x : x + 4] = 255
    signatures = thumbnail_signatures(torch.from_numpy(images))
    for others in (signatures[40:50], signatures[:0]):
        assert (nearest(signatures[50:], signatures[:40])[1] >= copy_threshold(signatures[:40], others)).all()


@pytest.mark.parametrize("difference", [0, 1])
def test_what_resembles_an_image_of_train_and_one_of_test_was_trained_on(difference, scene, tmp_path):
    """Their signatures are equal, or the one of train is a level farther: in doubt it is not measured unasked."""
    photos = decoded(photographs(12, scene), "PNG")
    copy = photos[:1].copy()
    copy[0, 0, 0] += 1  # other pixels, the same look
    farther = photos[:1].clip(1) - difference
    train, test = np.concatenate([farther, photos[1:7]]), np.concatenate([photos[:1], photos[7:10]])
    folder = RunFolder.create(tmp_path / "run")
    folder.write_splits(split_rows(Splits(images(train, "a"), None, images(test, "b")), {}))
    known = read_known_images(folder.splits_path)
    asked = np.concatenate([copy, photos[8:9], photos[11:]])
    assert known.known_as(images(asked, "x"), dict) == ["train", "test", "unseen"]


def smooth(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Signatures of all kinds: some bright, some of little contrast, some flat."""
    draw = np.random.default_rng(seed)
    coarse = torch.from_numpy(draw.normal(0, 1, (count, 1, 3, 3)))
    fine = torch.nn.functional.interpolate(coarse, size=(8, 8), mode="bicubic").flatten(1).numpy()
    return (fine * draw.uniform(1, 60, (count, 1)) + draw.normal(128, 40, (count, 1))).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("any_light", [False, True])
@pytest.mark.parametrize("near", [0.0, 0.03, 0.12, 0.5])
def test_what_is_near_is_found_as_if_all_were_compared(any_light, near):
    known = smooth(700, 1)
    again = np.clip(known[:60].astype(int) + np.random.default_rng(3).integers(-6, 7, (60, 64)), 0, 255)
    mirrored = known[60:80].reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64)
    new = np.concatenate([smooth(300, 2), again.astype(np.uint8), mirrored])
    one, other = (own_signatures.astype(float).reshape(-1, 8, 8) for own_signatures in (new, known))
    shows, also = one.std((1, 2)) >= 4, other.std((1, 2)) >= 4
    scale = np.sqrt(one.std((1, 2))[:, None] * other.std((1, 2)))
    if any_light:
        one, other = ((x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True).clip(1) for x in (one, other))
        scale = np.ones_like(scale)
    pairs = [np.sqrt(((x[:, None] - other) ** 2).mean((2, 3))) for x in (one, one[:, :, ::-1])]
    apart = np.where(shows[:, None] & also, np.minimum(*pairs) / np.maximum(scale, 1e-9), np.inf).min(1)
    clear = np.abs(apart - near) > 1e-3  # but for what rounding decides
    assert clear.mean() > 0.9
    found = within(new, known, near, any_light=any_light)
    assert (found == (apart < near))[clear].all()
    assert np.allclose(nearest(new, known, any_light=any_light)[1][clear], apart[clear], atol=2e-3)
    assert not near or 10 <= found.sum() < len(new)


def changed(photo: Image.Image, how: str) -> Image.Image:
    return {
        "gray": lambda: photo.convert("L"),
        "mirrored": lambda: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "darker": lambda: photo.point(lambda level: level * 0.6),
        "flatter": lambda: photo.point(lambda level: 100 + level * 0.4),
        "gray, mirrored and darker": lambda: changed(changed(photo.convert("L"), "mirrored"), "darker"),
    }[how]()


@pytest.mark.parametrize("how", ["gray", "mirrored", "darker", "flatter", "gray, mirrored and darker"])
@pytest.mark.parametrize("of_files", [True, False])
def test_copies_that_are_gray_mirrored_or_of_another_brightness_are_known_and_other_images_are_not(
    how, of_files, scene, tmp_path
):
    photos = photographs(40, scene)
    train, test = (images(decoded(some, "PNG"), name) for some, name in ((photos[:15], "a"), (photos[15:20], "b")))
    folder = RunFolder.create(tmp_path / "run")
    folder.write_splits(split_rows(Splits(train, None, test), {f"a{n}.png": "0" * 64 for n in range(15 * of_files)}))
    known = read_known_images(folder.splits_path)
    found = known.known_as(images(decoded([changed(photo, how) for photo in photos], "JPEG", quality=85), "x"), dict)
    assert found == ["train"] * 15 + ["test"] * 5 + ["unseen"] * 20


def test_signatures_are_gray_as_decoding_makes_it(scene):
    """Luma, not the mean of red, green and blue; what lies behind transparent pixels is white."""
    colors = np.zeros((1, 32, 32, 4), np.uint8)
    colors[0, :, :, 3] = 255
    colors[0, :16, :, 0], colors[0, 16:, :, 2], colors[0, :, 16:, 3] = 255, 255, 0
    for image in (Image.fromarray(colors[0], "RGBA"), scene(32, 32)):
        gray = decode_image(png(image), Canvas(32, 32, 1), Limits())
        color = decode_image(png(image), Canvas(32, 32, 4), Limits())
        one, other = (thumbnail_signatures(torch.from_numpy(pixels)[None]).astype(int) for pixels in (gray, color))
        assert np.abs(one - other).max() <= 1


def png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize("any_light", [False, True])
def test_other_digits_are_not_taken_for_copies(any_light):
    """The test images of MNIST beside those of the training: all are strokes in the middle."""
    source = open_source("mnist")
    train, test = (source.splits[name].store.preloaded(source.native()) for name in ("train", "test"))
    assert train is not None
    assert test is not None
    trained, held_out, new = (
        thumbnail_signatures(torch.from_numpy(pixels)) for pixels in (train[:3000], train[3000:3500], test[:1500])
    )
    _, apart = nearest(new, np.concatenate([trained, held_out]), any_light=any_light)
    assert (apart >= copy_threshold(trained, held_out, any_light=any_light)).all()


def drawings(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Discs at one place, of two sizes, in other gray levels each: nearly the same without brightness and contrast."""
    rng = np.random.default_rng(seed)
    far = np.hypot(*(np.mgrid[:32, :32] - 15.5))
    images = [np.where(far < 6 + 3 * (n % 2), *rng.integers((150, 0), (256, 100))) for n in range(count)]
    return np.clip(np.stack(images) + rng.normal(0, 3, (count, 32, 32)), 0, 255).astype(np.uint8)[..., None]


@pytest.mark.parametrize("count", [20, 200])
def test_simple_drawings_in_other_gray_levels_are_not_taken_for_copies(count):
    trained, held_out, new = (
        thumbnail_signatures(torch.from_numpy(drawings(n, seed))) for n, seed in ((count, 1), (count // 5, 2), (300, 3))
    )
    for others in (held_out, held_out[:0]):
        _, apart = nearest(new, np.concatenate([trained, others]), any_light=True)
        taken = apart < copy_threshold(trained, others, any_light=True)
        assert taken.mean() < 0.01


def arrows(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Arrows anywhere, in other gray levels each: they differ in two ways, if it were not for brightness and contrast."""
    draw, images = np.random.default_rng(seed), []
    for _ in range(count):
        page = Image.new("L", (48, 48), int(draw.integers(0, 100)))
        x, y = draw.uniform(8, 40, 2)
        tips = [(x + 4, y - 8), (x - 4, y), (x + 4, y + 8)]
        ImageDraw.Draw(page).line(tips, fill=int(draw.integers(150, 256)), width=3)
        images.append(np.asarray(page) + draw.normal(0, 3, (48, 48)))
    return np.clip(np.stack(images), 0, 255).astype(np.uint8)[..., None]


def test_few_drawings_that_others_come_near_to_by_chance_are_not_known_in_any_light():
    trained, held_out, new = (
        thumbnail_signatures(torch.from_numpy(arrows(n, seed))) for n, seed in ((40, 1), (8, 2), (500, 3))
    )
    assert (nearest(new, trained, any_light=True)[1] >= copy_threshold(trained, held_out, any_light=True)).all()


def test_copies_stay_known_although_the_images_are_alike_in_any_light(scene, tmp_path):
    """One view under many lights: each is near to all others in any light, and to its own copy in its own."""
    view = np.asarray(scene(150, 150), dtype=float)
    lights = [Image.fromarray((16 * n + view * (1 - n / 24)).clip(0, 255).astype(np.uint8)) for n in range(12)]
    trained, held_out = (images(decoded(some, "PNG"), name) for some, name in ((lights[:9], "a"), (lights[9:], "b")))
    folder = RunFolder.create(tmp_path / "run")
    folder.write_splits(split_rows(Splits(trained, None, held_out), {}))
    known = read_known_images(folder.splits_path)
    found = known.known_as(images(decoded(lights, "JPEG", quality=60), "x"), dict)
    assert found == ["train"] * 9 + ["test"] * 3


def test_flat_images_have_no_look():
    dim = thumbnail_signatures(torch.from_numpy(np.random.default_rng(0).integers(0, 2, (3, 32, 32, 1), np.uint8)))
    assert np.isinf(nearest(dim, dim)[1]).all()
    assert len(nearest(dim, dim[:0])[0]) == 3


def test_16_bits_look_as_8_do():
    images = torch.from_numpy(NOISE)
    wide = thumbnail_signatures((images.int() * 257).to(torch.uint16))
    assert np.abs(thumbnail_signatures(images).astype(int) - wide).max() <= 1  # a half may be rounded either way
