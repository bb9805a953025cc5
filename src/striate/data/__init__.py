"""Data: what is on disk becomes samples, and samples become batches. Nothing on disk is ever changed.

source = striate.sources.open_source("photos/")    # listed and checked, nothing decoded
images = load_images(source, source.native(), threads=2)
splits = split_samples(images, val=0.1, test=0.1, seed=0)
striate.audit.audit_splits(splits)                   # findings; healthy data gives none
Batches(splits.train, batch_size=64, ...).epoch(0)   # batches of augmented images
"""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
