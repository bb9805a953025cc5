"""The contract of a network as one test, for the zoo and for your own networks.

    check_model(lambda: MyNet(classes=10), channels=3, size=64)

It raises ModelError, one line, at the first violation, and returns None for a network without any. Of a dense network the
logits are a map of the size of the images, and everything else is as for one that classifies.
"""

from collections import Counter
from collections.abc import Callable
from math import lcm
from typing import TypeVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn.modules import activation

from striate.errors import SettingError, StriateError
from striate.models.blocks import Network
from striate.models.dense import DenseNetwork, upsample

__all__ = ["ModelError", "check_model"]

Output = TypeVar("Output")
ACTIVATIONS = tuple(getattr(activation, name) for name in activation.__all__ if name != "MultiheadAttention")


@final
class ModelError(StriateError):
    """A network that violates the contract."""


def check_model(build: Callable[[], nn.Module], *, channels: int = 3, size: int = 64) -> None:
    """Run every check below on networks that `build` makes.

    `build` is a function or class without arguments, not a module: two new networks show whether the initialization
    follows from the seed, and the checks leave gradients and statistics in them. The state of torch's default generator is
    restored. Raises ModelError.
    """
    if isinstance(build, nn.Module):
        raise ModelError(f"check_model takes a function that builds the network, not a {type(build).__name__} itself")
    with torch.random.fork_rng(devices=[]):
        first, second = (_seeded(build) for _ in range(2))
        network = _declared(first)
        _initialization_follows_from_the_seed(network, second)
        dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
        images = torch.rand(2, channels, size, size, dtype=dtype)
        _declarations_are_true(network.eval(), images)
        _forward_is_the_head(network.eval(), images)
        _features_stay(network.eval(), images)
        _embedding_is_the_input_of_the_classifier(network.eval(), images)
        _any_batch_and_any_size(network.eval(), images)
        _too_small_is_refused(network.eval(), images)
        _no_activation_runs_twice(network.eval(), images)
        _exports(network.eval(), images)
        _every_parameter_learns(network.train(), images)
        _runs_in_bfloat16(network.train(), images)


