"""Deployment: export of a trained network."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
