"""Inference: what is merged over an image and its mirror image is the mean of both, brought back, for every task."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate.data import Batches, ClassTargets, LabeledImages, TensorImages
from striate.tasks import Classify, MultiLabel, Regress, Segment, Task
from striate.tasks.regress.predictions import Scale
from striate.training import predict_batches, predict_inputs
from striate.views import Normalization

CLASSES = ("a", "b", "c")
TASKS: tuple[Task, ...] = (
    Classify(CLASSES),
    MultiLabel(CLASSES, (0.5, 0.4, 0.3)),
    Regress(CLASSES, Scale(CLASSES, ("", "", "mm"), (5.0, -2.0, 0.1), (2.0, 0.5, 30.0))),
)
SEGMENT = Segment(CLASSES)
SIZE = (12, 10)


def network(*, dense: bool) -> nn.Module:
    """It tells left from right; for images of 12 x 10 pixels."""
    torch.manual_seed(0)
    kernel = nn.Conv2d(2, 3, 5, padding=2)
    return kernel if dense else nn.Sequential(kernel, nn.Flatten(), nn.Linear(360, 3))


def images(count: int = 7) -> Tensor:
    return torch.randn(count, 2, 12, 10, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_predictions_of_an_image_and_its_mirror_image_are_averaged(task):
    model, inputs = network(dense=False), images()
    alone = predict_inputs(model, task, inputs, SIZE, "none")
    merged = predict_inputs(model, task, inputs, SIZE, "flip")
    for n, image in enumerate(inputs):
        both = [task.decode(model(image[None])), task.decode(model(image[None].flip(3)))]
        assert torch.allclose(merged[n], (both[0][0] + both[1][0]) / 2, rtol=1e-4, atol=1e-5)
        assert torch.allclose(alone[n], both[0][0], rtol=1e-4, atol=1e-5)
    assert torch.equal(predict_inputs(model, task, inputs.flip(3), SIZE, "flip"), merged)
    assert not torch.allclose(alone, merged, atol=1e-3)


def test_maps_are_mirrored_back_before_they_are_averaged():
    model, inputs = network(dense=True), images()
    merged = predict_inputs(model, SEGMENT, inputs, SIZE, "flip")
    for n, image in enumerate(inputs):
        both = model(image[None]).softmax(1), model(image[None].flip(3)).softmax(1).flip(3)
        assert torch.allclose(merged[n], (both[0][0] + both[1][0]) / 2, atol=1e-6)
    assert torch.equal(predict_inputs(model, SEGMENT, inputs.flip(3), SIZE, "flip").flip(3), merged)
    assert not torch.allclose(predict_inputs(model, SEGMENT, inputs, SIZE, "none"), merged, atol=1e-3)


@pytest.mark.parametrize("tta", ["none", "flip"])
def test_a_split_is_predicted_as_its_inputs_are(tta):
    task, model = TASKS[0], network(dense=False)
    pixels = torch.randint(0, 256, (7, 12, 10, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    samples = LabeledImages(TensorImages(pixels), ClassTargets(np.arange(7) % 3), tuple("1234567"), CLASSES)
    normalization = Normalization((0.4, 0.5), (0.3, 0.2))
    batches = Batches(samples, batch_size=3, size=SIZE, normalization=normalization, policy=None, seed=0, device="cpu")
    model.train()
    predictions = predict_batches(model, task, batches, tta)
    assert not model.training
    inputs = (pixels.permute(0, 3, 1, 2) / 255 - torch.tensor([0.4, 0.5])[:, None, None]) / torch.tensor([0.3, 0.2])[
        :, None, None
    ]
    expected = predict_inputs(model, task, inputs, SIZE, tta)
    rows = predictions.rows(samples.ids)
    assert [row["confidence"] for row in rows] == pytest.approx(expected.max(1).values.tolist(), abs=1e-5)