def _seeded(build: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return build()


def _declared(module: nn.Module) -> Network:
    missing = [
        name for name in ("features", "head", "widths", "strides", "min_size") if getattr(module, name, None) is None
    ]
    if missing:
        raise ModelError(f"{type(module).__name__} has no {', '.join(missing)}, which a striate.models.Network has")
    network = cast(Network, module)
    if len(network.widths) != len(network.strides) or not network.widths:
        raise ModelError(f"widths {network.widths} and strides {network.strides} must be as many as the stages")
    if list(network.strides) != sorted(network.strides):
        raise ModelError(f"strides {network.strides} are not in the order finest first")
    for declared in ("input_layers", "classifier_layers"):
        for name in getattr(network, declared, ()):
            if f"{name}.weight" not in network.state_dict():
                raise ModelError(f"{declared} names {name}, which is not a layer with weights")
    return network


def _initialization_follows_from_the_seed(network: Network, twin: nn.Module) -> None:
    if network is twin:
        raise ModelError("the function returns the same network twice, not a new one each time")
    other = twin.state_dict()
    for name, value in network.state_dict().items():
        if not torch.equal(value, other[name]):
            raise ModelError(f"{name} differs in two networks built after the same torch.manual_seed")


@torch.no_grad()
def _declarations_are_true(network: Network, images: Tensor) -> None:
    image = images[:1]
    step = 4 * lcm(*network.strides)  # an image larger by this has features larger by exactly step / stride
    larger = image.new_zeros(1, image.shape[1], image.shape[2] + step, image.shape[3] + step).uniform_()
    features, larger_features = _run(network.features, image), _run(network.features, larger)
    if len(features) != len(network.widths):
        raise ModelError(f"features gives {len(features)} outputs, but widths declares {len(network.widths)}")
    for i, (small, large) in enumerate(zip(features, larger_features, strict=True)):
        if small.ndim != 4 or small.shape[0] != 1:
            raise ModelError(f"feature {i} has shape {_by(small.shape)}, not batch x channels x height x width")
        if small.shape[1] != network.widths[i]:
            raise ModelError(f"feature {i} has {small.shape[1]} channels, but widths declares {network.widths[i]}")
        for side, before, after in zip(("height", "width"), small.shape[2:], large.shape[2:], strict=True):
            if after - before != step // network.strides[i]:
                raise ModelError(
                    f"feature {i} grows by {after - before} in {side} with {step} more pixels, "
                    f"but its declared stride {network.strides[i]} means {step // network.strides[i]}"
                )


@torch.no_grad()
def _forward_is_the_head(network: Network, images: Tensor) -> None:
    kept = images.clone()
    logits = _run(network, images)
    if not torch.equal(images, kept):
        raise ModelError("the network modifies its input images")
    if isinstance(network, DenseNetwork):
        _map_is_the_head_on_the_decoder(network, images, logits)
        return
    if logits.ndim != 2 or len(logits) != len(images):
        raise ModelError(f"logits have shape {_by(logits.shape)} for a batch of {len(images)}, not batch x classes")
    stages = network.stage_outputs if isinstance(network, Network) else network.features
    if not _close(logits, network.head(stages(images)[-1])):
        raise ModelError("forward is not the head on the last feature")


def _map_is_the_head_on_the_decoder(network: DenseNetwork, images: Tensor, logits: Tensor) -> None:
    size = (images.shape[2], images.shape[3])
    if logits.ndim != 4 or len(logits) != len(images) or logits.shape[2:] != size:
        raise ModelError(
            f"logits have shape {_by(logits.shape)} for a batch of {len(images)}, not batch x classes x {_by(size)}"
        )
    features = network.features(images)
    kept = [feature.clone() for feature in features]
    decoded = network.decoder(features)
    for i, (feature, before) in enumerate(zip(features, kept, strict=True)):
        if not torch.equal(feature, before):
            raise ModelError(f"feature {i} is modified by the decoder, which works in place")
    if not _close(logits, upsample(network.head(decoded), size)):
        raise ModelError("forward is not the head on the decoder's output, at the size of the images")
    if network.classifier_layers and not _close(
        network.get_submodule(network.main_classifier)(decoded), network.head(decoded)
    ):
        raise ModelError(f"the head is not {network.main_classifier}, the first of classifier_layers")


@torch.no_grad()
def _features_stay(network: Network, images: Tensor) -> None:
    if not isinstance(network, Network):
        return  # a module that is not a Network does not tell where its stages end
    output = network.stem(images)
    for i, (stage, feature) in enumerate(zip(network.stages(), network.features(images), strict=True)):
        output = stage(output)
        if not torch.equal(network.to_feature_map(output), feature):
            raise ModelError(f"feature {i} is modified by a later layer that works in place")


@torch.no_grad()
def _embedding_is_the_input_of_the_classifier(network: Network, images: Tensor) -> None:
    if not isinstance(network, Network) or not getattr(network, "classifier_layers", ()):
        return
    name = network.main_classifier
    layer = network.get_submodule(name)
    try:
        embedding = network.embed(images)
    except ValueError as error:
        raise ModelError(f"{name}, the first of classifier_layers, does not run once in forward") from error
    if embedding.ndim != 2 or len(embedding) != len(images):
        raise ModelError(f"the input of {name} has shape {_by(embedding.shape)}, not batch x features")
    if isinstance(layer, nn.Linear) and not _close(layer(embedding), network(images)):
        raise ModelError(f"the logits are not the output of {name}, the first of classifier_layers")


@torch.no_grad()
def _any_batch_and_any_size(network: Network, images: Tensor) -> None:
    _, channels, height, width = images.shape
    logits, alone = _run(network, images), _run(network, images[:1])
    if alone.shape != logits[:1].shape:
        raise ModelError(f"logits have shape {_by(alone.shape)} for a batch of one, not 1 x classes")
    if not _close(logits[:1], alone):
        raise ModelError("in eval mode an image's logits depend on the other images of its batch")
    min_size = network.min_size
    for odd_height, odd_width in ((height + 1, width + 3), (min_size, min_size), (min_size + 2, min_size + 1)):
        logits = _run(network, images.new_zeros(1, channels, odd_height, odd_width))
        map_size = (odd_height, odd_width) if isinstance(network, DenseNetwork) else ()
        if logits.shape != (1, alone.shape[1], *map_size):
            raise ModelError(f"{odd_height} x {odd_width} pixels give logits of shape {_by(logits.shape)}")


@torch.no_grad()
def _too_small_is_refused(network: Network, images: Tensor) -> None:
    min_size = network.min_size
    if min_size == 1:
        return
    for height, width in ((min_size - 1, min_size), (min_size, min_size - 1)):
        try:
            network(images[:1, :, :1, :1].expand(-1, -1, height, width))
        except SettingError as error:
            if str(min_size) not in str(error):
                raise ModelError(f"the refusal {str(error)!r} does not name the min_size {min_size}") from error
        except Exception as error:
            raise ModelError(
                f"{height} x {width} pixels give {_first_line(error)}, not a SettingError that names the min_size {min_size}"
            ) from error
        else:
            raise ModelError(f"{height} x {width} pixels are accepted, although min_size is {min_size}")


@torch.no_grad()
def _no_activation_runs_twice(network: Network, images: Tensor) -> None:
    calls: Counter[nn.Module] = Counter()

    def count(module: nn.Module, _inputs: object, _output: object) -> None:
        calls[module] += 1

    hooks = [module.register_forward_hook(count) for module in network.modules() if isinstance(module, ACTIVATIONS)]
    _run(network, images)
    for hook in hooks:
        hook.remove()
    for name, module in network.named_modules():
        if calls[module] > 1:
            raise ModelError(
                f"the activation {name} runs {calls[module]} times in one forward: use a new module for each call"
            )


@torch.no_grad()
def _exports(network: Network, images: Tensor) -> None:
    try:
        batch = torch.export.Dim("batch", min=1, max=1024)
        exported = torch.export.export(network, (images,), dynamic_shapes=({0: batch},)).module()
        same = _close(exported(images[:1]), network(images[:1]))
    except Exception as error:
        raise ModelError(f"torch.export with a batch of any size fails: {_first_line(error)}") from error
    if not same:
        raise ModelError("the logits of the exported network differ")


def _every_parameter_learns(network: Network, images: Tensor) -> None:
    kept = images.clone()
    try:
        logits = network.training_logits(images) if isinstance(network, Network) else (network(images),)
        torch.stack([(each * torch.rand_like(each)).sum() for each in logits]).sum().backward()
    except Exception as error:
        raise ModelError(f"a training step fails: {_first_line(error)}") from error
    if not torch.equal(images, kept):
        raise ModelError("the network modifies its input images")
    for name, parameter in network.named_parameters():
        if parameter.requires_grad and parameter.grad is None:
            raise ModelError(f"no gradient reaches the parameter {name}")
        if parameter.grad is not None and not parameter.grad.isfinite().all():
            raise ModelError(f"the gradient of the parameter {name} is not finite")


def _runs_in_bfloat16(network: Network, images: Tensor) -> None:
    try:
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(images)
        logits.float().sum().backward()
    except Exception as error:
        raise ModelError(f"training under bfloat16 autocast fails: {_first_line(error)}") from error
    if not logits.isfinite().all():
        raise ModelError("logits under bfloat16 autocast are not finite")


def _run(function: Callable[[Tensor], Output], images: Tensor) -> Output:
    try:
        return function(images)
    except Exception as error:
        raise ModelError(f"images of shape {_by(images.shape)} fail: {_first_line(error)}") from error


def _close(one: Tensor, other: Tensor) -> bool:
    """Equal up to rounding; in a map it is that of its largest value, for where large terms cancel no more is left of them."""
    largest = max(1.0, other.abs().max().item()) if other.ndim == 4 else 1.0
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-5 * largest)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
