"""The two operations of the Transformer whose derivatives are written by hand, for speed.

`gelu` is GPT-2's tanh form, by way of a sigmoid: gelu(x) = x s(2 c (x + 0.044715 x^3)), where s is
the sigmoid and c = sqrt(2 / pi). It is the same function, and a sigmoid is a third of a tanh's
work. `attend` is causal attention for packed rows: it fetches them into a rectangle and puts the
result back without ever writing padding. Each knows one derivative; tests compare both with
torch's own functions and with finite differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

LINEAR = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715 * LINEAR


@dataclass(frozen=True)
class Packing:
    """Which positions of a rectangle [B, L] are packed into M rows, and where each one is.

    `position[m]` is the position of the m-th packed row in the rectangle, counted row by row, and
    `row[b, l]` is the packed row of a position. Padding has any row: it is never attended to.
    """

    position: Int[Tensor, " M"]
    row: Int[Tensor, "B L"]

    @classmethod
    def of(cls, live: Bool[Tensor, "B L"]) -> Packing:
        """The positions where `live` holds, row by row."""
        flat = live.flatten()
        row = (flat.cumsum(0) - 1).clamp_(min=0).view(live.shape)
        return cls(flat.nonzero().squeeze(1), row)

    def fetch(self, packed: Float[Tensor, "M D"]) -> Float[Tensor, "B L D"]:
        """The rectangle; its padding is arbitrary, but finite."""
        return packed.index_select(0, self.row.flatten()).view(*self.row.shape, -1)

    def pack(self, padded: Float[Tensor, "B L D"]) -> Float[Tensor, "M D"]:
        """The packed rows of a rectangle."""
        return padded.flatten(0, 1).index_select(0, self.position)

    def pad(self, packed: Float[Tensor, "M D"]) -> Float[Tensor, "B L D"]:
        """The rectangle, padded with zeros."""
        size = self.row.numel()
        padded = packed.new_zeros(size, packed.shape[1]).index_copy(0, self.position, packed)
        return padded.view(*self.row.shape, -1)


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        sigmoid = (x * x).mul_(CUBIC).add_(LINEAR).mul_(x).sigmoid_()
        ctx.save_for_backward(x, sigmoid)
        return x * sigmoid

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x, s = ctx.saved_tensors
        # x times the slope of the sigmoid's argument
        inner = (x * x).mul_(3 * CUBIC).add_(LINEAR).mul_(x)
        return torch.addcmul(s, inner, s * (1 - s), out=inner).mul_(gradient)


def gelu(x: Float[Tensor, ...]) -> Float[Tensor, ...]:
    """GELU in its tanh form, elementwise."""
    return cast("Tensor", _Gelu.apply(x))  # type: ignore[no-untyped-call]


def _heads(x: Tensor, heads: int) -> Tensor:
    """[B, L, D] -> [B * heads, L, D / heads]; a view for one head."""
    rows, length, width = x.shape
    if heads == 1:
        return x
    return x.view(rows, length, heads, width // heads).transpose(1, 2).flatten(0, 1)


def _joined(x: Tensor, heads: int) -> Tensor:
    """The inverse of `_heads`."""
    return x if heads == 1 else x.unflatten(0, (-1, heads)).transpose(1, 2).flatten(2)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Tensor, kv: Tensor, asking: Packing, asked: Packing, heads: int
    ) -> Tensor:
        query = _heads(asking.fetch(q), heads)
        key, value = (_heads(x, heads) for x in asked.fetch(kv).chunk(2, -1))
        length, ahead = query.shape[1], key.shape[1] - query.shape[1]
        ban = q.new_full((length, length + ahead), -math.inf).triu_(1 + ahead)
        scale = query.shape[2] ** -0.5
        weight = torch.baddbmm(ban, query, key.transpose(1, 2), alpha=scale).softmax(-1)
        ctx.save_for_backward(query, key, value, weight)
        ctx.rest = asking, asked, heads, scale
        return asking.pack(_joined(torch.bmm(weight, value), heads))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, weight = ctx.saved_tensors
        asking, asked, heads, scale = ctx.rest
        above = _heads(asking.pad(gradient), heads)
        score = torch._softmax_backward_data(
            torch.bmm(above, value.transpose(1, 2)), weight, -1, weight.dtype
        ).mul_(scale)
        for_query = torch.bmm(score, key)
        for_key = torch.bmm(score.transpose(1, 2), query)
        for_value = torch.bmm(weight.transpose(1, 2), above)
        for_both = torch.cat([_joined(for_key, heads), _joined(for_value, heads)], -1)
        return asking.pack(_joined(for_query, heads)), asked.pack(for_both), None, None, None


def attend(
    q: Float[Tensor, "Q D"], kv: Float[Tensor, "M 2*D"], asking: Packing, asked: Packing, heads: int
) -> Float[Tensor, "Q D"]:
    """Causal attention of packed queries to packed keys and values.

    `asking` packs the queries' rectangle [B, Lq], `asked` that of keys and values [B, L]; the
    queries are the last Lq positions, and each attends to itself and those before it.
    """
    out = _Attend.apply(q, kv, asking, asked, heads)  # type: ignore[no-untyped-call]
    return cast("Tensor", out)
