"""Sources: what lies on disk, in each of the forms that are read, as one kind of record; `open.py` tells which it is."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
