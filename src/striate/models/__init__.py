"""The model zoo: one file a paper, one row of the table a network. Listing needs no torch; a network imports its own file only.

`create_model("resnet18", classes=10, channels=1)` is a plain `nn.Module`; `list_models("*res*")` gives names.
"""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
