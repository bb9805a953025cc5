"""Views against torchvision's functional transforms, where both define the same thing."""

import math

import pytest
import torch
from torch import Tensor

from striate.views import Normalization, View, evaluation_view, image_means
from striate.views.color import color_jitter
from striate.views.geometry import compose
from striate.views.settings import Border

pytestmark = pytest.mark.oracle
functional = pytest.importorskip("torchvision.transforms.v2.functional")

SAME_COLOR = torch.eye(4)[None]


def smooth(height: int, width: int, seed: int = 0) -> Tensor:
    """2 3 H W in 0.3..0.5, so that torchvision clamps nothing."""
    coarse = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(seed))
    return 0.3 + 0.2 * torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)


def about_center(a: float, b: float, c: float, d: float, shift: tuple[float, float], side: tuple[int, int]) -> Tensor:
    """1 3 3 with the linear part (a b; c d) about the center of an image of (height, width)."""
    x, y = side[1] / 2, side[0] / 2
    return torch.tensor([[[a, b, x - a * x - b * y + shift[0]], [c, d, y - c * x - d * y + shift[1]], [0.0, 0.0, 1.0]]])


@pytest.mark.parametrize("side", [(32, 32), (40, 57)])
@pytest.mark.parametrize(
    ("degrees", "zoom", "shear", "shift"),
    [
        (0, 1.1, 0, (0, 0)),
        (10, 1, 0, (0, 0)),
        (-33, 0.9, 0, (3, -5)),
        (90, 1, 0, (0, 0)),
        (12, 1.2, 8, (2, 1)),
        (0, 1, 20, (0, 0)),
    ],
)
def test_affine(side: tuple[int, int], degrees: float, zoom: float, shear: float, shift: tuple[float, float]):
    images = smooth(*side)
    expected = functional.affine(
        images,
        angle=degrees,
        translate=list(shift),
        scale=zoom,
        shear=[shear, 0.0],
        interpolation=functional.InterpolationMode.BILINEAR,
    )
    cos, sin = zoom * math.cos(math.radians(degrees)), zoom * math.sin(math.radians(degrees))
    slant = -math.tan(math.radians(shear))
    geometry = about_center(cos, cos * slant - sin, sin, sin * slant + cos, shift, side)
    result = View(geometry, SAME_COLOR, side).resample(images)
    assert torch.allclose(result, expected, atol=2e-4)


@pytest.mark.parametrize("degrees", [5, 45, 90, 170, -20])
def test_rotate(degrees: float):
    images = smooth(30, 44)
    expected = functional.rotate(images, degrees, interpolation=functional.InterpolationMode.BILINEAR)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    result = View(about_center(cos, sin, -sin, cos, (0, 0), (30, 44)), SAME_COLOR, (30, 44)).resample(images)
    assert torch.allclose(result, expected, atol=2e-4)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("size", [(40, 40), (56, 48), (80, 80)])
def test_resized_crop_that_enlarges(size: tuple[int, int], antialias: bool):
    """Inside: at its rim torchvision cuts first and knows nothing of the pixels next to the crop."""
    images = smooth(64, 70)
    top, left, height, width = 7, 11, 40, 40
    expected = functional.resized_crop(images, top, left, height, width, list(size), antialias=antialias)
    x, y = size[1] / width, size[0] / height
    geometry = torch.tensor([[[x, 0.0, -left * x], [0.0, y, -top * y], [0.0, 0.0, 1.0]]])
    result = View(geometry, SAME_COLOR, size).resample(images)
    assert torch.allclose(result[:, :, 2:-2, 2:-2], expected[:, :, 2:-2, 2:-2], atol=2e-4)
    whole = functional.resize(images, [2 * 64, 2 * 70], antialias=antialias)
    double = View(torch.diag(torch.tensor([2.0, 2.0, 1.0]))[None], SAME_COLOR, (128, 140)).resample(images)
    assert torch.allclose(double, whole, atol=2e-4)  # of the whole image, up to the rim


