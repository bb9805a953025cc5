"""Embeddings of a frozen network: every sample through the same weights once, as fast as a CPU does it.

Each batch norm is folded into the convolution before it, and sub-batches are so small that their activations stay in the caches:
measured with EfficientNet-lite0 at 224 pixels on a core with AVX-512 beside other work, 41 to 67 images per second of CPU time, and
25 to 33 in batches of 32 as PyTorch computes them. Each thread computes a sub-batch of its own, because threads that share one wait
for each other at every layer: two threads on two busy cores 32 to 46 images/s that way, 4 to 8 when they share.
What a sample's embedding is, to the last bit, depends on its sub-batch and not on the number of threads, and the size of
sub-batches follows from the network and not from a clock: computed again, embeddings are the same. They equal, to the bit, what the
folded network gives for the same sub-batches; from the network as it is they differ by TOLERANCE of their norm at most.
"""

import copy
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from striate.data import Batches
from striate.data.threads import Progress
from striate.errors import DataError
from striate.models import Network
from striate.training.machine import available_cores, threads_restored

__all__ = ["FEATURE_BATCH", "feature_arithmetic", "frozen_embeddings"]

FEATURE_BATCH: Final = 128  # images that are read at a time, for several sub-batches in each thread
LARGEST_ACTIVATION: Final = 24 * 2**20  # bytes, of one layer for a sub-batch: what caches hold
LARGEST_SUB_BATCH: Final = 32
TOLERANCE: Final = 1e-5  # of folded embeddings, relative to their norm


def feature_arithmetic(device: torch.device) -> str:
    """What of a device decides the last bits of embeddings: what it is, and how exactly it multiplies float32.

    Embeddings are computed in float32 whatever the precision of the training; the number of threads changes nothing.
    """
    matrices = torch.get_float32_matmul_precision()
    if device.type == "cpu":
        return f"cpu {torch.backends.cpu.get_cpu_capability()}, matrices {matrices}"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"{name}, matrices {matrices}, TF32 in convolutions {torch.backends.cudnn.allow_tf32}"


@torch.inference_mode()
def frozen_embeddings(network: Network, batches: Batches, progress: Progress | None = None) -> Tensor:
    """The embeddings of all samples in their order, in evaluation mode: N D float32 on the CPU.

    `batches` are without a policy, and on the network's device. The network itself is not changed, its mode included. Raises
    DataError where a file became unreadable since it was first read.
    """
    embeddings: list[Tensor] = []
    done, total = 0, len(batches.samples)
    epoch = (batch.inputs for batch in batches.epoch(0))  # B C H W each
    first = next(epoch, None)
    if first is not None:
        for embedded in _each(network, first, itertools.chain([first], epoch)):
            embeddings.append(embedded.float().cpu())  # B D
            done += len(embedded)
            if progress is not None:
                progress(done, total)
    if done < total:
        lost = [one.id for one in batches.samples.pixels.lost]
        raise DataError(
            f"{lost[0] if lost else 'a file'}: became unreadable while the features were computed; fix the file and repeat"
        )
    return torch.cat(embeddings)


def _each(network: Network, example: Tensor, images: Iterator[Tensor]) -> Iterator[Tensor]:
    if example.device.type == "cpu":
        yield from _on_cpu(network, example, images)
    else:
        frozen = _with_shared_weights(network).eval()
        for batch in images:
            yield frozen.embed(batch)


def _on_cpu(network: Network, example: Tensor, images: Iterator[Tensor]) -> Iterator[Tensor]:
    """In sub-batches, one in each thread."""
    plain = _with_shared_weights(network).eval()
    trace = _trace(plain, example[:1])
    size = trace.sub_batch()
    frozen = _faster_if_equal(plain, trace, example[:size])
    threads = min(torch.get_num_threads(), available_cores())
    networks: SimpleQueue[Network] = SimpleQueue()  # `embed` is not for two threads at once on one network
    for _ in range(threads):
        networks.put(_with_shared_weights(frozen))

    def embed(images: Tensor) -> Tensor:
        mine = networks.get()
        try:
            with torch.inference_mode():  # it is set for each thread
                return mine.embed(images)
        finally:
            networks.put(mine)

    with _single_threaded(threads) as pool:
        for batch in images:
            yield torch.cat(list(pool.map(embed, batch.split(size))))


@contextmanager
def _single_threaded(threads: int) -> Iterator[ThreadPoolExecutor]:
    """A pool in whose threads PyTorch uses no others."""
    with threads_restored(), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield pool


def _with_shared_weights(network: Network) -> Network:
    """A copy with modules of its own and the same tensors."""
    return copy.deepcopy(network, {id(one): one for one in itertools.chain(network.parameters(), network.buffers())})


@final
@dataclass
class _Trace:
    """What a forward pass of one image shows: its largest activation, and which batch norm takes a convolution's output."""

    largest: int = 1  # bytes
    pairs: list[tuple[str, str]] = field(default_factory=list)  # names of a convolution and its batch norm
    calls: dict[str, int] = field(default_factory=dict)
    # of convolutions, kept so that ids stay theirs
    outputs: dict[int, tuple[str, Tensor]] = field(default_factory=dict)

    def sub_batch(self) -> int:
        """The largest power of 2 whose activations fit in the caches."""
        fitting = max(1, LARGEST_ACTIVATION // self.largest)
        return min(LARGEST_SUB_BATCH, 1 << (fitting.bit_length() - 1))

    def record(self, name: str, layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """One call of a layer."""
        if not isinstance(output, Tensor) or not inputs:
            return
        self.calls[name] = self.calls.get(name, 0) + 1
        self.largest = max(self.largest, output.numel() * output.element_size())
        # an activation may change it in place, then it is no longer linear
        source = self.outputs.pop(id(inputs[0]), None)
        if type(layer) is nn.Conv2d:
            self.outputs[id(output)] = name, output
        elif type(layer) is nn.BatchNorm2d and layer.running_mean is not None and source is not None:
            self.pairs.append((source[0], name))


def _trace(network: Network, image: Tensor) -> _Trace:
    trace = _Trace()

    def recorder(name: str) -> Any:
        return lambda layer, inputs, output: trace.record(name, layer, inputs, output)

    hooks = [layer.register_forward_hook(recorder(name)) for name, layer in network.named_modules()]
    try:
        network(image)  # 1 C H W
    finally:
        for hook in hooks:
            hook.remove()
    return trace


def _faster_if_equal(plain: Network, trace: _Trace, images: Tensor) -> Network:
    """The network with batch norm folded into convolutions, in channels-last; or as it is, where embeddings would differ.

    They differ where the folded output has a second user, which a trace does not show.
    """
    folded = copy.deepcopy(plain)
    for conv, norm in trace.pairs:
        linear, normalizing = folded.get_submodule(conv), folded.get_submodule(norm)
        if trace.calls[conv] == trace.calls[norm] == 1:
            assert isinstance(linear, nn.Conv2d)
            assert isinstance(normalizing, nn.BatchNorm2d)
            folded.set_submodule(conv, fuse_conv_bn_eval(linear, normalizing))
            folded.set_submodule(norm, nn.Identity())
    for parameter in folded.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    expected, found = plain.embed(images), folded.embed(images)
    is_equal = (found - expected).norm() <= TOLERANCE * expected.norm()  # never for what is not finite
    return folded if is_equal else plain
