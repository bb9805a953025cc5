"""Sources: data on disk in any format as one kind of record, a `Source`; `open.py` is the entrance."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
