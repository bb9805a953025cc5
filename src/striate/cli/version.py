"""striate version"""

import platform
from importlib.metadata import version as version_of

from striate import __version__


def version() -> None:
    """Show the versions of striate and of its dependencies."""
    print(f"striate {__version__}")
    print(f"python {platform.python_version()} on {platform.platform()}")
    for name in ("torch", "numpy", "pillow", "safetensors", "cyclopts"):
        print(f"{name} {version_of(name)}")
