"""Masks: predictions in the pixels of the file, and what a split of them comes to."""

import io
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from striate.data import Batch, Canvas, ImageFrame, MaskTargets, canvas_view
from striate.data.masks import load_masks
from striate.data.settings import FitMode
from striate.data.targets import IGNORE, Original, TargetForm, Targets
from striate.errors import DataError, SettingError
from striate.tasks import Segment
from striate.tasks.segment.boundary import boundary_f
from striate.tasks.segment.metrics import segmentation_metrics
from striate.tasks.segment.pixel_counts import image_counts
from striate.tasks.settings import LossSettings
from striate.views import Normalization, evaluation_view

CLASSES = ("background", "cat", "dog")
TASK = Segment(CLASSES)


def some_masks(count: int = 6, side: int = 8) -> MaskTargets:
    return MaskTargets(np.random.default_rng(0).integers(0, 3, (count, side, side)).astype(np.uint8), 3)


def batch_of(masks: MaskTargets, positions: torch.Tensor) -> Batch:
    side = masks.values.shape[1]
    view = evaluation_view(
        len(positions), image_size=(side, side), size=(side, side), normalization=Normalization((0.0,), (1.0,))
    )
    gathered = masks.gather_on(torch.device("cpu"))(positions, view)
    originals = masks.originals(positions, view)
    return Batch(torch.zeros(len(positions), 1, side, side), gathered, positions, view, originals)


