"""Test-time augmentation: several views of each image, and one prediction merged from those of all.

`views = flipped(view)`, then `merge_predictions` of what is predicted of whole images, or `merge_maps` of dense maps, which go
back to the image through the inverse of the view that each was made by.
Source: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
section 4.1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from striate.views.view import View

__all__ = ["flipped", "input_views", "merge_maps", "merge_predictions", "scaled"]


def input_views(tta: str, size: tuple[int, int]) -> list[View]:
    """The views of a network's input of (height, width) that are merged: with "flip" itself and its mirror image, else itself."""
    frame = View(torch.eye(3)[None], torch.eye(2)[None], size)
    return flipped(frame) if tta == "flip" else [frame]


def flipped(view: View) -> list[View]:
    """The view and its mirror image."""
    mirror = torch.tensor([[[-1.0, 0.0, view.size[1]], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    return [view, view.then(mirror.to(view.geometry.device))]


def scaled(view: View, factors: Sequence[float]) -> list[View]:
    """What the view shows, enlarged about its center by each factor, in the same frame."""
    center = torch.tensor([view.size[1] / 2, view.size[0] / 2])
    zooms = (torch.diag(torch.tensor([factor, factor, 1.0])) for factor in factors)
    views = []
    for zoom, factor in zip(zooms, factors, strict=True):
        zoom[:2, 2] = (1 - factor) * center
        views.append(view.then(zoom[None].to(view.geometry.device)))
    return views


def merge_predictions(predictions: Sequence[Tensor]) -> Tensor:
    """The mean over the views of probabilities or numbers: each B K, or B ... -> the same."""
    return torch.stack(list(predictions)).mean(0)


def merge_maps(views: Sequence[View], maps: Sequence[Tensor], image_size: tuple[int, int]) -> Tensor:
    """Each view's map B C h w -> B C H W on images of (height, width): the mean over those that show a pixel, else 0."""
    total, count = torch.zeros(()), torch.zeros(())
    for view, one in zip(views, maps, strict=True):
        total = total.to(one.device) + view.inverse_image(one, image_size)
        count = count.to(one.device) + view.inverse_image(torch.ones_like(one[:, :1]), image_size)
    return total / count.clamp(min=1e-3)
