"""What a policy does to a batch of training images, in a fixed order, and in words.

Geometry: one 3x3 matrix a sample and an elastic displacement. Pixel operations: those of a published policy, then those of
`Policy`. Color: one 4x4 matrix. Mixing of samples comes last, in the loop (`mixing.py`).
"""

from importlib import import_module
from typing import Any, cast

from torch import Tensor

from striate.settings import annotations
from striate.views.color import Normalization, color_buffer, image_means
from striate.views.displacement import random_displacement
from striate.views.lookup_tables import to_uint8
from striate.views.pixel_operations import PixelFunction, SampleRandomness
from striate.views.published_operations import Operations
from striate.views.random_color import random_color
from striate.views.random_geometry import random_geometry
from striate.views.randomness import Streams, uniforms
from striate.views.settings import POLICY_ROWS, Border, Mixing, PixelOperation, Policy, Step
from striate.views.view import View

__all__ = ["apply_policy", "changes_views", "describe", "mixing_steps", "named", "operations_of", "random_view"]


def random_view(
    policy: Policy,
    ids: Tensor,  # B int64
    *,
    seed: int,
    epoch: int,
    image_size: tuple[int, int],
    size: tuple[int, int],
    normalization: Normalization,
    means: Tensor | None = None,
    boxes: Tensor | None = None,
) -> View:
    """A view for each sample, a function of (seed, epoch, id) only; `image_size` and `size` are height, width.

    `means` B C in 0..1, the images' mean colors (`image_means`), are needed where contrast changes. It lacks what published
    operations move; the view that `apply_policy` returns has that too.
    """
    if policy.contrast and means is None:
        raise ValueError("contrast scales about the mean gray of each image: pass means")
    geometry = random_geometry(policy, ids, seed, epoch, image_size, size, boxes)
    color = random_color(policy, ids, seed, epoch, normalization, means)
    displacement = (
        random_displacement(uniforms(seed, epoch, ids, Streams.ELASTIC), size, policy.elastic * min(size))
        if policy.elastic
        else None
    )
    return View(geometry, color, size, cast(Border, policy.fill), displacement)


def apply_policy(
    policy: Policy,
    images: Tensor,  # B C H W uint8, or float in 0..1
    ids: Tensor,  # B int64
    *,
    seed: int,
    epoch: int,
    size: tuple[int, int],
    normalization: Normalization,
    out: Tensor | None = None,
    boxes: Tensor | None = None,
    means: Tensor | None = None,
) -> tuple[Tensor, View]:
    """A random view of each image, in the fixed order: the network's inputs, B C h w float32, and the views.

    `out`: memory for the inputs that may be written over, as in `View.image`. `boxes`: crops that were drawn, B 4 of `size`.
    `means`: as in `random_view`, where they are not those of all pixels.
    """
    height, width = images.shape[-2:]
    view = random_view(
        policy,
        ids,
        seed=seed,
        epoch=epoch,
        image_size=(height, width),
        size=size,
        normalization=normalization,
        means=image_means(images) if policy.contrast and means is None else means,
        boxes=boxes,
    )
    moved = view.resample(images, out)
    if operations := operations_of(policy):
        moved, geometry = operations.apply(to_uint8(moved), ids, seed=seed, epoch=epoch)
        view = view.then(geometry)
    for setting, operation in annotations(Policy, PixelOperation).items():
        if value := getattr(policy, setting):
            change: PixelFunction = named(operation.function)
            moved = change(moved, value, SampleRandomness(seed, epoch, ids, operation.streams, normalization.mean))
    return view.apply_color(moved, color_buffer(moved, images, out)), view


def operations_of(policy: Policy) -> Operations | None:
    """The published operations of a policy, with its settings; None where it has none."""
    path = POLICY_ROWS[policy.name].operations
    if not path:
        return None
    operations: type[Operations] = named(path)
    return operations.of(policy)


def describe(policy: Policy) -> list[str]:
    """A short sentence for each step that is on, in the order of application, each after its stage."""
    lines: dict[str, list[str]] = {"geometry": [], "pixels": [], "color": [], "mix": []}
    if operations := operations_of(policy):
        lines["pixels"].append(operations.describe())
    for setting, step in annotations(Policy, Step).items():
        if policy.is_on(setting):
            lines[step.stage].append(step.of(getattr(policy, setting)))
        elif step.default_text:
            lines[step.stage].append(step.default_text)
    lines["color"].append("normalize")
    return [f"{stage}: {text}" for stage, texts in lines.items() for text in texts]


def changes_views(policy: Policy) -> bool:
    """Whether an image alone is augmented; mixing needs several."""
    return {*describe(policy)} - {*mixing_steps(policy).values()} != {*describe(Policy())}


def mixing_steps(policy: Policy) -> dict[str, str]:
    """The settings that mix images with each other and are on, each with its line of `describe`."""
    steps = annotations(Policy, Step)
    on = [setting for setting in annotations(Policy, Mixing) if policy.is_on(setting)]
    return {setting: f"mix: {steps[setting].of(getattr(policy, setting))}" for setting in on}


def named(path: str) -> Any:
    """What is called "file.name" in this folder."""
    file, _, name = path.partition(".")
    return getattr(import_module(f"striate.views.{file}"), name)
