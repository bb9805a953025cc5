"""Real weights on real photographs: EfficientNet-lite names what is in the images that scikit-image and scikit-learn ship."""

from functools import cache
from pathlib import Path

import pytest
import skimage.data
import sklearn.datasets
import torch
from PIL import Image
from torch import Tensor

from striate.data import Canvas, Limits, decode_image
from striate.models import Network, create_model, pretrained_input
from striate.models.pretrained import PACKAGED
from striate.views import Normalization, evaluation_view

pytestmark = pytest.mark.oracle

# Numbers of ImageNet's classes that are right, of those that the top five should contain.
PHOTOGRAPHS = {
    "chelsea": {281, 282, 285},  # tabby, tiger cat, Egyptian cat
    "coffee": {504, 967},  # coffee mug, espresso
    "rocket": {657, 744, 812},  # missile, projectile, space shuttle
    "camera": {732, 759, 872},  # Polaroid camera, reflex camera, tripod
    "china.jpg": {442, 497, 663, 698},  # bell cote, church, monastery, palace
}


@cache
def pretrained(name: str) -> Network:
    return create_model(name, classes=1000, weights="imagenet").eval()


def photograph(name: str, folder: Path, network: str = "efficientnet_lite0") -> Tensor:
    """Through striate's own reading and preprocessing, as a batch of one."""
    pixels = sklearn.datasets.load_sample_image(name) if name.endswith(".jpg") else getattr(skimage.data, name)()
    path = folder / "photograph.png"
    Image.fromarray(pixels).save(path)
    image = torch.from_numpy(decode_image(path, Canvas(256, 256, 3), Limits()).copy()).permute(2, 0, 1)[None]
    expected = pretrained_input(network)
    view = evaluation_view(
        1,
        image_size=(256, 256),
        size=(expected.size, expected.size),
        normalization=Normalization(expected.mean, expected.std),
    )
    return view.image(image)


@pytest.mark.parametrize("network", PACKAGED)
@pytest.mark.parametrize("name", PHOTOGRAPHS)
@torch.inference_mode()
def test_the_top_five_contain_what_is_in_the_image(tmp_path, name, network):
    (logits,) = pretrained(network)(photograph(name, tmp_path, network))
    assert set(logits.topk(5).indices.tolist()) & PHOTOGRAPHS[name]
    assert logits.argmax().item() in PHOTOGRAPHS[name]


@torch.inference_mode()
def test_random_weights_do_not(tmp_path):
    """The healthy twin of a planted fault: without the weights the test above must fail."""
    torch.manual_seed(0)
    network = create_model("efficientnet_lite0", classes=1000).eval()
    right = sum(network(photograph(name, tmp_path)).argmax().item() in classes for name, classes in PHOTOGRAPHS.items())
    assert right <= 1


def test_gray_images_take_the_sum_of_the_first_kernels(tmp_path):
    """A gray image is one whose channels are equal, so the network for one channel predicts the same."""
    gray = create_model("efficientnet_lite0", classes=1000, channels=1, weights="imagenet").eval()
    images = photograph("camera", tmp_path)
    with torch.inference_mode():
        torch.testing.assert_close(gray(images[:, :1]), pretrained("efficientnet_lite0")(images), rtol=1e-4, atol=1e-4)
