"""Views of images: where each pixel goes, what becomes of its color, and the random policies of augmentation.

`apply_policy(POLICIES["default"], images, ids, seed=0, epoch=0, size=(224, 224), normalization=...)` is a training batch;
`evaluation_view(...).image(images)` is the input of evaluation, prediction and serving.
"""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
