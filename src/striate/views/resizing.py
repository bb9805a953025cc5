"""The path between: a crop of whole pixels is resized with an antialiasing filter, as a photograph is.

On the CPU, torch's resize of uint8 with channels last is vectorized integer arithmetic, measured 5 to 10 times faster
than the warp; it works on an image at a time, in the thread that calls it, so a batch of photographs is shared among
threads here: two take 7 ms for 64 of 224 pixels and one 9.5 ms, while at 32 pixels waiting for each other would double the
time. A crop knows nothing of the pixels next to it.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["is_whole_box", "resize_boxes"]

WHOLE: Final = 0.01  # pixels: a box off by less, as the rounding of `geometry` leaves it, is one of whole pixels
VECTORIZED: Final = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
FEWEST: Final = 8  # images that are worth a thread of their own
PHOTOGRAPH: Final = 1 << 16  # numbers of an image from which on threads are worth it


def is_whole_box(geometry: Tensor, image_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Which of B 3 3 let a box of whole pixels within an image of (height, width) fill the frame, or its mirror: B bool."""
    straight = (
        (geometry[:, 0, 1] == 0) & (geometry[:, 1, 0] == 0) & (geometry[:, 2] == geometry.new_tensor([0, 0, 1])).all(1)
    )
    if not straight.any():
        return straight
    box = _boxes(geometry, size)
    canvas = geometry.new_tensor([image_size[1], image_size[0]])
    whole = ((box - box.round()).abs() < WHOLE).all(1)
    inside = ((box[:, :2].round() >= 0) & (box[:, 2:].round() <= canvas)).all(1)
    return straight & whole & inside & (box[:, 2:].round() > box[:, :2].round()).all(1)


def resize_boxes(originals: Tensor, geometry: Tensor, size: tuple[int, int]) -> Tensor:
    """B C H W uint8 or float, B 3 3 of whole boxes (or 1 for all) -> B C h w, same dtype, channels last."""
    boxes = _boxes(geometry, size).round().long().tolist()
    turned = (geometry.diagonal(dim1=1, dim2=2)[:, :2] < 0).tolist()
    if len(boxes) == 1:
        return _turn(_resize(originals, boxes[0], size), turned[0]).contiguous(memory_format=torch.channels_last)
    images = originals.new_empty((len(originals), *size, originals.shape[1])).permute(0, 3, 1, 2)
    vectorized = (
        VECTORIZED and originals.device.type == "cpu" and originals.dtype == torch.uint8 and originals.shape[1] <= 4
    )
    if vectorized and images[0].numel() >= PHOTOGRAPH:
        _resize_in_threads(originals, boxes, images)
    else:
        for index, box in enumerate(boxes):
            images[index] = _resize(originals[index : index + 1], box, size)[0]
    for index, axes in enumerate(turned):
        if any(axes):
            images[index] = _turn(images[index], axes)
    return images


def _resize_in_threads(originals: Tensor, boxes: list[list[int]], images: Tensor) -> None:
    """Each image's own box, B C H W uint8 -> the images B C h w.

    NumPy cuts out, turns and puts in: torch would do that in threads of its own, as many again for each thread that asks,
    and let go of the interpreter each time. The calling thread takes its share, so that two do not begin on one core.
    """
    size = (images.shape[2], images.shape[3])
    source, target = originals.permute(0, 2, 3, 1).numpy(), images.permute(0, 2, 3, 1).numpy()  # B H W C

    def resize(part: range) -> None:
        for index in part:
            x1, y1, x2, y2 = boxes[index]
            box = torch.from_numpy(source[index : index + 1, y1:y2, x1:x2].copy().transpose(0, 3, 1, 2))
            target[index] = interpolate(box, size, mode="bilinear", antialias=True).numpy().transpose(0, 2, 3, 1)[0]

    threads = max(1, min(torch.get_num_threads(), len(boxes) // FEWEST))
    parts = [range(len(boxes))[first::threads] for first in range(threads)]
    with ThreadPoolExecutor(threads, "striate-resize") as pool:
        others = [pool.submit(resize, part) for part in parts[1:]]
        resize(parts[0])
        for other in others:
            other.result()


def _resize(images: Tensor, box: list[int], size: tuple[int, int]) -> Tensor:
    """One box of all images: B C H W -> B C h w. Elsewhere than on a CPU torch resizes no integers: they are rounded."""
    x1, y1, x2, y2 = box
    part = images[:, :, y1:y2, x1:x2]
    rounded = part.dtype == torch.uint8 and part.device.type != "cpu"
    part = interpolate(part.float() if rounded else part, size, mode="bilinear", antialias=True)
    return part.round().to(torch.uint8) if rounded else part


def _turn(images: Tensor, turned: list[bool]) -> Tensor:
    """Mirrored along x, y or both: ... h w."""
    axes = [axis for axis, turn in zip((-1, -2), turned, strict=True) if turn]
    return images.flip(axes) if axes else images


def _boxes(geometry: Tensor, size: tuple[int, int]) -> Tensor:
    """What fills the frame: B 3 3 -> B 4 (x1, y1, x2, y2) in image pixels."""
    zoom, shift = geometry.diagonal(dim1=1, dim2=2)[:, :2], geometry[:, :2, 2]
    ends = torch.stack([-shift / zoom, (geometry.new_tensor([size[1], size[0]]) - shift) / zoom])
    return torch.cat([ends.amin(0), ends.amax(0)], 1)
