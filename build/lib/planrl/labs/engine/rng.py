"""Random numbers that are a function of (seed, update, use): the same in torch and in a page.

A counter is hashed in integers below 2^32, so the numbers do not depend on who computes them. The
constants are below 2^31, so that no product exceeds 64 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

MASK = 0xFFFFFFFF
FIRST, SECOND, STRIDE = 0x21F0AAAD, 0x735A2D97, 0x3C6EF373
WIDE = 256


def _mixed(x: Tensor) -> Tensor:
    """Each integer below 2^32 mapped to another one, by xor, shift and multiplication."""
    x = x ^ (x // 65536)
    x = (x * FIRST) & MASK
    x = x ^ (x // 32768)
    x = (x * SECOND) & MASK
    return x ^ (x // 32768)


def uniform(seed: Tensor, update: Tensor, use: int, *size: int) -> Float[Tensor, ...]:
    """Uniform random numbers in [0, 1) of this `size`; there are 2^24 different ones.

    `seed` and `update` are tensors of one integer each. `use` is different for each purpose within
    an update, so that the numbers of two purposes are independent.
    """
    count = 1
    for length in size:
        count *= length
    key = _mixed((seed.long() & MASK) + 1)
    key = _mixed((key + update.long()) & MASK)
    key = _mixed((key + use) & MASK)
    # In two parts, so that no exporter stores all counters as a constant.
    row = torch.arange(-(-count // WIDE), device=seed.device) * (WIDE * STRIDE) + key
    column = torch.arange(min(WIDE, count), device=seed.device) * STRIDE
    numbers = _mixed((row[:, None] + column).flatten()[:count] & MASK)
    return ((numbers // 256).float() / 2**24).view(size)
