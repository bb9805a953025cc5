"""The report of a run and the page of a check: self-contained HTML pages."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
