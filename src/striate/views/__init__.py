"""How a network looks at images: where each pixel goes, what becomes of its color, and what is drawn at random.

`POLICIES["default"].apply(images, ids, seed=0, epoch=0, size=(224, 224), normalization=...)` is a training batch;
`evaluation_view(...).image(images)` is what evaluation, prediction and serving see.
"""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
