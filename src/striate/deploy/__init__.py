"""Deploying: what happens to a trained network on its way to where it is used."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