def test_resized_crop_that_shrinks():
    """By 3 and a half: nearer to the antialiased answer than a plain one by far."""
    images = smooth(224, 224) + 0.2 * torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    geometry = torch.diag(torch.tensor([64 / 224, 64 / 224, 1.0]))[None]
    result = View(geometry, SAME_COLOR, (64, 64)).resample(images)
    best = functional.resized_crop(images, 0, 0, 224, 224, [64, 64], antialias=True)
    plain = functional.resized_crop(images, 0, 0, 224, 224, [64, 64], antialias=False)
    assert (result - best).square().mean() < (plain - best).square().mean() / 4


def test_flips_and_crops():
    images = torch.randint(0, 256, (2, 3, 20, 30), dtype=torch.uint8)
    mirror = torch.tensor([[[-1.0, 0, 30], [0, 1, 0], [0, 0, 1]]])
    assert torch.equal(View(mirror, SAME_COLOR, (20, 30)).resample(images), functional.horizontal_flip(images))
    flip = torch.tensor([[[1.0, 0, 0], [0, -1, 20], [0, 0, 1]]])
    assert torch.equal(View(flip, SAME_COLOR, (20, 30)).resample(images), functional.vertical_flip(images))
    crop = torch.tensor([[[1.0, 0, 4], [0, 1, -3], [0, 0, 1]]])
    assert torch.equal(View(crop, SAME_COLOR, (24, 24)).resample(images), functional.crop(images, 3, -4, 24, 24))
    center = evaluation_view(2, image_size=(20, 30), size=(16, 12), normalization=Normalization((0.5,) * 3, (0.5,) * 3))
    assert torch.equal(center.resample(images), functional.center_crop(images, [16, 12]))


def test_normalize():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    images = torch.randint(0, 256, (2, 3, 20, 30), dtype=torch.uint8)
    expected = functional.normalize(functional.to_dtype(images, torch.float32, scale=True), list(mean), list(std))
    view = evaluation_view(2, image_size=(20, 30), size=(20, 30), normalization=Normalization(mean, std))
    assert torch.allclose(view.image(images), expected, atol=2e-6)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.3])
def test_brightness_contrast_saturation(factor: float):
    """torchvision's luma is rounded (0.2989, 0.587, 0.114: they sum to 0.9999), hence the tolerance of the last two."""
    images = smooth(20, 30)
    same, changed = torch.ones(2), torch.full((2,), factor)
    means = image_means(images)
    for name, factors, tolerance in (
        ("brightness", (changed, same, same), 1e-5),
        ("contrast", (same, changed, same), 1e-4),
        ("saturation", (same, same, changed), 1e-4),
    ):
        view = View(torch.eye(3)[None], color_jitter(*factors, means, 3), (20, 30))
        expected = getattr(functional, f"adjust_{name}")(images, factor)
        assert torch.allclose(view.image(images), expected, atol=tolerance), name
    composed = color_jitter(changed, changed, changed, means, 3)
    expected = functional.adjust_saturation(
        functional.adjust_contrast(functional.adjust_brightness(images, factor), factor), factor
    )
    assert torch.allclose(View(torch.eye(3)[None], composed, (20, 30)).image(images), expected, atol=3e-4)


def test_composition_is_one_warp_of_the_sequence():
    """Turned by torchvision and then cropped by it, against one matrix of both."""
    images = smooth(60, 60)
    turned = functional.rotate(images, -10, interpolation=functional.InterpolationMode.BILINEAR)
    expected = functional.crop(turned, 10, 8, 40, 44)
    cos, sin = math.cos(math.radians(10)), math.sin(math.radians(10))
    crop = torch.tensor([[[1.0, 0, -8], [0, 1, -10], [0, 0, 1]]])
    geometry = compose(crop, about_center(cos, -sin, sin, cos, (0, 0), (60, 60)))
    assert torch.allclose(View(geometry, SAME_COLOR, (40, 44)).resample(images), expected, atol=2e-4)


BILINEAR, NEAREST = functional.InterpolationMode.BILINEAR, functional.InterpolationMode.NEAREST


