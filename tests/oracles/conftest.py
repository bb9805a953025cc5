"""The oracles live in an environment of their own; elsewhere these files cannot even be imported."""

from importlib.util import find_spec

LIBRARIES = ("torchvision", "timm", "segmentation_models_pytorch", "torchmetrics", "monai")

collect_ignore_glob = [] if all(map(find_spec, LIBRARIES)) else ["test_*.py", "twins.py"]
