"""Tasks: what a network is asked. Each gives losses, predictions and metrics."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
