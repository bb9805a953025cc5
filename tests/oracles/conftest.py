"""The oracles live in an environment of their own; elsewhere these files cannot even be imported."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torchvision") else ["test_*.py", "twins.py"]
