"""Test-time augmentation: each map returns by its own inverse, so an equivariant network is merged without a trace."""

import torch
from torch import Tensor

from striate.views import Normalization, evaluation_view, flipped, merge_maps, merge_predictions, scaled

GRAY = Normalization((0.0,), (1.0,))


def smooth() -> Tensor:
    x = torch.linspace(0, 4, 40)
    return (x.sin() * x.cos()[:, None] * 0.4 + 0.5)[None, None].repeat(2, 1, 1, 1)


def test_maps_of_flipped_views_return_to_the_bit():
    """A pointwise network predicts the same for a pixel in every view."""
    image = torch.rand(2, 1, 40, 40)
    views = flipped(evaluation_view(2, image_size=(40, 40), size=(32, 32), normalization=GRAY))
    maps = [view.resample(image) ** 2 for view in views]
    assert not torch.equal(*maps)
    merged = merge_maps(views, maps, (40, 40))
    assert torch.equal(merged[..., 4:-4, 4:-4], (image**2)[..., 4:-4, 4:-4])
    merged[..., 4:-4, 4:-4] = 0
    assert merged.count_nonzero() == 0


def test_maps_of_scaled_views_return():
    image = smooth()
    views = scaled(evaluation_view(2, image_size=(40, 40), size=(40, 40), normalization=GRAY), (1.0, 1.25, 2.0))
    merged = merge_maps(views, [view.resample(image) for view in views], (40, 40))
    assert (merged - image).abs().max() < 0.01
    ones = merge_maps(views, [torch.ones(2, 1, 40, 40)] * 3, (40, 40))
    assert torch.allclose(ones, torch.ones(()), atol=1e-3)


def test_a_mirrored_image_gives_a_mirrored_prediction():
    """Whatever the network: with both views merged, the mirrored image's map is the mirrored map."""
    torch.manual_seed(0)
    weight = torch.rand(3, 1, 5, 5)
    image = torch.rand(2, 1, 32, 32)
    views = flipped(evaluation_view(2, image_size=(32, 32), size=(32, 32), normalization=GRAY))

    def answer(images: Tensor) -> Tensor:
        maps = [torch.nn.functional.conv2d(view.image(images), weight, padding=2) for view in views]
        return merge_maps(views, maps, (32, 32))

    assert torch.allclose(answer(image.flip(3)), answer(image).flip(3), atol=1e-5)


def test_probabilities_stay_probabilities():
    views = [torch.rand(4, 5).softmax(1) for _ in range(3)]
    merged = merge_predictions(views)
    assert torch.allclose(merged.sum(1), torch.ones(4))
    assert torch.equal(merge_predictions(views[:1]), views[0])
