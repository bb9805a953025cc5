"""`python -m striate` is the same as `striate`."""

from striate.cli import main

main()
