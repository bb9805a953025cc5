"""Losses of masks, values and gradients, against segmentation-models-pytorch, monai and torchvision, where the definitions agree.

They agree once these differences are taken into account:

- smooth: monai's Dice adds it to 2 TP + FP + FN, ours and segmentation-models-pytorch's to half of that.
- classes without labels in a batch count as 0 in the mean of segmentation-models-pytorch, and not at all in ours. So it is
  given the classes that occur. Lovasz is a mean over those in both.
- focal: segmentation-models-pytorch has a sigmoid for each class, monai the softmax that ours has. Its mean counts each class.
- pixels that do not count: monai has none, so it is compared without.
"""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from monai.losses import DiceLoss as MonaiDiceLoss
from monai.losses import FocalLoss as MonaiFocalLoss
from segmentation_models_pytorch.losses import DiceLoss, FocalLoss, LovaszLoss, TverskyLoss
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from striate.data import Batch
from striate.data.targets import IGNORE
from striate.tasks import MultiLabel
from striate.tasks.segment.losses import dice, focal, lovasz, tversky

pytestmark = pytest.mark.oracle

CLASSES = 4
ALL, SOME = [0, 1, 2, 3], [0, 1, 3]  # which classes occur


def maps(present: list[int], ignored: float, sharpness: float = 2.0) -> tuple[Tensor, Tensor]:
    """Logits 3 K 9 7 float64, and labels of blocks, some of whose pixels do not count."""
    generator = torch.Generator().manual_seed(0)
    logits = sharpness * torch.randn(3, CLASSES, 9, 7, generator=generator, dtype=torch.float64)
    coarse = torch.tensor(present)[torch.randint(len(present), (3, 3, 3), generator=generator)]
    labels = F.interpolate(coarse[:, None].double(), (9, 7), mode="nearest")[:, 0].long()
    return logits, labels.masked_fill(torch.rand(labels.shape, generator=generator) < ignored, IGNORE)


def compare(ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], logits: Tensor, rtol: float) -> None:
    """Value and gradient; rtol: of the largest component of the gradient."""
    results = []
    for loss in (ours, theirs):
        given = logits.clone().requires_grad_()
        value = loss(given)
        value.backward()
        assert given.grad is not None
        results.append((value.detach().double(), given.grad))
    (value, gradient), (expected, expected_gradient) = results
    torch.testing.assert_close(value, expected, rtol=rtol, atol=0)
    torch.testing.assert_close(gradient, expected_gradient, rtol=0, atol=rtol * float(expected_gradient.abs().max()))


@pytest.mark.parametrize("present", [ALL, SOME])
@pytest.mark.parametrize("ignored", [0.0, 0.2])
def test_dice_tversky_and_lovasz(present: list[int], ignored: float) -> None:
    logits, labels = maps(present, ignored)
    assert set(labels.unique().tolist()) - {IGNORE} == set(present)

    def regions(loss: type[DiceLoss], **values: float) -> Callable[[Tensor], Tensor]:
        theirs = loss("multiclass", classes=present, ignore_index=IGNORE, **values)
        return lambda given: theirs(given, labels)

    for smooth in (0.5, 1.0, 10.0):
        compare(partial(dice, labels=labels, smooth=smooth), regions(DiceLoss, smooth=smooth), logits, 1e-9)
        for alpha, beta in ((0.3, 0.7), (0.8, 0.1)):
            ours = partial(tversky, labels=labels, alpha=alpha, beta=beta, smooth=smooth)
            compare(ours, regions(TverskyLoss, smooth=smooth, alpha=alpha, beta=beta), logits, 1e-9)
    lovasz_of_others = LovaszLoss(
        "multiclass", ignore_index=IGNORE
    )  # of float32, and by differences of nearly equal numbers
    compare(partial(lovasz, labels=labels), lambda x: lovasz_of_others(x, labels), logits.float(), 2e-5)


def test_dice_of_monai() -> None:
    logits, labels = maps(ALL, 0.0)
    theirs = MonaiDiceLoss(to_onehot_y=True, softmax=True, batch=True, smooth_nr=3.0, smooth_dr=3.0)
    compare(lambda x: dice(x, labels, 1.5), lambda x: theirs(x, labels[:, None]), logits, 1e-6)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_of_softmax(gamma: float) -> None:
    logits, labels = maps(ALL, 0.0)
    theirs = MonaiFocalLoss(to_onehot_y=True, use_softmax=True, gamma=gamma)
    # our labels are B H W, theirs B 1 H W; their mean is over the K entries of a pixel, all but one of which are 0
    compare(lambda x: focal(x, labels, gamma=gamma), lambda x: CLASSES * theirs(x, labels[:, None]), logits, 1e-6)


@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_focal_of_sigmoid_for_several_labels(gamma: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(20, 5, generator=generator)
    targets = (torch.rand(20, 5, generator=generator) < 0.3).float()
    view: None = None  # no loss asks for it
    batch = Batch(logits, targets, torch.arange(20), view)  # type: ignore[arg-type]
    task = MultiLabel(tuple("abcde"), (0.5,) * 5, gamma=gamma)
    smp = FocalLoss("multilabel", gamma=gamma)
    for theirs in (
        lambda x: sigmoid_focal_loss(x, targets, alpha=-1, gamma=gamma, reduction="mean"),
        lambda x: smp(x, targets),
    ):
        compare(lambda x: task.losses(x, batch)["labels"], theirs, logits, 1e-5)
