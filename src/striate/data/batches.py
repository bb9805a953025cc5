"""Batches gathered from images by position: no worker processes and no state to save.

What a batch holds is a function of (seed, epoch, its number) and of nothing else: not of threads, and not of whether
the images are held or streamed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from striate.data.buffer_pool import BufferPool
from striate.data.images import LabeledImages, as_colors
from striate.data.targets import Original
from striate.data.windows import Windows
from striate.errors import SettingError
from striate.views import Normalization, Policy, View, apply_policy, evaluation_view, permutation

__all__ = ["Batch", "Batches", "class_balanced_order"]

# `permutation` takes a seed and an epoch; a class's own order, and which classes get one sample more, must be neither
_OF_CLASSES, _OF_CLASS = 1 << 40, 1 << 41


@final
@dataclass(frozen=True, eq=False)
class Batch:
    inputs: Tensor  # of images B C h w float32, channels last
    targets: Tensor  # of the kind that the split's Targets gather, as the view shows them, on the device
    ids: Tensor  # B int64, on the CPU: positions in the split
    view: View  # from the pixels of each image to those of the input
    originals: tuple[Original, ...] = ()  # of targets that lie in pixels, for an evaluation in those of the files


@final
class Batches:
    """Epochs over one split.

    With a `policy` each epoch is shuffled and each sample is augmented as the policy draws it. With None the samples come in
    order, in the evaluation view. The last batch holds what is left; in training a single sample that is left joins
    the batch before it, because batch norm cannot learn from one. With `equal_classes` an epoch is as long, but draws
    from all classes equally often. The images live on the device if they fit. An image whose file went bad since it
    was first read is replaced by the next one in training, with its label, and left out in evaluation.

    Of images that keep their own size, which have `windows`, training gets crops; evaluation gets one whole image at a time.
    """

    def __init__(
        self,
        samples: LabeledImages,
        *,
        batch_size: int,
        size: tuple[int, int],  # height, width of the network input
        normalization: Normalization,
        policy: Policy | None,
        seed: int,
        device: torch.device | str,
        equal_classes: bool = False,
        windows: Windows | None = None,
    ) -> None:
        if windows is not None and policy is None:
            batch_size = 1
        if batch_size < 1:
            raise SettingError(f"batch_size = {batch_size} makes no batches; give a number of 1 or more")
        self.samples, self.batch_size, self.size = samples, batch_size, size
        self.normalization, self.policy, self.seed = normalization, policy, seed
        self.device, self.equal_classes, self.windows = torch.device(device), equal_classes, windows
        self._images = samples.pixels.near(self.device)
        self._targets = samples.targets.gather_on(self.device)
        self._pool = BufferPool()

    def __len__(self) -> int:
        full, rest = divmod(len(self.samples), self.batch_size)
        return full + (rest > 0) - self._joins_last(full, rest)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on: an epoch that was cut short is resumed by its next batch."""
        batches = self._positions(self._order(epoch))[start:]
        positions = (draws % len(self.samples) for draws in batches)
        for draws, (ids, images) in zip(batches, self._images.each(positions), strict=True):
            batch = self._batch(draws, ids, images, epoch)
            if len(batch.ids):
                yield batch

    def _order(self, epoch: int) -> Tensor:
        """The draws of an epoch: positions, + the number of images each time that one comes again."""
        if self.policy is None:
            return torch.arange(len(self.samples))
        if self.equal_classes:
            return class_balanced_order(torch.from_numpy(self.samples.targets.strata()), seed=self.seed, epoch=epoch)
        return permutation(self.seed, epoch, len(self.samples))

    def _positions(self, order: Tensor) -> list[Tensor]:
        """The positions of each batch."""
        batches = list(order.split(self.batch_size))
        if self._joins_last(*divmod(len(order), self.batch_size)):
            batches[-2:] = [torch.cat(batches[-2:])]
        return batches

    def _joins_last(self, full: int, rest: int) -> bool:
        return self.policy is not None and full > 0 and rest == 1

    def _batch(self, draws: Tensor, ids: Tensor, read: Tensor, epoch: int) -> Batch:
        if self.policy is None and not torch.equal(draws, ids):
            good = draws == ids
            ids, read = ids[good], read[good]
        images = read.to(self.device, non_blocking=True).permute(0, 3, 1, 2)  # B C H W, channels last without a copy
        originals = as_colors(images)
        if self.policy is None:
            size, start = self.size, None
            if self.windows is not None and len(ids):
                left, top, right, bottom = self.windows.whole(int(ids[0]))
                size, start = (bottom - top, right - left), (left, top)
            view = evaluation_view(
                len(ids),
                image_size=(originals.shape[2], originals.shape[3]),
                size=size,
                normalization=self.normalization,
                start=start,
            )
            out = self._memory(originals) if self.windows is None else None
            return Batch(view.image(originals, out), self._targets(ids, view), ids, view)
        boxes = means = None
        if self.windows is not None:
            boxes = self.windows.crops(ids, draws, seed=self.seed, epoch=epoch)
            if self.policy.contrast:
                means = self.windows.means(ids, originals)
        augmented, view = apply_policy(
            self.policy,
            originals,
            draws,
            seed=self.seed,
            epoch=epoch,
            size=self.size,
            normalization=self.normalization,
            out=self._memory(originals),
            boxes=boxes,
            means=means,
        )
        return Batch(augmented, self._targets(ids, view), ids, view)

    def _memory(self, images: Tensor) -> Tensor | None:
        """What earlier batches lay in; other devices than the CPU see to that themselves."""
        count, channels = images.shape[:2]
        return self._pool.batch(count, channels, self.size) if images.device.type == "cpu" else None


def class_balanced_order(labels: Tensor, *, seed: int, epoch: int) -> Tensor:
    """As many draws as there are samples, in which all classes that occur come equally often (or but one more): N int64.

    A draw is the position of a sample + N times how often it came before in this epoch, so that the next view of it
    is another one. A class goes through all of its samples, shuffled, before one comes again.
    """
    count = len(labels)
    classes = labels.unique().tolist()
    least, more = divmod(count, len(classes))
    favored = set(permutation(seed + _OF_CLASSES, epoch, len(classes))[:more].tolist())
    draws = []
    for place, label in enumerate(classes):
        members = (labels == label).nonzero().flatten()
        wanted = least + (place in favored)
        turns = -(-wanted // len(members))
        shuffled = [
            members[permutation(seed + _OF_CLASS * (1 + turn), epoch * len(classes) + place, len(members))]
            + turn * count
            for turn in range(turns)
        ]
        draws.append(torch.cat(shuffled)[:wanted])
    return torch.cat(draws)[permutation(seed, epoch, count)]
