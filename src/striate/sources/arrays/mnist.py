"""The MNIST inside the package: 60,000 + 10,000 handwritten digits, 28 x 28, gray. Its license: mnist_files/README.md.

LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86(11), 1998.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from striate.data.source import Source
from striate.sources.arrays.idx_source import find_idx, open_idx_files
from striate.sources.data_path import DataPath

__all__ = ["SHA256", "open_mnist"]

# of the unpacked files, whose MD5 are the well-known ones (in mnist_files/README.md)
SHA256: Final[Mapping[str, str]] = MappingProxyType(
    {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }
)


def open_mnist() -> Source:
    """MNIST, each file checked against its digest when it is read. Raises DataError if one was changed."""
    return open_idx_files("mnist", "mnist", find_idx(DataPath(Path(__file__).parent / "mnist_files")), SHA256)