def crop_geometry(top: int, left: int, height: int, width: int, size: tuple[int, int], mirror: bool = False) -> Tensor:
    """1 3 3: a box fills the frame, or its mirror image does."""
    x, y = size[1] / width, size[0] / height
    row = [-x, 0.0, size[1] + left * x] if mirror else [x, 0.0, -left * x]
    return torch.tensor([[row, [0.0, y, -top * y], [0.0, 0.0, 1.0]]])


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("size", [(40, 40), (24, 30), (80, 70)])
@pytest.mark.parametrize("box", [(7, 11, 40, 40), (0, 0, 64, 70), (30, 2, 21, 57)])
def test_resized_crop_to_the_bit(box: tuple[int, int, int, int], size: tuple[int, int], mirror: bool):
    top, left, height, width = box
    view = View(crop_geometry(*box, size, mirror).repeat(2, 1, 1), SAME_COLOR, size)
    pixels = torch.randint(0, 256, (2, 64, 70, 3), dtype=torch.uint8)
    for images in (pixels.permute(0, 3, 1, 2), pixels.permute(0, 3, 1, 2) / 255):
        expected = functional.resized_crop(images, top, left, height, width, list(size), antialias=True)
        expected = functional.horizontal_flip(expected) if mirror else expected
        result = view.resample(images)
        assert result.dtype == images.dtype
        if images.dtype == torch.uint8:
            assert torch.equal(result, expected)
        assert torch.allclose(result.float(), expected.float(), atol=1e-6)
    mask = torch.randint(0, 9, (2, 64, 70), dtype=torch.uint8)
    exact = functional.InterpolationMode.NEAREST_EXACT
    expected = functional.resized_crop(mask[:, None], top, left, height, width, list(size), interpolation=exact)[:, 0]
    expected = functional.horizontal_flip(expected) if mirror else expected
    # where a pixel's center falls between two pixels of the crop, a mirror takes the other one
    x, y = (torch.arange(size[1]) + 0.5) * width / size[1], (torch.arange(size[0]) + 0.5) * height / size[0]
    x, y = ((along - along.round()).abs() > 1e-3 for along in (x.flip(0) if mirror else x, y))
    certain = y[:, None] & x
    assert certain.any()
    assert torch.equal(view.mask(mask)[:, certain], expected[:, certain].long())


def test_boxes_and_keypoints_of_resized_crops():
    from torchvision import tv_tensors

    size, box = (30, 50), (7, 11, 40, 44)
    things = torch.tensor([[15.0, 10, 40, 30], [12, 8, 20, 47], [30, 20, 54, 46]])
    view = View(crop_geometry(*box, size, mirror=True), SAME_COLOR, size)
    boxes = tv_tensors.BoundingBoxes(things, format="XYXY", canvas_size=(64, 70))
    expected = functional.horizontal_flip(functional.resized_crop(boxes, *box, list(size)))
    assert torch.allclose(view.boxes(things[None]).boxes[0], expected.as_subclass(Tensor), atol=1e-4)
    points = tv_tensors.KeyPoints(things[:, :2], canvas_size=(64, 70))
    cropped = functional.resized_crop(points, *box, list(size)).as_subclass(Tensor)
    straight = View(crop_geometry(*box, size), SAME_COLOR, size)
    moved, _ = straight.keypoints(things[None, None, :, :2], torch.ones(1, 1, 3, dtype=torch.bool))
    assert torch.allclose(moved[0, 0], cropped, atol=1e-4)


@pytest.mark.parametrize(("degrees", "zoom", "shift"), [(10, 1.0, (0, 0)), (-33, 0.9, (3, -5)), (90, 1.1, (0, 2))])
def test_affine_of_masks_boxes_and_keypoints(degrees: float, zoom: float, shift: tuple[int, int]):
    from torchvision import tv_tensors

    side = (40, 57)
    cos, sin = zoom * math.cos(math.radians(degrees)), zoom * math.sin(math.radians(degrees))
    view = View(about_center(cos, -sin, sin, cos, shift, side), SAME_COLOR, side)
    settings = {"angle": degrees, "translate": list(shift), "scale": zoom, "shear": [0.0, 0.0]}
    mask = torch.randint(1, 9, (2, 40, 57), dtype=torch.uint8)
    expected = functional.affine(mask[:, None], **settings, interpolation=NEAREST)[:, 0].long()  # outside is 0
    assert (view.mask(mask, ignore=0) != expected).double().mean() < 0.002  # ties, rounded otherwise
    things = torch.tensor([[20.0, 15, 35, 22], [25, 10, 31, 30]])
    boxes = functional.affine(tv_tensors.BoundingBoxes(things, format="XYXY", canvas_size=side), **settings)
    assert torch.allclose(view.boxes(things[None]).boxes[0], boxes.as_subclass(Tensor), atol=1e-3)
    points = functional.affine(tv_tensors.KeyPoints(things[:, :2], canvas_size=side), **settings)
    assert torch.allclose(view.points(things[None, :, :2])[0], points.as_subclass(Tensor), atol=1e-3)


