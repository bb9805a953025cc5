"""Losses, their gradients, and metrics of every task on a GPU as on the CPU."""

import pytest
import torch
from tests.tasks.test_every_task import CLASSES, TARGETS

from striate.data import Batch
from striate.tasks import TASKS
from striate.tasks.settings import LOSSES, LossSettings, losses_for
from striate.views import Normalization, evaluation_view

pytestmark = pytest.mark.gpu

ROWS = [(name, loss) for name in TASKS for loss in losses_for(name)]


@pytest.mark.parametrize(("name", "loss"), ROWS)
def test_losses_and_metrics_are_those_of_the_cpu(name: str, loss: str) -> None:
    targets = TARGETS[name]
    task = TASKS[name].for_training(CLASSES, LossSettings(name=loss, **LOSSES[loss].takes), targets)
    ids = torch.arange(len(targets))
    view = evaluation_view(len(ids), image_size=(8, 8), size=(8, 8), normalization=Normalization((0.0,), (1.0,)))
    results = []
    for device in (torch.device("cpu"), torch.device("cuda")):
        batch = Batch(torch.zeros(len(ids), device=device), targets.gather_on(device)(ids, view), ids, view)
        shape = (len(ids), len(CLASSES), *(batch.targets.shape[1:] if batch.targets.ndim > 2 else ()))
        outputs = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device).requires_grad_()
        total = torch.stack(list(task.losses(outputs, batch).values())).sum()
        (gradient,) = torch.autograd.grad(total, outputs)
        metrics = task.metrics()
        metrics.update(outputs.detach(), batch)
        assert {one.device.type for one in metrics.state().values()} == {device.type}
        state = {key: value.cpu() for key, value in metrics.state().items()}
        results.append((total.detach().cpu(), gradient.cpu(), state))
    torch.testing.assert_close(results[1], results[0])
