"""Analysis of networks and their predictions: inference, metrics with intervals, architecture summary, data shift."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
