"""Several looks: each map goes home by its own inverse, so a network that follows its input is merged without a trace."""

import torch
from torch import Tensor

from striate.views import Normalization, evaluation_view, five_crops, merge_maps, merge_probabilities, mirrored, scaled

GREY = Normalization((0.0,), (1.0,))


def smooth() -> Tensor:
    x = torch.linspace(0, 4, 40)
    return (x.sin() * x.cos()[:, None] * 0.4 + 0.5)[None, None].repeat(2, 1, 1, 1)


def test_mirrored_maps_come_home_to_the_bit():
    """A pointwise network says the same of a pixel wherever it is seen."""
    picture = torch.rand(2, 1, 40, 40)
    looks = mirrored(evaluation_view(2, picture=(40, 40), size=(32, 32), normalization=GREY))
    maps = [look.resample(picture) ** 2 for look in looks]
    assert not torch.equal(*maps)
    merged = merge_maps(looks, maps, (40, 40))
    assert torch.equal(merged[..., 4:-4, 4:-4], (picture**2)[..., 4:-4, 4:-4])
    merged[..., 4:-4, 4:-4] = 0
    assert merged.count_nonzero() == 0


def test_crops_cover_the_picture_and_each_pixel_is_a_mean():
    picture = torch.rand(2, 1, 40, 40)
    looks = five_crops(evaluation_view(2, picture=(40, 40), size=(40, 40), normalization=GREY), (24, 26))
    seen = [look.resample(picture) for look in looks]
    assert torch.equal(seen[0], picture[..., 8:32, 7:33])
    assert torch.equal(seen[4], picture[..., 16:, 14:])
    assert torch.allclose(merge_maps(looks, seen, (40, 40)), picture, atol=1e-6)
    answers = [torch.full((2, 3, 24, 26), float(number)) for number in range(5)]
    merged = merge_maps(looks, answers, (40, 40))
    assert merged[0, 0, 0, 0] == 1
    assert merged[0, 0, -1, -1] == 4
    assert torch.allclose(merged[0, 0, 20, 20], torch.tensor(2.0))  # seen by all


def test_scaled_maps_come_home():
    picture = smooth()
    looks = scaled(evaluation_view(2, picture=(40, 40), size=(40, 40), normalization=GREY), (1.0, 1.25, 2.0))
    merged = merge_maps(looks, [look.resample(picture) for look in looks], (40, 40))
    assert (merged - picture).abs().max() < 0.01
    ones = merge_maps(looks, [torch.ones(2, 1, 40, 40)] * 3, (40, 40))
    assert torch.allclose(ones, torch.ones(()), atol=1e-3)


def test_a_mirrored_picture_gives_a_mirrored_answer():
    """Whatever the network: with both looks merged, the mirrored picture's map is the mirrored map."""
    torch.manual_seed(0)
    weight = torch.rand(3, 1, 5, 5)
    picture = torch.rand(2, 1, 32, 32)
    looks = mirrored(evaluation_view(2, picture=(32, 32), size=(32, 32), normalization=GREY))

    def answer(pictures: Tensor) -> Tensor:
        maps = [torch.nn.functional.conv2d(look.image(pictures), weight, padding=2) for look in looks]
        return merge_maps(looks, maps, (32, 32))

    assert torch.allclose(answer(picture.flip(3)), answer(picture).flip(3), atol=1e-5)


def test_probabilities_stay_probabilities():
    looks = [torch.rand(4, 5).softmax(1) for _ in range(3)]
    merged = merge_probabilities(looks)
    assert torch.allclose(merged.sum(1), torch.ones(4))
    assert torch.equal(merge_probabilities(looks[:1]), looks[0])
