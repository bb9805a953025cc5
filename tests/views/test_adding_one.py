"""An operation on pixels or a kind of mixing is a function and a row, a policy a row: tried on a copy of the package."""

import os
import subprocess
import sys
from pathlib import Path

import striate

ROOT = Path(str(striate.__file__)).parent
FUNCTION = """

def random_inversion(images: Tensor, probability: float, draws: SampleRandomness) -> Tensor:
    (chance,) = draws.uniforms().to(images.device)
    return _change_some(images, chance < probability, lambda some, _: 255 - some)
"""
ROW = """
    inversion: Annotated[
        float,
        Setting("probability of a negative", 0, 1),
        Step("pixels", "invert, {0:.3g} of the images"),
        PixelOperation("pixel_operations.random_inversion", range(50, 51)),
    ] = 0.0
"""
MIX_FUNCTION = """

def blend_all(images: Tensor, targets: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    return images.lerp(images.mean(0), strength), targets.lerp(targets.mean(0), strength)
"""
MIX_ROW = """
    blendall: Annotated[
        float,
        Setting("blend with the mean of the batch, share", 0, 1),
        Step("mix", "blend with the mean of the batch, {0:.3g} of it"),
        Mixing("mixing.blend_all", "strength"),
    ] = 0.0
"""
POLICY = '        "negatives": PolicyRow({"inversion": 1.0}),\n'
USE = """
import torch
import tempfile
from striate.cli.overrides import Overrides
from striate.errors import SettingError
from striate.training import NamedRecipe, Recipe, resolve, to_toml
from striate.jobs import augment
from striate.training.loop import mixed_batch
from striate.data import Batch
from striate.tasks import Classify
from striate.views import POLICIES, Normalization, Policy, apply_policy, describe, evaluation_view

images, plain = torch.arange(256, dtype=torch.uint8).view(4, 1, 8, 8), Normalization((0.0,), (1.0,))
changed, _ = apply_policy(
    POLICIES["negatives"], images, torch.arange(4), seed=0, epoch=0, size=(8, 8), normalization=plain
)
assert torch.equal((255 * changed).round(), 255.0 - images)
assert "pixels: invert, 1 of the images" in describe(POLICIES["negatives"])
assert {"inversion", "augment"} <= {*Overrides.__dataclass_fields__}
resolved = resolve({"augment": "negatives", "inversion": 0.25}, NamedRecipe("mine", {}, ""))
assert "inversion = 0.25 " in to_toml(resolved)
assert "# probability of a negative" in to_toml(resolved)
assert Recipe.of(augment="negatives").augment.inversion == 1
blend = Policy(blendall=0.5)
view = evaluation_view(4, image_size=(8, 8), size=(8, 8), normalization=plain)
batch = Batch(images / 255, torch.tensor([0, 1, 1, 1]), torch.arange(4), view)
mixed = mixed_batch(batch, blend, Classify(("a", "b")))
assert torch.allclose(mixed.inputs, (batch.inputs + batch.inputs.mean(0)) / 2)
assert mixed.targets.tolist() == [[0.625, 0.375], *3 * [[0.125, 0.875]]]
assert describe(blend)[-1] == "mix: blend with the mean of the batch, 0.5 of it"
try:
    augment("mnist-scenes:9", blendall=0.5, mixup=0.1, out=tempfile.mkdtemp() + "/sheet.png")
except SettingError as error:
    assert str(error).endswith("set mixup and blendall to 0"), error
else:
    raise AssertionError
for wrong, message in ({"inversion": 2}, "takes 0 to 1"), ({"inversoin": 1}, "did you mean inversion"):
    try:
        Recipe.of(**wrong)
    except SettingError as error:
        assert message in str(error)
    else:
        raise AssertionError(wrong)
"""


def edited(path: Path, *insertions: tuple[str, str]) -> None:
    """The file with each text inserted after its anchor, which it has once."""
    text = path.read_text()
    for anchor, addition in insertions:
        assert text.count(anchor) == 1
        text = text.replace(anchor, anchor + addition)
    path.write_text(text)


def test_an_operation_and_a_kind_of_mixing_are_a_function_and_a_row_and_a_policy_is_a_row(tmp_path):
    package = tmp_path / "striate"
    (package / "views").mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.name != "views":
            (package / path.name).symlink_to(path)
    for path in (ROOT / "views").glob("*.py*"):
        (package / "views" / path.name).write_bytes(path.read_bytes())
    operations, settings = package / "views/pixel_operations.py", package / "views/settings.py"
    operations.write_text(operations.read_text() + FUNCTION)
    mixing = package / "views/mixing.py"
    mixing.write_text(mixing.read_text() + MIX_FUNCTION)
    last = 'PixelOperation("pixel_operations.random_erase", range(13, 18)),\n    ] = 0.0\n'
    last_kind = 'Mixing("mixing.cutmix", "strength"),\n    ] = 0.0\n'
    edited(settings, (last, ROW), (last_kind, MIX_ROW), ('        "none": PolicyRow(),\n', POLICY))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    used = subprocess.run([sys.executable, "-c", USE], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert used.returncode == 0, used.stderr
