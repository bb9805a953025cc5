"""The task of regression: numbers, standardized for the loss, and prediction intervals by split conformal prediction."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data import Batch, ImageFrame, LoadedTargets, RegressionTargets
from striate.errors import DataError
from striate.tasks.fitted_head import EmbeddedSamples, FittedHead, HeadFit
from striate.tasks.linear_head import fit_linear_head
from striate.tasks.regress.linear_head import RIDGE
from striate.tasks.regress.predictions import NumberPredictions, NumbersPrediction, Scale
from striate.tasks.regress.sums import ErrorSums
from striate.tasks.settings import LossSettings
from striate.tasks.task import Predictions, Task
from striate.views import View, merge_predictions

__all__ = ["Regress"]

WITH_UNIT: Final = re.compile(r"^(?P<name>.*\S)\s*[\[(](?P<unit>[^\])]{1,12})[\])]$")  # age [years], weight (kg)


@final
@dataclass(frozen=True, eq=False)
class Regress(Task):
    """Numbers for each image; the network's outputs are standardized by `scale`. `loss` is mse, mae or huber with `delta`."""

    name: ClassVar[str] = "regress"
    calibrates: ClassVar[bool] = True
    classes: tuple[str, ...]
    scale: Scale
    loss: str = "mse"
    delta: float = 1.0

    @classmethod
    def for_training(cls, classes: tuple[str, ...], loss: LossSettings, targets: LoadedTargets) -> "Regress":
        assert isinstance(targets, RegressionTargets)
        numbers = torch.from_numpy(targets.values).double()  # N D
        means, stds = numbers.mean(0).tolist(), numbers.std(0, correction=0).tolist()
        for d, (name, std) in enumerate(zip(classes, stds, strict=True)):
            if std <= 1e-7 * numbers[:, d].abs().max().item():
                raise DataError(
                    f"{name} is {numbers[0, d].item():g} in all of the {len(numbers):,} training images, so there is nothing "
                    "to learn; choose another column with --label-column"
                )
        named = [WITH_UNIT.match(one) for one in classes]
        names = tuple(match["name"] if match else name for match, name in zip(named, classes, strict=True))
        scale = Scale(
            names=names if len(set(names)) == len(names) else classes,  # size [mm] and size [px] are two numbers
            units=tuple(match["unit"] if match else "" for match in named),
            means=tuple(means),
            stds=tuple(stds),
        )
        return cls(classes, scale, loss.name or "mse", loss.huber_delta or 1.0)

    @classmethod
    def from_arguments(cls, classes: tuple[str, ...], arguments: Mapping[str, Any]) -> "Regress":
        names, units = tuple(map(str, arguments["names"])), tuple(map(str, arguments["units"]))
        means, stds = (tuple(map(float, arguments[one])) for one in ("means", "stds"))
        widths = arguments["half_widths"]
        half_widths = None if widths is None else tuple(map(float, widths))
        lengths = {len(one) for one in (names, units, means, stds, half_widths or names)}
        if lengths != {len(classes)} or not all(std > 0 for std in stds):
            raise ValueError(f"regress takes the scales of {len(classes)} numbers")
        return cls(classes, Scale(names, units, means, stds, half_widths))

    def calibrated(self, predictions: Predictions) -> "Regress":
        assert isinstance(predictions, NumberPredictions)
        return replace(self, scale=replace(self.scale, half_widths=predictions.half_widths()))

    def losses(self, outputs: Tensor, batch: Batch) -> Mapping[str, Tensor]:  # outputs, standardized, and targets: B D
        means, stds = self._tensors(outputs.device)
        targets = (batch.targets - means) / stds
        match self.loss:
            case "mae":
                return {"numbers": F.l1_loss(outputs.float(), targets)}
            case "huber":
                return {"numbers": F.huber_loss(outputs.float(), targets, delta=self.delta)}
            case _:
                return {"numbers": F.mse_loss(outputs.float(), targets)}

    def head_fit(self, kind: str) -> HeadFit | None:
        return self._fit_linear_head if kind == "linear" else None

    def _fit_linear_head(self, samples: EmbeddedSamples) -> FittedHead:
        """Ridge regression of the standardized numbers, whatever the loss of fine-tuning."""
        assert isinstance(samples.targets, RegressionTargets)

        means, stds = self._tensors(torch.device("cpu"))
        targets = (torch.from_numpy(samples.targets.values) - means) / stds
        return fit_linear_head(RIDGE, self, samples, targets)

    def metrics(self) -> ErrorSums:
        return ErrorSums(*self._tensors(torch.device("cpu")), self.scale.units[0])

    def predictions(self) -> NumberPredictions:
        return NumberPredictions(self.scale)

    def decode(self, outputs: Tensor) -> Tensor:  # B D
        means, stds = self._tensors(outputs.device)
        return outputs.float() * stds + means

    def merge(self, views: Sequence[View], decoded: Sequence[Tensor]) -> Tensor:  # noqa: ARG002 - of whole images: B D
        return merge_predictions(decoded)

    def describe(self, decoded: Tensor, frames: Sequence[ImageFrame]) -> list[NumbersPrediction]:  # B D
        scale = self.scale
        widths = dict(zip(scale.names, scale.half_widths or (), strict=False))
        described = []
        for frame, row in zip(frames, decoded.double().tolist(), strict=True):
            numbers = dict(zip(scale.names, row, strict=True))
            intervals = {one: (numbers[one] - width, numbers[one] + width) for one, width in widths.items()}
            described.append(NumbersPrediction(frame.name, numbers, intervals, self._units()))
        return described

    def unreadable(self, name: str, error: str) -> NumbersPrediction:
        return NumbersPrediction(name, None, {}, self._units(), error)

    def soft_targets(self, targets: Tensor) -> Tensor:  # B D
        return targets

    def arguments(self) -> dict[str, Any]:
        scale = self.scale
        return {
            "names": list(scale.names),
            "units": list(scale.units),
            "means": list(scale.means),
            "stds": list(scale.stds),
            "half_widths": None if scale.half_widths is None else list(scale.half_widths),
        }

    def _units(self) -> dict[str, str]:
        return dict(zip(self.scale.names, self.scale.units, strict=True))

    def _tensors(self, device: torch.device) -> tuple[Tensor, Tensor]:
        return _on(device, self.scale.means), _on(device, self.scale.stds)


@cache
@torch.inference_mode(False)  # kept tensors take part in gradients too
def _on(device: torch.device, values: tuple[float, ...]) -> Tensor:
    """Kept, because to send them anew at each step would make a GPU wait."""
    return torch.tensor(values, device=device)
