"""Which class a network finds at each pixel: of one image, and of all images of a split."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data import Batch, as_rgb
from striate.data.decoding.resize import Pixels
from striate.data.drawing.annotated_images import overlaid
from striate.data.mask_encoding import MaskEncoding
from striate.data.targets import IGNORE, Original, Target
from striate.number_format import percent
from striate.tasks.segment.boundary import boundary_f
from striate.tasks.segment.metrics import segmentation_metrics
from striate.tasks.segment.original_size import mask_at_original_size
from striate.tasks.segment.palette import encoded_png, mask_png
from striate.tasks.segment.pixel_counts import image_counts, predicted_masks
from striate.tasks.task import Prediction, Predictions

__all__ = ["MaskPrediction", "MaskPredictions"]

KEPT: Final = 48  # images with the worst predictions, whose masks are kept to be shown
LARGEST_DRAWN: Final = 512  # pixels of the longer side


@final
@dataclass(frozen=True, eq=False)
class MaskPrediction(Prediction):
    """The class of each pixel of the file, H W, as positions in the classes, and the share of the area of each class.

    Pixels that the network was not shown, at the ends that its canvas cut off, are -1. `encoding` is that of mask files.
    """

    path: str
    prediction: npt.NDArray[np.int16] | None
    area: dict[str, float]
    error: str | None = None
    encoding: MaskEncoding | None = None
    confidence: None = None
    probabilities: dict[str, float] = field(default_factory=dict)  # none of them

    def as_json(self) -> dict[str, Any]:
        size = None if self.prediction is None else list(self.prediction.shape)
        area = None if self.prediction is None else self.area
        return {"path": self.path, "size": size, "area": area, "error": self.error}

    def cells(self) -> dict[str, str]:
        largest = sorted(self.area.items(), key=lambda one: -one[1])
        return {
            "image": self.path,
            "area": ", ".join(f"{name} {percent(share)}" for name, share in largest if share > 0),
        }

    def values(self) -> dict[str, Any]:
        is_known = self.prediction is not None
        return {"path": self.path, **{f"area {name}": share if is_known else None for name, share in self.area.items()}}

    def as_target(self) -> npt.NDArray[np.int64] | None:
        return None if self.prediction is None else self.prediction.astype(np.int64)

    def mask_png(self) -> bytes | None:
        if self.prediction is None:
            return None
        if self.encoding is not None:
            return encoded_png(self.prediction, self.encoding)
        return mask_png(self.prediction, tuple(self.area))


@final
class MaskPredictions(Predictions):
    """Confusion counts (N K K), boundary F (N K) and positions (N) of images, and the predicted masks of the worst.

    Counted are the pixels of the file that have a label. One that the network was not shown has no prediction: it is missed
    of its own class, and predicted as no other, as a benchmark counts a pixel that is left out.
    """

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._counts: list[npt.NDArray[np.int64]] = []  # K K each, with a prediction
        self._not_shown: list[npt.NDArray[np.int64]] = []  # K each, without
        self._boundaries: list[npt.NDArray[np.float64]] = []
        self._positions: list[Tensor] = []
        # IoU, position, predicted mask as it is drawn, and height and width of what the network was shown
        self._worst: list[tuple[float, int, npt.NDArray[np.int16], tuple[int, int]]] = []

    def update(self, decoded: Tensor, batch: Batch) -> None:  # B K h w
        self._positions.append(batch.ids)
        for one, original in zip(decoded, batch.originals, strict=True):
            self._add(one, original)
        scores, size = mean_iou(*self._counted(len(batch.ids))).tolist(), (decoded.shape[2], decoded.shape[3])
        limit = self._worst[-1][0] if len(self._worst) == KEPT else 1.0
        for n, (score, position) in enumerate(zip(scores, batch.ids.tolist(), strict=True)):
            if score < limit:
                step = _drawn_step(size)
                mask = predicted_masks(decoded[n : n + 1, :, ::step, ::step])[0].to(torch.int16).cpu().numpy()
                self._worst.append((score, position, mask, size))
        self._worst = sorted(self._worst, key=lambda one: one[:2])[:KEPT]

    def _add(self, probabilities: Tensor, original: Original) -> None:  # K h w
        classes, label = len(self.classes), original.target
        assert isinstance(label, np.ndarray)
        size = (label.shape[0], label.shape[1])
        predicted = mask_at_original_size(probabilities[None], original.view, size).cpu()
        is_shown, labels = predicted != IGNORE, torch.from_numpy(label.astype(np.int64, copy=False))
        missed = labels[~is_shown & (labels != IGNORE)]
        counts = image_counts(predicted.clamp(min=0)[None], labels.where(is_shown, IGNORE)[None], classes)
        self._counts.append(counts[0].numpy())
        self._not_shown.append(torch.bincount(missed, minlength=classes).numpy())
        self._boundaries.append(boundary_f(predicted.numpy(), label, classes))

    def _counted(self, last: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Of the last images, or of all (0): N K K with a prediction, and N K without."""
        return np.stack(self._counts[-last:]), np.stack(self._not_shown[-last:])

    def metrics(self) -> dict[str, Any]:
        counts, not_shown = self._counted()
        return segmentation_metrics(counts, self.classes, np.stack(self._boundaries), not_shown)

    def rows(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        counts, not_shown = self._counted()
        scores, right = mean_iou(counts, not_shown), np.trace(counts, axis1=1, axis2=2)
        labels = counts.sum(2) + not_shown
        total = np.maximum(labels.sum(1), 1)
        return [
            {
                "id": ids[position],
                "labels": self._names(labels[n]),
                "mean_iou": float(scores[n]),
                "pixel_accuracy": float(right[n] / total[n]),
            }
            for n, position in enumerate(torch.cat(self._positions).tolist())
        ]

    def worst(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Images with the lowest mean IoU."""
        return [(position, {"mean_iou": score}) for score, position, *_ in self._worst[:count]]

    def drawn(self, position: int, image: Pixels, target: Target) -> Pixels:
        """Image, label and prediction side by side, as the network was shown them; a large image with fewer pixels."""
        predicted, (height, width) = next(one[2:] for one in self._worst if one[1] == position)
        assert isinstance(target, np.ndarray)
        top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
        step = _drawn_step((height, width))
        shown = slice(top, top + height, step), slice(left, left + width, step)
        seen, label = as_rgb(image[shown]), target[shown]
        masks = (overlaid(seen, one, self.classes) for one in (label, predicted.astype(np.int64)))
        return np.concatenate([seen, *masks], 1)

    def _names(self, pixels: npt.NDArray[np.int64]) -> str:
        return "; ".join(name for name, count in zip(self.classes, pixels.tolist(), strict=True) if count)


def _drawn_step(size: tuple[int, int]) -> int:
    """Every how many pixels of a height and a width are drawn."""
    return -(-max(size) // LARGEST_DRAWN)


def mean_iou(counts: npt.NDArray[np.int64], not_shown: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Of each image, over the classes that are in its label or its prediction; 1 of an image without labeled pixels.

    counts: N K K. not_shown: N K, pixels of the labels without a prediction. -> N
    """
    hits = np.diagonal(counts, axis1=1, axis2=2)
    union = counts.sum(1) + counts.sum(2) + not_shown - hits
    iou = np.divide(hits, union, out=np.zeros(hits.shape), where=union > 0)
    present = (union > 0).sum(1)
    return np.where(present > 0, iou.sum(1) / np.maximum(present, 1), 1.0)