def test_perspective_of_images_masks_boxes_and_keypoints():
    from torchvision import tv_tensors

    from striate.views import from_corners

    side = (40, 57)
    start = torch.tensor([[0, 0], [57, 0], [57, 40], [0, 40]])
    pull = torch.tensor([[6, 4], [-9, 2], [-3, -7], [5, -1]])
    corners = {"startpoints": start.tolist(), "endpoints": (start + pull).tolist()}
    view = View(from_corners(pull[None].float(), side), SAME_COLOR, side)
    images = smooth(*side)
    expected = functional.perspective(images, **corners, interpolation=BILINEAR)
    result = view.resample(images)
    rim = functional.perspective(torch.ones_like(images), **corners, interpolation=BILINEAR) < 0.999
    assert torch.allclose(result[~rim], expected[~rim], atol=3e-4)
    assert torch.allclose(result, expected, atol=0.3)
    mask = torch.randint(1, 9, (2, *side), dtype=torch.uint8)
    picked = functional.perspective(mask[:, None], **corners, interpolation=NEAREST)[:, 0].long()
    assert (view.mask(mask, ignore=0) != picked).double().mean() < 0.005
    things = torch.tensor([[20.0, 15, 35, 22], [25, 10, 31, 30]])
    boxes = functional.perspective(tv_tensors.BoundingBoxes(things, format="XYXY", canvas_size=side), **corners)
    assert torch.allclose(view.boxes(things[None]).boxes[0], boxes.as_subclass(Tensor), atol=2e-2)
    points = functional.perspective(tv_tensors.KeyPoints(things[:, :2], canvas_size=side), **corners)
    assert torch.allclose(view.points(things[None, :, :2])[0], points.as_subclass(Tensor), atol=2e-2)


def test_elastic_of_images_and_masks():
    """torchvision's displacement is one for each pixel, in halves of the image: a displacement as fine as the frame."""
    side = (40, 57)
    x, y = torch.arange(57) / 9, torch.arange(40)[:, None] / 8
    displacement = torch.stack([2 * (x.sin() + y.cos()), 1.5 * (y.sin() - x.cos())])[None]  # pixels
    theirs = (displacement * 2 / torch.tensor([57.0, 40]).view(1, 2, 1, 1)).permute(0, 2, 3, 1)
    view = View(torch.eye(3)[None], SAME_COLOR, side, displacement=displacement)
    images = smooth(*side)
    expected = functional.elastic(images, theirs, interpolation=BILINEAR)
    inside = functional.elastic(torch.ones_like(images), theirs, interpolation=BILINEAR) > 0.999
    assert torch.allclose(view.resample(images)[inside], expected[inside], atol=3e-4)
    mask = torch.randint(1, 9, (2, *side), dtype=torch.uint8)
    picked = functional.elastic(mask[:, None], theirs, interpolation=NEAREST)[:, 0].long()
    assert (view.mask(mask, ignore=0) != picked).double().mean() < 0.005


@pytest.mark.parametrize(("border", "mode"), [("nearest", "edge"), ("reflect", "symmetric")])
def test_borders_are_those_of_pad(border: Border, mode: str):
    images = torch.randint(0, 256, (2, 3, 20, 30), dtype=torch.uint8)
    geometry = torch.tensor([[[1.0, 0, 5], [0, 1, 4], [0, 0, 1]]])
    expected = functional.pad(images, [5, 4, 6, 7], padding_mode=mode)
    assert torch.equal(View(geometry, SAME_COLOR, (31, 41), border).resample(images), expected)
