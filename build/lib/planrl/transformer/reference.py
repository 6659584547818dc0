"""A plain Transformer: it shows attention, and the tests compare the fast one with it.

Every position is computed and nothing is packed, in operations that any exporter knows. The logits
are those of `Transformer` wherever something is chosen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
from torch.nn.functional import gelu, linear

from planrl.transformer.block import Block
from planrl.transformer.model import Transformer

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


def plain(
    model: Transformer, tokens: Int[Tensor, "B L"]
) -> tuple[Float[Tensor, "B L V"], Float[Tensor, "D B H L L"]]:
    """Logits at every position, and the attention of each layer and head, [.., from, to]."""
    heads, width = model.config.heads, model.config.width
    length = tokens.shape[1]
    x = model.tokens(tokens) + model.positions.weight[:length]
    future = torch.ones(length, length, device=tokens.device).triu(1).bool()
    attention = []
    for block in (cast("Block", block) for block in model.blocks):
        q, k, v = (
            part.unflatten(-1, (heads, -1)).transpose(1, 2)  # [B, H, L, D / H]
            for part in linear(block.norm_1(x), block.qkv.weight).split(width, -1)
        )
        score = q @ k.transpose(-1, -2) / math.sqrt(width // heads)
        share = score.masked_fill(future, -torch.inf).softmax(-1)
        attention.append(share)
        x = x + block.project((share @ v).transpose(1, 2).flatten(2))
        x = x + block.contract(gelu(block.expand(block.norm_2(x)), approximate="tanh"))
    return model.norm(x) @ model.tokens.weight.T, torch.stack(attention)
