"""All that a resumed run needs, and nothing else: weights, optimizer, average, generator, counters and the epochs so far."""

from typing import Any, final

import torch
from torch import Tensor, nn

from striate.models import Network
from striate.tasks import Metrics, Task
from striate.training.average import WeightAverage
from striate.training.epoch import Epoch
from striate.training.freezing import FrozenLayers
from striate.training.layer_groups import by_parameter, learning_rate_scales
from striate.training.optimizers import create_optimizer
from striate.training.recipe import Recipe


@final
class TrainingState:
    """The changing part of a training run.

    `tensors()` and `scalars()` together are a checkpoint; `load` takes them back. `epoch` and `batch` say which
    batch comes next, so a run that was killed resumes inside an epoch. The default generator of torch is part of the state:
    dropout and mixing draw from it.
    """

    def __init__(self, model: Network, task: Task, recipe: Recipe) -> None:
        device = torch.device(recipe.machine.device)
        self.model = model.to(device)
        if recipe.machine.channels_last:
            for parameter in self.model.parameters():
                if parameter.ndim == 4:
                    parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        # Of frozen layers too: without gradients they are skipped, and have no moments before they are trained.
        self.frozen_layers = FrozenLayers(self.model, recipe.transfer)
        self.optimizer = create_optimizer(
            self.model,
            recipe.optimizer,
            learning_rate_scales(self.model, recipe.transfer.layer_decay),
            by_parameter(self.model, self.frozen_layers.first_epochs),
        )
        self.average = WeightAverage(self.model, recipe.training.ema) if recipe.training.ema else None
        self.metrics: Metrics = task.metrics()
        self.loss_sum = torch.zeros((), device=device)
        self.epoch = 0
        self.batch = 0
        self.step = 0
        self.seconds = 0.0
        self.history: list[Epoch] = []
        self.best_epoch = 0
        self.best: dict[str, Tensor] = {}

    @property
    def averaged_model(self) -> nn.Module:
        """The model that is evaluated: the average if there is one."""
        return self.average.model if self.average else self.model

    def keep_as_best(self) -> None:
        """Remember the weights as they are now as those to be kept."""
        self.best_epoch = self.history[-1].epoch
        self.best = {name: value.detach().clone() for name, value in self.averaged_model.state_dict().items()}

    def history_rows(self) -> list[dict[str, Any]]:
        """The epochs so far, as rows of metrics.csv."""
        return [epoch.row() for epoch in self.history]

    def is_finite(self) -> bool:
        """Whether every weight, buffer and moment is a finite number: only such a state is worth resuming from."""
        return all(bool(torch.isfinite(t).all()) for t in self.tensors().values() if t.is_floating_point())

    def tensors(self) -> dict[str, Tensor]:
        sections: dict[str, dict[str, Tensor]] = {"model": self.model.state_dict(), "best": self.best}
        if self.average:
            sections["average"] = self.average.model.state_dict()
        for index, values in self.optimizer.state_dict()["state"].items():
            sections[f"optimizer.{index}"] = {
                name: value for name, value in values.items() if isinstance(value, Tensor)
            }
        flat = {f"{section}.{name}": value for section, values in sections.items() for name, value in values.items()}
        flat |= {f"gradient.{name}": gradient for name, gradient in self._gradients()}
        flat |= {f"metrics.{name}": value for name, value in self.metrics.state().items()}
        flat["loss_sum"] = self.loss_sum
        flat["generator"] = torch.get_rng_state()
        if self.loss_sum.is_cuda:
            flat["generator_cuda"] = torch.cuda.get_rng_state(self.loss_sum.device)
        return flat

    def scalars(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self.step,
            "seconds": self.seconds,
            "best_epoch": self.best_epoch,
            "average_updates": self.average.updates if self.average else 0,
            "history": self.history_rows(),
        }

    def load(self, tensors: dict[str, Tensor], scalars: dict[str, Any]) -> None:
        """Take back a checkpoint of a run with the same recipe; names and shapes must agree."""
        self.model.load_state_dict(_section(tensors, "model"))
        self.best = _section(tensors, "best")
        if self.average:
            self.average.model.load_state_dict(_section(tensors, "average"))
            self.average.updates = scalars["average_updates"]
        self._load_optimizer(tensors)
        self._load_gradients(_section(tensors, "gradient"))
        counted = _section(tensors, "metrics")
        for name, value in self.metrics.state().items():
            value.copy_(counted[name])
        self.loss_sum.copy_(tensors["loss_sum"])
        torch.set_rng_state(tensors["generator"])
        if self.loss_sum.is_cuda:
            torch.cuda.set_rng_state(tensors["generator_cuda"], self.loss_sum.device)
        self.epoch, self.batch, self.step = scalars["epoch"], scalars["batch"], scalars["step"]
        self.seconds, self.best_epoch = scalars["seconds"], scalars["best_epoch"]
        kinds = self.metrics.compute()
        self.history = [Epoch.of(row, kinds) for row in scalars["history"]]

    def _load_optimizer(self, tensors: dict[str, Tensor]) -> None:
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        kept: dict[int, dict[str, Tensor]] = {}
        for index, parameter in enumerate(parameters):
            values = _section(tensors, f"optimizer.{index}")
            # Fused kernels walk the memory of weights and moments side by side, so both need the same strides.
            kept[index] = {
                name: torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
                for name, value in values.items()
            }
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"param_groups": groups, "state": {i: v for i, v in kept.items() if v}})

    def _gradients(self) -> list[tuple[str, Tensor]]:
        """What parameters hold of a window of accumulation that is not full yet; between two windows nothing."""
        return [(name, value.grad) for name, value in self.model.named_parameters() if value.grad is not None]

    def _load_gradients(self, gradients: dict[str, Tensor]) -> None:
        for name, parameter in self.model.named_parameters():
            parameter.grad = torch.empty_like(parameter).copy_(gradients[name]) if name in gradients else None

    def start_epoch(self, task: Task) -> None:
        """Empty counters for the epoch that begins."""
        self.batch = 0
        self.seconds = 0.0
        self.loss_sum.zero_()
        self.metrics = task.metrics()


def _section(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
