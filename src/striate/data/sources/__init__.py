"""Sources: what lies on disk, in each of the forms that are read, as one kind of record; `open.py` tells which it is."""
