"""The audit: what is wrong with data, found before training. Healthy data give no findings; nothing is changed.

docs/architecture.md lists all findings: id, severity and meaning.

`audit` is all that `check` looks for, `audit_survey` and `audit_splits` are what `train` looks for in decoded images. Splits
that striate makes keep identical images together. A single class, and more unreadable files than `--max-bad` allows, are
errors and not findings. data-shift and data-more-would-help are found in `analysis`.
"""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
