"""The task of semantic segmentation: a class for each pixel, in the pixels of the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data import Batch, ImageFrame, LoadedTargets, MaskTargets
from striate.data.mask_encoding import MaskEncoding
from striate.data.targets import IGNORE
from striate.errors import DataError, SettingError
from striate.tasks.segment.losses import segmentation_loss
from striate.tasks.segment.original_size import mask_at_original_size
from striate.tasks.segment.pixel_counts import PixelCounts
from striate.tasks.segment.predictions import MaskPrediction, MaskPredictions
from striate.tasks.settings import LossSettings
from striate.tasks.task import Predictions, Task
from striate.views import View, merge_maps

__all__ = ["Segment"]


@final
@dataclass(frozen=True, eq=False)
class Segment(Task):
    """A class for each pixel. `loss` is a name of tasks/segment/losses.py, or a sum of them such as cross_entropy+dice.

    `weights`, K float32, are those of the classes in cross_entropy and focal; `gamma` is that of focal, `alpha` and `beta` are
    tversky's. `encoding` is how masks are written to files: as those of the data, where it was learned from files.
    """

    name: ClassVar[str] = "segment"
    calibrates: ClassVar[bool] = False
    classes: tuple[str, ...]
    loss: str = "cross_entropy+dice"
    weights: Tensor | None = None
    gamma: float = 2.0
    alpha: float = 0.3
    beta: float = 0.7
    encoding: MaskEncoding | None = None

    @classmethod
    def for_training(cls, classes: tuple[str, ...], loss: LossSettings, targets: LoadedTargets) -> "Segment":
        assert isinstance(targets, MaskTargets)
        present = [name for name, count in zip(classes, targets.counts(len(classes)), strict=True) if count]
        if len(present) < 2:
            raise DataError(
                f"the masks of the training images hold {'one class alone, ' + present[0] if present else 'no class'}; "
                "there is nothing to learn: add images with other classes, or check what their numbers mean"
            )
        if loss.label_smoothing:
            raise SettingError(f"label_smoothing = {loss.label_smoothing}: the losses of masks take none; leave it out")
        weights = _balanced(targets.pixels()) if loss.balance == "weights" else None
        chosen = {"gamma": loss.focal_gamma, "alpha": loss.tversky_alpha, "beta": loss.tversky_beta}
        given = {name: value for name, value in chosen.items() if value is not None}
        return cls(classes, loss.name or "cross_entropy+dice", weights, **given, encoding=targets.encoding)

    @classmethod
    def from_arguments(cls, classes: tuple[str, ...], arguments: Mapping[str, Any]) -> "Segment":
        if unknown := arguments.keys() - {"masks"}:
            raise ValueError(f"segment takes no {', '.join(sorted(unknown))}")
        encoding = MaskEncoding.from_json(arguments["masks"]) if "masks" in arguments else None
        if encoding is not None and len(encoding.codes) != len(classes):
            raise ValueError(f"{len(encoding.codes)} codes for {len(classes)} classes")
        return cls(classes, encoding=encoding)

    def calibrated(self, predictions: Predictions) -> "Segment":  # noqa: ARG002 - the most probable class needs no threshold
        return self

    def losses(self, outputs: Tensor, batch: Batch) -> Mapping[str, Tensor]:  # outputs: B K h w; targets: B h w
        size = batch.targets.shape[-2:]
        if outputs.shape[-2:] != size:  # of an auxiliary classifier at its own scale
            outputs = F.interpolate(outputs.float(), size, mode="bilinear", align_corners=False)
        of_loss = segmentation_loss(self.loss, weights=self.weights, gamma=self.gamma, alpha=self.alpha, beta=self.beta)
        return of_loss(outputs, batch.targets)

    def head_fit(self, kind: str) -> None:  # noqa: ARG002 - an embedding has no positions
        return None

    def metrics(self) -> PixelCounts:
        return PixelCounts(len(self.classes))

    def predictions(self) -> MaskPredictions:
        return MaskPredictions(self.classes)

    def decode(self, outputs: Tensor) -> Tensor:  # B K h w
        return outputs.float().softmax(1)

    def merge(self, views: Sequence[View], decoded: Sequence[Tensor]) -> Tensor:  # B K h w each
        return merge_maps(views, decoded, views[0].size)

    def describe(self, decoded: Tensor, frames: Sequence[ImageFrame]) -> list[MaskPrediction]:  # B K h w
        described = []
        for probabilities, frame in zip(decoded, frames, strict=True):
            mask = mask_at_original_size(probabilities[None], frame.view, frame.size).cpu()
            counts = torch.bincount(mask[mask != IGNORE], minlength=len(self.classes)).double()
            shares = (counts / counts.sum().clamp(min=1)).tolist()
            area = dict(zip(self.classes, shares, strict=True))
            described.append(MaskPrediction(frame.name, mask.to(torch.int16).numpy(), area, encoding=self.encoding))
        return described

    def unreadable(self, name: str, error: str) -> MaskPrediction:
        return MaskPrediction(name, None, dict.fromkeys(self.classes, 0.0), error)

    def soft_targets(self, targets: Tensor) -> Tensor:  # noqa: ARG002 - none can be mixed
        raise SettingError(
            "mixup, cutmix and mosaic: mix images of one class, several classes or numbers, and no masks; leave them out"
        )

    def arguments(self) -> dict[str, Any]:
        return {} if self.encoding is None else {"masks": self.encoding.as_json()}


def _balanced(pixels: np.ndarray[Any, Any]) -> Tensor:
    """Weights by inverse frequency of the classes that occur, whose mean over all pixels is 1: K -> K."""
    counts = torch.from_numpy(pixels).double()
    weights = counts.sum() / ((counts > 0).sum() * counts)
    return torch.where(counts > 0, weights, 0.0).float()
