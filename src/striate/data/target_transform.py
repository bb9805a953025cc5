"""Targets transformed with their images: masks, boxes and keypoints move by the same view."""

from dataclasses import replace

import numpy as np
import torch

from striate.data.decoding.resize import canvas_boxes
from striate.data.settings import FitMode
from striate.data.targets import IGNORE, Instances, Skeleton, Target
from striate.views import View

__all__ = ["canvas_view", "transform_target"]


def canvas_view(image: tuple[int, int], canvas: tuple[int, int], fit: FitMode = "cover") -> View:
    """How a canvas shows an image, heights and widths in pixels: what `Store.decode` does, as a View of one image."""
    (height, width), (rows, columns) = image, canvas
    (left, top, right, bottom), (x1, y1, x2, y2) = canvas_boxes(rows, columns, (0, 0, width, height), fit)
    across, down = (x2 - x1) / (right - left), (y2 - y1) / (bottom - top)
    geometry = torch.tensor([[[across, 0, x1 - across * left], [0, down, y1 - down * top], [0, 0, 1]]])
    return View(geometry, torch.eye(4)[None], canvas)


def transform_target(target: Target, view: View, skeleton: Skeleton | None) -> Target:
    """The target of the one image that `view` shows. Objects that mostly left the frame are dropped.

    The class of a pixel beyond the image is IGNORE; masks of objects end there. Classes and numbers stay as they are.
    """
    if isinstance(target, Instances):
        return _moved_objects(target, view, skeleton)
    if target.ndim == 2:
        return view.mask(torch.from_numpy(np.asarray(target))[None], IGNORE)[0].numpy()
    return target


def _moved_objects(objects: Instances, view: View, skeleton: Skeleton | None) -> Instances:
    height, width = view.size
    if len(objects) == 0:
        empty = None if objects.masks is None else np.zeros((0, height, width), np.bool_)
        return replace(objects, masks=empty)
    boxes = view.boxes(torch.from_numpy(objects.boxes)[None])
    kept = boxes.kept[0].numpy()
    masks, keypoints = objects.masks, objects.keypoints
    if masks is not None:
        masks = view.mask(torch.from_numpy(masks[kept]).byte(), 0).bool().numpy()
    if keypoints is not None:
        points, visible = torch.from_numpy(keypoints[kept])[None].split((2, 1), -1)  # 1 M P 2, 1 M P 1
        points, visible = view.keypoints(points, visible[..., 0], skeleton.pairs if skeleton else ())
        keypoints = torch.cat([points, visible[..., None]], -1)[0].numpy()
    return replace(
        objects,
        boxes=boxes.boxes[0].numpy()[kept],
        labels=objects.labels[kept],
        masks=masks,
        keypoints=keypoints,
    )
