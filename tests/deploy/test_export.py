"""Export: the program gives the network's answers for any number of images, and a wrong one is noticed."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from striate.data import Canvas
from striate.deploy import export_program
from striate.deploy.export import Servable, measure_parity
from striate.errors import RunError
from striate.models import create_model
from striate.runs import Bundle, Preprocessing
from striate.tasks import Classify
from striate.views import Normalization, evaluation_view

PREPROCESSING = Preprocessing(Canvas(36, 32, 3), (28, 28), Normalization((0.4, 0.5, 0.6), (0.2, 0.3, 0.1)))


@pytest.fixture
def bundle() -> Bundle:
    torch.manual_seed(0)
    model = create_model("bn_gap_cnn", classes=4, channels=3).eval()
    return Bundle(model, "bn_gap_cnn", {"classes": 4, "channels": 3}, Classify(tuple("abcd")), PREPROCESSING)


def some_images(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 36, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_the_graph_preprocesses_as_evaluation_does(bundle):
    images = some_images(3)
    view = evaluation_view(3, image_size=(36, 32), size=(28, 28), normalization=PREPROCESSING.normalization)
    expected = bundle.model(view.image(images)).softmax(1)
    assert torch.allclose(Servable(bundle)(images), expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*isinstance.*LeafSpec.*:FutureWarning")
def test_the_file_gives_the_same_answers_for_other_numbers_of_images(bundle, tmp_path):
    path = tmp_path / "net.pt2"
    parity = export_program(bundle, path, some_images(8))
    assert parity.images == 8
    assert parity.same_class == 1
    program = torch.export.load(path).module()
    for count in (1, 5):
        assert torch.allclose(program(some_images(count)), Servable(bundle)(some_images(count)), atol=1e-5)


def test_a_program_that_differs_is_refused(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("striate.deploy.export.TOLERANCE", -1.0)
    with pytest.raises(RunError, match="differs by"):
        export_program(bundle, Path(tmp_path / "net.pt2"), some_images(2))
    assert list(tmp_path.iterdir()) == []


def test_one_forward_pass_is_exported_and_no_test_time_augmentation(bundle, tmp_path):
    with pytest.raises(RunError, match="tta = flip: an exported program is one forward pass; export bundle.with_tta"):
        export_program(bundle.with_tta("flip"), tmp_path / "net.pt2", some_images(2))


def test_one_forward_pass_is_exported_and_no_window_that_slides(bundle, tmp_path):
    preprocessing = replace(PREPROCESSING, canvas=replace(PREPROCESSING.canvas, fit="window"))
    with pytest.raises(RunError, match="fit = window: an exported program is one forward pass"):
        export_program(replace(bundle, preprocessing=preprocessing), tmp_path / "net.pt2", some_images(2))
    assert not list(tmp_path.iterdir())


def test_parity_measures_what_differs():
    class Flipped(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flip(1)

    parity = measure_parity(nn.Identity(), Flipped(), torch.tensor([[0.9, 0.1], [0.5, 0.5]]))
    assert parity.largest_difference == pytest.approx(0.8)
    assert parity.same_class == 0.5
