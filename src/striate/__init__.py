"""striate: a workbench for convolutional networks on PyTorch.

    import striate as st
    run = st.train("mnist", model="lenet5", epochs=3)
    run.evaluate()
    run.predict("digit.png")

Nothing is loaded before it is used: `import striate` loads neither torch nor numpy.
"""

from striate.lazy import public_names

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = public_names(__name__, __file__)