def one_hot(masks: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.one_hot(masks.clamp(min=0), 3).movedim(-1, 1).float()


@pytest.mark.parametrize(("size", "canvas", "fit"), [((40, 64), (32, 32), "contain"), ((100, 80), (32, 32), "cover")])
def test_a_mask_comes_back_at_the_size_of_its_file(size, canvas, fit):
    whole = np.zeros(size, np.int64)
    whole[size[0] // 4 : size[0] // 2] = 1
    whole[:, size[1] // 2 :] = 2
    view = canvas_view(size, canvas, fit)
    shown = view.mask(torch.from_numpy(whole)[None], 0)
    (one,) = TASK.describe(TASK.decode(20 * one_hot(shown)), [ImageFrame("a.png", size, view)])
    assert one.prediction is not None
    assert one.prediction.shape == size
    known = one.prediction != IGNORE
    assert (one.prediction == whole)[known].mean() > 0.93  # but for edges
    assert known.all() == (fit == "contain")  # a square cut off the ends of the other
    assert sum(one.area.values()) == pytest.approx(1)
    image = Image.open(io.BytesIO(one.mask_png() or b""))
    assert (image.size, image.mode) == ((size[1], size[0]), "P")
    assert (np.asarray(image)[known] == one.prediction[known]).all()


def test_where_file_canvas_and_input_are_of_one_size_figures_are_those_of_the_outputs():
    generator, masks = torch.Generator().manual_seed(0), some_masks(20, 12)
    masks.values[::3, 4:6] = 255
    batch = batch_of(masks, torch.arange(20))
    outputs = torch.randn(20, 3, 12, 12, generator=generator) + one_hot(batch.targets)
    predictions = TASK.predictions()
    for some in torch.arange(20).split(7):
        predictions.update(TASK.decode(outputs[some]), batch_of(masks, some))
    predicted = outputs.argmax(1)
    boundaries = [boundary_f(predicted[n].numpy(), batch.targets[n].numpy(), 3) for n in range(20)]
    counts = image_counts(predicted, batch.targets, 3).numpy()
    assert predictions.metrics() == segmentation_metrics(counts, CLASSES, np.stack(boundaries))


@dataclass(frozen=True, eq=False)
class Files(Targets):
    """Masks of any size, as files have them."""

    masks: list[npt.NDArray[np.int64]]
    form: ClassVar[TargetForm] = "masks"

    def __len__(self) -> int:
        return len(self.masks)

    def target(self, i: int) -> npt.NDArray[np.int64]:
        return self.masks[i]

    def content(self) -> bytes:
        return b""


def loaded(files: list[npt.NDArray[np.int64]], fit: FitMode, side: int = 16) -> MaskTargets:
    names = [f"{n}.png" for n in range(len(files))]
    return load_masks(Files(files), names, range(len(files)), Canvas(side, side, 1, fit=fit), 3, threads=1)[0]


@pytest.mark.parametrize("fit", ["contain", "cover"])
def test_masks_are_measured_in_the_pixels_of_their_files_as_they_are_predicted(fit):
    generator = np.random.default_rng(0)
    sizes = [(40, 20), (9, 13), (16, 16), (33, 70)]
    files = [generator.integers(-1, 3, (h // 3 + 1, w // 3 + 1)).repeat(3, 0).repeat(3, 1)[:h, :w] for h, w in sizes]
    masks = loaded(files, fit)
    batch = batch_of(masks, torch.arange(4))
    outputs = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) + 2 * one_hot(batch.targets)
    predictions = TASK.predictions()
    predictions.update(TASK.decode(outputs), batch)
    frames = [
        ImageFrame(f"{n}.png", size, canvas_view(size, (16, 16), fit).then(batch.view.geometry[:1], (16, 16)))
        for n, size in enumerate(sizes)
    ]
    rows = predictions.rows([one.name for one in frames])
    for one, file, row in zip(TASK.describe(TASK.decode(outputs), frames), files, rows, strict=True):
        assert one.prediction is not None
        labeled = file != IGNORE
        right = [((one.prediction == k) & (file == k)).sum() for k in range(3)]
        either = [(((one.prediction == k) | (file == k)) & labeled).sum() for k in range(3)]
        assert row["mean_iou"] == pytest.approx(np.mean([r / e for r, e in zip(right, either, strict=True) if e]))
        assert row["pixel_accuracy"] == pytest.approx((one.prediction == file)[labeled].mean())


def test_pixels_that_the_network_was_not_shown_are_missed_and_their_share_is_a_figure():
    file = np.zeros((16, 32), np.int64)
    file[:, 28:] = 2  # wholly beyond the square of the middle
    file[8:] = 1
    cases: tuple[tuple[FitMode, float | None], ...] = (("cover", 0.5), ("contain", None))
    for fit, share in cases:
        masks = loaded([file], fit)
        batch = batch_of(masks, torch.arange(1))
        predictions = TASK.predictions()
        predictions.update(TASK.decode(20 * one_hot(batch.targets)), batch)
        figures = predictions.metrics()
        of_class = {row["class"]: row["iou"]["value"] for row in figures["per_class"]}
        if share is None:
            assert "pixels_not_shown" not in figures
            assert min(of_class.values()) > 0.7
        else:
            assert figures["pixels_not_shown"]["value"] == share
            assert figures["pixel_accuracy"]["value"] == 1 - share
            assert of_class == {"background": pytest.approx(128 / 224), "cat": 0.5, "dog": 0.0}


def test_the_worst_masks_are_kept_and_drawn_beside_their_labels():
    masks = some_masks()
    predictions = TASK.predictions()
    for positions in torch.arange(6).split(4):
        batch = batch_of(masks, positions)
        outputs = one_hot(batch.targets)
        outputs[positions == 3] = outputs[positions == 3].roll(1, 1)  # every pixel is wrong
        predictions.update(outputs, batch)
    assert predictions.worst(9) == [(3, {"mean_iou": 0.0})]
    image = np.full((8, 8, 1), 200, np.uint8)
    drawn = predictions.drawn(3, image, masks.target(3))
    assert drawn.shape == (8, 24, 3)
    assert (drawn[:, :8] == 200).all()
    assert (drawn[:, 8:16] != drawn[:, 16:]).any(2).mean() > 0.5
    rows = predictions.rows([f"{n}.png" for n in range(6)])
    assert [row["mean_iou"] for row in rows] == [1, 1, 1, 0, 1, 1]
    assert rows[0]["labels"] == "background; cat; dog"


def test_the_worst_masks_of_large_images_are_drawn_small():
    masks = some_masks(1, 1100)
    batch = batch_of(masks, torch.arange(1))
    predictions = TASK.predictions()
    predictions.update(one_hot((batch.targets + 1) % 3), batch)
    drawn = predictions.drawn(0, np.full((1100, 1100, 1), 200, np.uint8), masks.target(0))
    assert drawn.shape == (367, 3 * 367, 3)


def test_an_output_at_another_scale_is_brought_to_that_of_the_masks():
    batch = batch_of(some_masks(), torch.arange(6))
    coarse = torch.randn(6, 3, 4, 4)
    finer = torch.nn.functional.interpolate(coarse, (8, 8), mode="bilinear", align_corners=False)
    for one, other in zip(TASK.losses(coarse, batch).values(), TASK.losses(finer, batch).values(), strict=True):
        assert torch.allclose(one, other)


def test_weights_follow_the_pixels_of_a_class():
    values = np.zeros((2, 4, 4), np.uint8)
    values[0, 0] = 1
    task = Segment.for_training(CLASSES, LossSettings(balance="weights"), MaskTargets(values, 3))
    assert task.weights is not None
    assert (task.weights * torch.tensor([28.0, 4.0, 0.0])).tolist() == pytest.approx([16, 16, 0])


def test_what_nothing_can_be_learned_of_is_refused():
    masks = MaskTargets(np.ones((6, 4, 4), np.uint8), 3)
    with pytest.raises(DataError, match="the masks of the training images hold one class alone, cat"):
        Segment.for_training(CLASSES, LossSettings(), masks)
    with pytest.raises(DataError, match="hold no class"):
        Segment.for_training(CLASSES, LossSettings(), MaskTargets(np.full((6, 4, 4), 255, np.uint8), 3))
    with pytest.raises(SettingError, match="label_smoothing = 0.1: the losses of masks take none"):
        Segment.for_training(CLASSES, LossSettings(label_smoothing=0.1), some_masks())
    with pytest.raises(SettingError, match="mixup, cutmix and mosaic"):
        TASK.soft_targets(torch.zeros(2, 4, 4))


def test_more_classes_than_a_byte_holds_are_measured_as_they_are():
    classes = tuple(f"class {k}" for k in range(300))
    labels = torch.arange(64).view(1, 8, 8) + 230
    task, view = (
        Segment(classes),
        evaluation_view(1, image_size=(8, 8), size=(8, 8), normalization=Normalization((0.0,), (1.0,))),
    )
    predictions = task.predictions()
    outputs = torch.nn.functional.one_hot(labels, 300).movedim(-1, 1).float()
    originals = (Original(labels[0].numpy(), view),)
    predictions.update(outputs, Batch(torch.zeros(1, 1, 8, 8), labels, torch.arange(1), view, originals))
    figures = predictions.metrics()
    assert figures["mean_iou"]["value"] == figures["mean_boundary_f"]["value"] == 1
