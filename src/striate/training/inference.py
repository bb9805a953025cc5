"""Inference: the one path from batches to outputs for validation, and to decoded predictions for evaluation and prediction."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor, nn

from striate.data import Batch, Batches
from striate.data.settings import TestTimeAugmentation
from striate.tasks import Predictions, Task
from striate.training.sliding_window import slide
from striate.views import input_views

__all__ = ["infer", "inference_batch_size", "predict_batches", "predict_inputs"]

LARGEST_BATCH: Final = 128
CACHED_PIXELS: Final = 2**18  # whose activations stay in the caches of a CPU
GPU_PIXELS: Final = 2**23  # whose maps of many classes fit on a GPU


def inference_batch_size(size: tuple[int, int], device: torch.device) -> int:
    """How many images of this height and width a forward pass takes at once.

    On a CPU so few that activations stay in its caches, which is faster.
    """
    height, width = size
    pixels = CACHED_PIXELS if device.type == "cpu" else GPU_PIXELS
    return max(1, min(LARGEST_BATCH, pixels // (height * width)))


def infer(model: nn.Module, batches: Batches, bfloat16: bool = False) -> Iterator[tuple[Batch, Tensor]]:
    """Each batch with the outputs of the network in eval mode; an image whose file cannot be read any more is left out.

    Over images that are larger than the network's input it is moved as a window.
    """
    model.eval()
    for batch in batches.epoch(0):
        with torch.inference_mode(), torch.autocast(batch.inputs.device.type, torch.bfloat16, enabled=bfloat16):
            outputs = slide(model, batch.inputs, batches.size, inference_batch_size(batches.size, batches.device))
        yield batch, outputs


@torch.inference_mode()
def predict_batches(model: nn.Module, task: Task, batches: Batches, tta: TestTimeAugmentation) -> Predictions:
    """What a network predicts of every image, in eval mode, measured in the pixels of its file; an image whose file cannot be
    read any more is left out. Raises DataError for a target that is lost.
    """
    model.eval()
    predictions, targets = task.predictions(), batches.samples.targets
    for batch in batches.epoch(0):
        decoded = predict_inputs(model, task, batch.inputs, batches.size, tta)
        predictions.update(decoded, replace(batch, originals=targets.originals(batch.ids, batch.view)))
    return predictions


@torch.inference_mode()
def predict_inputs(
    model: nn.Module, task: Task, inputs: Tensor, size: tuple[int, int], tta: TestTimeAugmentation
) -> Tensor:
    """What a network in eval mode predicts of its inputs, decoded and merged over the views of `tta`: B C H W -> B K or B K H W.

    size: height and width of the network's input, moved as a window over inputs that are larger.
    """
    together = inference_batch_size(size, inputs.device)
    if tta == "none":
        return task.decode(slide(model, inputs, size, together))
    views = input_views(tta, (inputs.shape[2], inputs.shape[3]))
    return task.merge(views, [task.decode(slide(model, view.resample(inputs), size, together)) for view in views])
