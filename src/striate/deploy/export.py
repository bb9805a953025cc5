"""Export: a trained network as a torch.export program that runs without striate, compared with the network on real images."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn

from striate.errors import RunError
from striate.models import Network
from striate.runs import Bundle

TOLERANCE = 1e-4  # of a probability


@final
@dataclass(frozen=True)
class Parity:
    """How far the exported program's probabilities differ from the network's on some images."""

    images: int
    largest_difference: float
    same_class: float  # proportion of the images


@final
class Servable(nn.Module):
    """From images to probabilities: the preprocessing is part of the exported graph."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        self.network: Network = bundle.model
        self.task = bundle.task
        self.height, self.width = bundle.preprocessing.size
        self.full_scale = 2.0**bundle.preprocessing.canvas.bits - 1
        normalization = bundle.preprocessing.normalization
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(normalization.mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(normalization.std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:  # B C H W uint8 (uint16 of 16 bits) on the canvas -> B K
        top = (images.shape[2] - self.height) // 2
        left = (images.shape[3] - self.width) // 2
        center = images[:, :, top : top + self.height, left : left + self.width]
        return self.task.decode(self.network((center.float() / self.full_scale - self.mean) / self.std))


def export_program(bundle: Bundle, path: Path, images: Tensor) -> Parity:
    """Write a torch.export program (.pt2) that takes any number of images, B C H W uint8 on the bundle's canvas.

    The file is read back and compared with the network on `images` (at least 2). Raises RunError where they differ, and removes
    the file, or where the bundle has test-time augmentation or slides a window. Load such a file only if you trust who wrote it.
    """
    if bundle.preprocessing.tta != "none":
        raise RunError(
            f"tta = {bundle.preprocessing.tta}: an exported program is one forward pass; export bundle.with_tta('none')"
        )
    if bundle.preprocessing.canvas.fit == "window":
        raise RunError(
            "fit = window: an exported program is one forward pass, and would show the network one window of each image; "
            "export a run with fit contain or cover"
        )
    servable = Servable(bundle).eval()
    program = torch.export.export(servable, (images[:2],), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
    torch.export.save(program, path)
    parity = measure_parity(servable, torch.export.load(path).module(), images)
    if parity.largest_difference > TOLERANCE:
        path.unlink()
        raise RunError(
            f"{path}: the exported program differs by {parity.largest_difference:.2g} from the network, so it was removed"
        )
    return parity


@torch.inference_mode()
def measure_parity(network: nn.Module, program: nn.Module, images: Tensor) -> Parity:
    """Compare the probabilities of two programs on the same images."""
    expected, actual = network(images), program(images)
    return Parity(
        images=len(images),
        largest_difference=(expected - actual).abs().max().item(),
        same_class=(expected.argmax(1) == actual.argmax(1)).float().mean().item(),
    )
