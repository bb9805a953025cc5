"""Tasks: what a network is asked. Each gives a head, losses, predictions, metrics and a drawing."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
