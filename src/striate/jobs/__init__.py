"""Jobs: what a verb does from start to finish. The Python API and the command line call these."""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
