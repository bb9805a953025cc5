"""Options without a value: `--json`, and no `--no-json` beside it."""

from typing import Annotated

from cyclopts import Parameter

__all__ = ["Flag"]

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
