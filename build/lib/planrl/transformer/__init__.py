"""The Transformer that one trains in earnest.

model.py      the model: the one to read
block.py      its sizes, and the layer of which it has several
kv_cache.py   what it keeps while it draws paths
kernels.py    the two operations whose derivatives are written by hand
reference.py  the same model with nothing saved: for tests, and for what it attends to
"""

from planrl.transformer.block import Block, TransformerConfig, initial_std
from planrl.transformer.model import Transformer

__all__ = ["Block", "Transformer", "TransformerConfig", "initial_std"]
