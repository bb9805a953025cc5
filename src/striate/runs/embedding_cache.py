"""Embeddings kept in a run folder, so that a run that was killed does not compute them again.

A file is named after all that its embeddings depend on, and holds a digest of its content, which is verified when it is opened.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from striate.models import Network
from striate.runs.atomic import explained, write_bytes
from striate.runs.bundle import Preprocessing

__all__ = ["EmbeddingKey", "cached_embeddings", "trunk_digest"]

NAME: Final = "embeddings"  # of the tensor in the file


@final
@dataclass(frozen=True)
class EmbeddingKey:
    """All that embeddings depend on, to the last bit, but for the versions of what decodes images.

    data: the digest of the source. weights: that of `trunk_digest`. arithmetic: of the device, as `feature_arithmetic` tells it.
    """

    data: str
    ids: Sequence[str]  # of the samples, in their order
    architecture: str
    weights: str
    preprocessing: Preprocessing
    arithmetic: str
    torch: str = torch.__version__

    def digest(self) -> str:
        """SHA-256, in hexadecimal."""
        values: dict[str, Any] = {name: value for name, value in vars(self).items() if name != "preprocessing"}
        stored = self.preprocessing.as_json()
        preprocessing = {name: stored[name] for name in stored if name != "tta"}  # which merges what follows features
        values |= {"ids": list(self.ids), "preprocessing": preprocessing}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def trunk_digest(network: Network) -> str:
    """SHA-256 of a network's weights and statistics, without those of its classifiers, in hexadecimal."""
    classifiers = tuple(f"{layer}." for layer in network.classifier_layers)
    total = hashlib.sha256()
    for name, value in network.state_dict().items():
        if not name.startswith(classifiers):
            total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            total.update(_bytes(value))
    return total.hexdigest()


def cached_embeddings(
    folder: Path, key: EmbeddingKey, compute: Callable[[], Tensor], message: Callable[[str], None]
) -> Tensor:
    """The embeddings of `key`, N D: those of its file in `folder`, or computed and written there.

    A damaged file is computed again, and `message` gets a line on it. Raises RunError where the folder cannot be written.
    """
    digest = key.digest()
    path = folder / f"{digest[:16]}.safetensors"
    if path.exists():
        found = _read(path, digest, len(key.ids))
        if found is not None:
            return found
        message(f"{path}: is damaged; the embeddings are computed again")
    embeddings = compute().contiguous()
    sealed = {"key": digest, "sha256": hashlib.sha256(_bytes(embeddings)).hexdigest()}
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, safetensors.torch.save({NAME: embeddings}, metadata=sealed))
    return embeddings


def _read(path: Path, key: str, samples: int) -> Tensor | None:
    """The embeddings of a file; None where it is not whole, or not what was written."""
    try:
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        sealed = json.loads(data[8 : 8 + length])["__metadata__"]
        embeddings = safetensors.torch.load(data)[NAME]
    except (OSError, struct.error, ValueError, KeyError, TypeError, safetensors.SafetensorError):
        return None
    is_whole = sealed == {"key": key, "sha256": hashlib.sha256(_bytes(embeddings)).hexdigest()}
    return embeddings if is_whole and len(embeddings) == samples else None


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
