"""Batches gathered straight from the decoded pictures: no worker processes, no queue, no state to save.

What a batch holds is a function of (seed, epoch, its number) and of nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from striate.data.pictures import Pictures
from striate.errors import SettingError
from striate.views import Normalization, Policy, View, evaluation_view, permutation

__all__ = ["Batch", "Batches"]

DEVICE_SHARE = 0.5  # of the device's free memory that pictures may take; the rest is for the network


@final
@dataclass(frozen=True, eq=False)
class Batch:
    images: Tensor  # B C h w float32, channels last: what the network sees
    labels: Tensor  # B int64, on the device
    ids: Tensor  # B int64, on the CPU: positions in the Pictures
    view: View  # how each picture is seen


@final
class Batches:
    """Epochs over one split.

    With a `policy` each epoch is shuffled and each sample is seen as the policy draws it. With None the samples come in
    order, seen as evaluation sees them. The last batch holds what is left; in training a single sample that is left joins
    the batch before it, because batch norm cannot learn from one. The pictures live on the device if they fit.
    """

    def __init__(
        self,
        pictures: Pictures,
        *,
        batch_size: int,
        size: tuple[int, int],  # height, width that the network sees
        normalization: Normalization,
        policy: Policy | None,
        seed: int,
        device: torch.device | str,
    ) -> None:
        if batch_size < 1:
            raise SettingError(f"batch_size = {batch_size} makes no batches; give a number of 1 or more")
        self.pictures, self.batch_size, self.size = pictures, batch_size, size
        self.normalization, self.policy, self.seed = normalization, policy, seed
        self.device = torch.device(device)
        self._images = pictures.images.to(self.device) if _fits(pictures.images, self.device) else pictures.images
        self._labels = pictures.labels.to(self.device)

    def __len__(self) -> int:
        full, rest = divmod(len(self.pictures), self.batch_size)
        return full + (rest > 0) - self._joins_last(full, rest)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on: an epoch that was cut short is resumed by its next batch."""
        count = len(self.pictures)
        order = torch.arange(count) if self.policy is None else permutation(self.seed, epoch, count)
        for ids in self._parts(order)[start:]:
            yield self._batch(ids, epoch)

    def _parts(self, order: Tensor) -> list[Tensor]:
        """The positions of each batch."""
        parts = list(order.split(self.batch_size))
        if self._joins_last(*divmod(len(order), self.batch_size)):
            parts[-2:] = [torch.cat(parts[-2:])]
        return parts

    def _joins_last(self, full: int, rest: int) -> bool:
        return self.policy is not None and full > 0 and rest == 1

    def _batch(self, ids: Tensor, epoch: int) -> Batch:
        gathered = self._images.index_select(0, ids.to(self._images.device))  # B H W C
        pictures = gathered.to(self.device).permute(0, 3, 1, 2)  # B C H W, channels last without a copy
        labels = self._labels[ids.to(self.device)]
        if self.policy is None:
            view = evaluation_view(
                len(ids),
                picture=(pictures.shape[2], pictures.shape[3]),
                size=self.size,
                normalization=self.normalization,
            )
            return Batch(view.image(pictures), labels, ids, view)
        images, view = self.policy.apply(
            pictures, ids, seed=self.seed, epoch=epoch, size=self.size, normalization=self.normalization
        )
        return Batch(images, labels, ids, view)


def _fits(images: Tensor, device: torch.device) -> bool:
    """Whether all pictures may be moved to the device; on the CPU they are there."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return images.nbytes <= DEVICE_SHARE * free
    return device.type == "mps"  # shares the CPU's memory
