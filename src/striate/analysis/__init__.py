"""Analysis: what a network is and how well it does. Evaluation with intervals, and the summary of an architecture."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
