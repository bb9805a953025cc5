"""Several looks: each map goes home by its own inverse, so a network that follows its input is merged without a trace."""

import torch
from torch import Tensor

from striate.views import Normalization, evaluation_view, five_crops, merge_maps, merge_probabilities, mirrored, scaled

GRAY = Normalization((0.0,), (1.0,))


def smooth() -> Tensor:
    x = torch.linspace(0, 4, 40)
    return (x.sin() * x.cos()[:, None] * 0.4 + 0.5)[None, None].repeat(2, 1, 1, 1)


def test_mirrored_maps_come_home_to_the_bit():
    """A pointwise network says the same of a pixel wherever it is seen."""
    image = torch.rand(2, 1, 40, 40)
    looks = mirrored(evaluation_view(2, image_size=(40, 40), size=(32, 32), normalization=GRAY))
    maps = [look.resample(image) ** 2 for look in looks]
    assert not torch.equal(*maps)
    merged = merge_maps(looks, maps, (40, 40))
    assert torch.equal(merged[..., 4:-4, 4:-4], (image**2)[..., 4:-4, 4:-4])
    merged[..., 4:-4, 4:-4] = 0
    assert merged.count_nonzero() == 0


def test_crops_cover_the_image_and_each_pixel_is_a_mean():
    image = torch.rand(2, 1, 40, 40)
    looks = five_crops(evaluation_view(2, image_size=(40, 40), size=(40, 40), normalization=GRAY), (24, 26))
    seen = [look.resample(image) for look in looks]
    assert torch.equal(seen[0], image[..., 8:32, 7:33])
    assert torch.equal(seen[4], image[..., 16:, 14:])
    assert torch.allclose(merge_maps(looks, seen, (40, 40)), image, atol=1e-6)
    answers = [torch.full((2, 3, 24, 26), float(number)) for number in range(5)]
    merged = merge_maps(looks, answers, (40, 40))
    assert merged[0, 0, 0, 0] == 1
    assert merged[0, 0, -1, -1] == 4
    assert torch.allclose(merged[0, 0, 20, 20], torch.tensor(2.0))  # seen by all


def test_scaled_maps_come_home():
    image = smooth()
    looks = scaled(evaluation_view(2, image_size=(40, 40), size=(40, 40), normalization=GRAY), (1.0, 1.25, 2.0))
    merged = merge_maps(looks, [look.resample(image) for look in looks], (40, 40))
    assert (merged - image).abs().max() < 0.01
    ones = merge_maps(looks, [torch.ones(2, 1, 40, 40)] * 3, (40, 40))
    assert torch.allclose(ones, torch.ones(()), atol=1e-3)


def test_a_mirrored_image_gives_a_mirrored_answer():
    """Whatever the network: with both looks merged, the mirrored image's map is the mirrored map."""
    torch.manual_seed(0)
    weight = torch.rand(3, 1, 5, 5)
    image = torch.rand(2, 1, 32, 32)
    looks = mirrored(evaluation_view(2, image_size=(32, 32), size=(32, 32), normalization=GRAY))

    def answer(images: Tensor) -> Tensor:
        maps = [torch.nn.functional.conv2d(look.image(images), weight, padding=2) for look in looks]
        return merge_maps(looks, maps, (32, 32))

    assert torch.allclose(answer(image.flip(3)), answer(image).flip(3), atol=1e-5)


def test_probabilities_stay_probabilities():
    looks = [torch.rand(4, 5).softmax(1) for _ in range(3)]
    merged = merge_probabilities(looks)
    assert torch.allclose(merged.sum(1), torch.ones(4))
    assert torch.equal(merge_probabilities(looks[:1]), looks[0])
