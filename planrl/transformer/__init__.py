"""The Transformer that one trains in earnest.

model.py      the model: the one to read
kernels.py    the two places where derivatives are written by hand
reference.py  the same model with nothing saved: for tests, and for what it attends to
"""

from planrl.transformer.model import Transformer, TransformerConfig

__all__ = ["Transformer", "TransformerConfig"]
