"""The idx format of the MNIST family: a magic number, the sizes, then the values in row-major order, plain or gzipped.

    bytes 0-1  zero
    byte  2    type of the values: 0x08 is uint8, the only one that the images and labels of this family have
    byte  3    number of dimensions
    then       one big-endian uint32 for each dimension, and the values

LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998.
"""

import hashlib
import math
import os
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from striate.data.names import printable
from striate.errors import DataError

__all__ = ["read_idx", "read_shape"]

CHUNK = 2**20
GZIP_MAGIC = b"\x1f\x8b"
GZIP = 31  # zlib's name for "with a gzip header and checksum"
DEFLATE_LIMIT = 1032  # no deflate stream unpacks to more than 1032 times its size


def read_shape(path: Path) -> tuple[int, ...]:
    """The sizes that an idx file of uint8 declares, checked against the size of the file. Raises DataError."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4))
            end = file.read(4)
    except OSError as error:
        raise DataError(f"cannot read {printable(path)}: {error.strerror}; make it readable") from None
    zipped = start.startswith(GZIP_MAGIC)
    try:
        header = zlib.decompressobj(GZIP).decompress(start, 2048) if zipped else start
        zero, kind, dimensions = struct.unpack_from(">HBB", header)
        if zero != 0 or kind != 0x08 or dimensions not in (1, 3):
            raise DataError(
                f"{printable(path)} has no images or labels: it begins with {header[:4].hex(' ')} and not with "
                "00 00 08 03 or 00 00 08 01; get a new copy"
            )
        shape: tuple[int, ...] = struct.unpack_from(f">{dimensions}I", header, 4)
    except zlib.error as error:
        raise DataError(f"{printable(path)} is damaged ({error}); get a new copy") from None
    except struct.error:
        raise DataError(f"{printable(path)} has no idx header; get a new copy") from None
    declared = 4 + 4 * dimensions + math.prod(shape)
    possible = declared <= size * DEFLATE_LIMIT if zipped else declared == size
    if not possible or (zipped and end != struct.pack("<I", declared % 2**32)):  # gzip ends with the unpacked size
        raise _wrong_size(path, shape)
    return shape


def read_idx(path: Path, sha256: str | None = None) -> npt.NDArray[np.uint8]:
    """The values of an idx file of uint8, gzipped or plain, in the shape that its header gives. Raises DataError.

    `sha256`, of the unpacked file, is checked if given, in a second thread while the first one unpacks.
    """
    shape = read_shape(path)
    header = 4 + 4 * len(shape)
    buffer = np.empty(header + math.prod(shape), np.uint8)
    digest, filled = hashlib.sha256(), 0
    with path.open("rb") as file, ThreadPoolExecutor(1) as second:
        for block in _unpacked(file, path):
            if filled + len(block) > len(buffer):
                raise _wrong_size(path, shape)
            buffer[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
            filled += len(block)
            if sha256 is not None:
                second.submit(digest.update, block)
    if filled != len(buffer):
        raise _wrong_size(path, shape)
    if sha256 is not None and digest.hexdigest() != sha256:
        raise DataError(
            f"{printable(path)} is changed: its SHA-256 is {digest.hexdigest()[:16]}... and not {sha256[:16]}...; "
            "get a new copy, or install striate again"
        )
    return buffer[header:].reshape(shape)


def _unpacked(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The content in blocks of at most CHUNK bytes, so that no file takes more memory than its header declares."""
    block = file.read(CHUNK)
    if not block.startswith(GZIP_MAGIC):
        while block:
            yield block
            block = file.read(CHUNK)
        return
    unpacker = zlib.decompressobj(GZIP)
    try:
        while block and not unpacker.eof:
            yield unpacker.decompress(block, CHUNK)
            block = unpacker.unconsumed_tail or file.read(CHUNK)
    except zlib.error as error:
        raise DataError(f"{printable(path)} is damaged ({error}); get a new copy") from None
    if not unpacker.eof:
        raise DataError(f"{printable(path)} is cut off: its gzip stream does not end; get a new copy")


def _wrong_size(path: Path, shape: tuple[int, ...]) -> DataError:
    sizes = " x ".join(map(str, shape))
    return DataError(f"{printable(path)} declares {sizes} values and does not contain as many; get a new copy")
