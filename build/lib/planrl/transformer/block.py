"""The sizes of a Transformer, and the layer of which it has several."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from torch import nn
from torch.nn.functional import linear

from planrl.errors import InputError, check_fields, whole
from planrl.tasks import PROMPT
from planrl.transformer.kernels import gelu

if TYPE_CHECKING:
    from torch import Tensor

FIRST = PROMPT - 1  # the first position at which something is chosen
BLOCK = 1024  # paths whose next step is computed together


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes of a Transformer: `positions` is the longest row it can read, in tokens."""

    layers: int = 1
    heads: int = 1
    width: int = 120
    positions: int = 32

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("heads", "width", "positions"):
            whole(getattr(self, name), name, least=1)
        whole(self.layers, "layers", least=1, most=1_000)  # each is modules to be made
        if self.width % self.heads:
            raise InputError(
                f"width {self.width} does not divide among {self.heads} heads: "
                f"take a multiple of {self.heads}"
            )

    def parameters(self, tokens: int) -> int:
        """How many numbers a Transformer of these sizes holds, for so many tokens."""
        block = 12 * self.width**2 + 2 * self.width
        return (tokens + self.positions + 1) * self.width + self.layers * block


class Block(nn.Module):
    """One pre-norm layer: attention, then a feed-forward part, each added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(width, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        self.norm_2 = nn.LayerNorm(width, bias=False)
        self.expand = nn.Linear(width, 4 * width, bias=False)
        self.contract = nn.Linear(4 * width, width, bias=False)

    def keys_values(self, h: Tensor) -> Tensor:
        """What is attended to, of inputs that have been through norm_1.  # [M, D] -> [M, 2 D]"""
        return linear(h, self.qkv.weight[h.shape[1] :])

    def queries(self, h: Tensor) -> Tensor:
        """What attends, of inputs that have been through norm_1.  # [M, D] -> [M, D]"""
        return linear(h, self.qkv.weight[: h.shape[1]])

    def feed_forward(self, x: Tensor) -> Tensor:
        """The feed-forward part, without norm and without the sum."""
        return cast("Tensor", self.contract(gelu(self.expand(x))))

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """The layer's output, given its input and what its heads have gathered."""
        x = x + self.project(attended)
        return x + self.feed_forward(self.norm_2(x))


def initial_std(name: str, layers: int) -> float:
    """GPT-2's initial standard deviation: smaller for what adds to the residual stream."""
    into_stream = name.endswith(("project.weight", "contract.weight"))
    return 0.02 / math.sqrt(2 * layers) if into_stream else 0.02
