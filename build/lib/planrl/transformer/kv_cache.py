"""What a Transformer keeps while it draws paths: keys and values of the tokens so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch

from planrl.transformer.block import BLOCK, FIRST, Block

if TYPE_CHECKING:
    from torch import Tensor

    from planrl.transformer.model import Transformer


class _Store:
    """Rows of keys and values that grow in number; paths point at theirs, and none is moved.

    So dropping a finished path, or splitting one into two, copies only its pointers.
    """

    def __init__(self, like: Tensor, room: int, width: int) -> None:
        self.rows, self.size = like.new_empty(room, width), 0

    def add(self, rows: Tensor) -> int:
        """Append rows and say where the first one is."""
        first, self.size = self.size, self.size + len(rows)
        if self.size > len(self.rows):
            grown = self.rows.new_empty(2 * self.size, self.rows.shape[1])
            grown[:first] = self.rows[:first]
            self.rows = grown
        self.rows[first : self.size] = rows
        return first


class _CachedDecoder:
    """A decoder with a store of keys and values for each layer.

    In the first layer these depend on token and position alone. Where there are more paths than
    tokens, those of all tokens are computed once and shared; otherwise each path's own.
    """

    def __init__(self, model: Transformer, prompt: Tensor, length: int) -> None:
        config, weight = model.config, model.tokens.weight
        self.model, self.at = model, 0
        room = 4 * len(prompt)
        self.stores = [_Store(weight, room, 2 * config.width) for _ in range(config.layers)]
        # where each path's keys and values lie, by position: in the first layer, in the others
        self.pointers = torch.empty(min(config.layers, 2), len(prompt), length, dtype=torch.int64)
        chooses = min(FIRST, prompt.shape[1] - 1)  # another program's prompt may be shorter
        for position in range(chooses):
            self._read(prompt[:, position], choosing=False)
        for position in range(chooses, prompt.shape[1]):
            self.push(prompt[:, position])

    def logits(self) -> Tensor:
        return self.model._head(self.last)

    def push(self, tokens: Tensor) -> None:
        self.last = self._read(tokens, choosing=True)

    def keep(self, rows: Tensor) -> None:
        self.pointers, self.last = self.pointers[:, rows], self.last[rows]

    def _read(self, tokens: Tensor, *, choosing: bool) -> Tensor:
        model, config = self.model, self.model.config
        weight = model.tokens.weight
        shared = len(tokens) >= len(weight)
        x = (weight if shared else weight[tokens]) + model.positions.weight[self.at]
        for layer, block in enumerate(model._blocks()):
            h = block.norm_1(x)
            first = self.stores[layer].add(block.keys_values(h))
            if layer == 0 and shared:
                self.pointers[0, :, self.at] = first + tokens
                x = x[tokens]
            else:
                rows = torch.arange(first, first + len(tokens))
                self.pointers[min(layer, 1), :, self.at] = rows
            if layer == config.layers - 1 and not choosing:
                break
            q = block.queries(h)
            if layer == 0 and shared:
                q = q[tokens]
            x = self._finished(layer, x, q)
        self.at += 1
        return x

    def _finished(self, layer: int, x: Tensor, q: Tensor) -> Tensor:
        """The layer's output, a block of paths at a time: what a block needs stays in the cache."""
        block = cast("Block", self.model.blocks[layer])
        pointers = self.pointers[min(layer, 1), :, : self.at + 1]
        parts = zip(x.split(BLOCK), q.split(BLOCK), pointers.split(BLOCK), strict=True)
        return torch.cat([block.finish(x, self._attended(layer, q, p)) for x, q, p in parts])

    def _attended(self, layer: int, q: Tensor, pointers: Tensor) -> Tensor:
        """What the newest position attends to, summed over all positions.  # [B, D] -> [B, D]"""
        rows, width = q.shape
        heads = self.model.config.heads
        both = self.stores[layer].rows.index_select(0, pointers.flatten())
        key, value = both.view(rows, -1, 2, heads, width // heads).unbind(2)
        score = torch.einsum("bhd,bphd->bhp", q.view(rows, heads, -1), key)
        share = (score * (width // heads) ** -0.5).softmax(-1)
        return torch.einsum("bhp,bphd->bhd", share, value).reshape(rows, width)
