"""The report: one self-contained HTML page of a run, drawn from the plain data of its folder; and the page of a check."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
