"""The two models as functions of one flat vector of weights, in operations that any exporter knows.

`logits` reads whole rows, `walk` grows rows a token at a time and remembers what it has read. Both
say what `LogitTable` and `Transformer` say; tests compare them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import torch
from torch.func import functional_call
from torch.nn.functional import gelu, layer_norm, linear

from planrl.graphs import seeded
from planrl.labs.engine.rng import uniform
from planrl.models import LogitTable, PathModel
from planrl.tasks import PROMPT, Vocab
from planrl.transformer import Transformer, TransformerConfig
from planrl.transformer.block import FIRST, initial_std
from planrl.transformer.reference import plain

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

NODES, TOKENS = 20, 12  # of every lab: a smaller graph leaves nodes unused
VOCAB = Vocab(NODES)
CONFIG = TransformerConfig(width=48, positions=TOKENS)
Draw = Callable[["Tensor", int], "Tensor"]
"""(logits [B, V], how many tokens have been drawn) -> next token [B]."""


class Body(Protocol):
    """A model without weights of its own."""

    name: str
    size: int
    lr: float
    """The usual learning rate; a lab's own is in multiples of it."""

    def fresh(self, seed: Int[Tensor, ""]) -> Float[Tensor, " P"]:
        """Weights before any training."""

    def model(self, weights: Float[Tensor, " P"]) -> PathModel:
        """The same model as an object of planrl's."""

    def logits(self, weights: Float[Tensor, " P"], tokens: Int[Tensor, "B L"]) -> Tensor:
        """Logits of the next token at every place, [B, L, V]."""

    def rollout(
        self, weights: Float[Tensor, " P"], prompt: Int[Tensor, "B 3"], draw: Draw
    ) -> Tensor:
        """Tokens [B, TOKENS] that begin with the prompt; what follows a walk's end is arbitrary."""


class Table:
    """`LogitTable`: the weights are the logits, [target, here, next]."""

    name = "table"
    size = NODES * NODES * VOCAB.size
    lr = 0.1

    def fresh(self, seed: Int[Tensor, ""]) -> Float[Tensor, " P"]:
        """All zero, whatever the seed."""
        return (seed * 0).float().expand(self.size).clone()

    def logits(self, weights: Float[Tensor, " P"], tokens: Int[Tensor, "B L"]) -> Tensor:
        """Logits of the next token at every place, [B, L, V]."""
        return self._cells(weights, tokens[:, 1:2] * NODES + tokens.clamp(max=NODES - 1))

    def model(self, weights: Float[Tensor, " P"]) -> LogitTable:
        """The `LogitTable` with these weights."""
        model = LogitTable(VOCAB)
        model.load_state_dict({"table": weights.detach().view_as(model.table)})
        return model

    def rollout(
        self, weights: Float[Tensor, " P"], prompt: Int[Tensor, "B 3"], draw: Draw
    ) -> Tensor:
        """Tokens [B, TOKENS] that begin with the prompt."""
        target, columns = prompt[:, 1], list(prompt.unbind(1))
        for drawn in range(TOKENS - PROMPT):
            current = columns[-1].clamp(max=NODES - 1)
            columns.append(draw(self._cells(weights, target * NODES + current), drawn))
        return torch.stack(columns, 1)

    @staticmethod
    def _cells(weights: Tensor, cell: Tensor) -> Tensor:
        return torch.nn.functional.embedding(cell, weights.view(NODES * NODES, -1))


class _Plain(torch.nn.Module):
    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return plain(self.model, tokens)[0]


class SmallTransformer:
    """`Transformer` with one layer and one head, 48 wide."""

    name = "transformer"
    lr = 0.002

    def __init__(self) -> None:
        self._model = Transformer(VOCAB, CONFIG, seeded(0, "weights"))
        self._shapes = {name: p.shape for name, p in self._model.named_parameters()}
        self.size = sum(shape.numel() for shape in self._shapes.values())

    def fresh(self, seed: Int[Tensor, ""]) -> Float[Tensor, " P"]:
        """Weights by the law of `Transformer`: normal ones (by Box and Muller), norms at 1."""
        first, second = uniform(seed, torch.zeros_like(seed), 7, 2, self.size)
        normal = (-2.0 * (1.0 - first).log()).sqrt() * (2.0 * math.pi * second).cos()
        parts = [
            part.flatten() * initial_std(name, CONFIG.layers)
            if part.ndim == 2
            else torch.ones_like(part)
            for name, part in self.named(normal).items()
        ]
        return torch.cat(parts)

    def model(self, weights: Float[Tensor, " P"]) -> Transformer:
        """The `Transformer` with these weights, to be scored or saved like any other."""
        model = Transformer(VOCAB, CONFIG, seeded(0, "weights"))
        model.load_state_dict(self.named(weights.detach()))
        return model

    def named(self, weights: Float[Tensor, " P"]) -> dict[str, Tensor]:
        """The vector's parts under the names that `Transformer` gives them."""
        sizes = [shape.numel() for shape in self._shapes.values()]
        parts = zip(self._shapes.items(), weights.split(sizes), strict=True)
        return {name: part.view(shape) for (name, shape), part in parts}

    def logits(self, weights: Float[Tensor, " P"], tokens: Int[Tensor, "B L"]) -> Tensor:
        """Logits of the next token at every place, [B, L, V]."""
        named = {f"model.{name}": part for name, part in self.named(weights).items()}
        return cast("Tensor", functional_call(_Plain(self._model), named, (tokens,)))

    def rollout(
        self, weights: Float[Tensor, " P"], prompt: Int[Tensor, "B 3"], draw: Draw
    ) -> Tensor:
        """Tokens [B, TOKENS] that begin with the prompt; keys and values are computed once."""
        w = _Weights(self.named(weights))
        columns, keys, values = list(prompt.unbind(1)), [], []
        for index in range(TOKENS - 1):
            x = w.tokens[columns[index]] + w.positions[index]
            q, k, v = linear(w.norm(x, "norm_1"), w["qkv"]).split(CONFIG.width, -1)
            keys.append(k)
            values.append(v)
            if index < FIRST:
                continue
            score = (torch.stack(keys, 1) @ q[:, :, None]).squeeze(2) / math.sqrt(CONFIG.width)
            attended = (score.softmax(-1)[:, None] @ torch.stack(values, 1)).squeeze(1)
            x = x + linear(attended, w["project"])
            x = x + linear(gelu(linear(w.norm(x, "norm_2"), w["expand"]), approximate="tanh"),
                           w["contract"])  # fmt: skip
            columns.append(draw(w.head(x), index - FIRST))
        return torch.stack(columns, 1)


@dataclass(frozen=True)
class _Weights:
    """The parts of a one-layer Transformer's weights, by short names."""

    named: dict[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        return self.named[f"blocks.0.{name}.weight"]

    @property
    def tokens(self) -> Tensor:
        return self.named["tokens.weight"]

    @property
    def positions(self) -> Tensor:
        return self.named["positions.weight"]

    def norm(self, x: Tensor, name: str) -> Tensor:
        return layer_norm(x, (CONFIG.width,), self[name])

    def head(self, x: Tensor) -> Tensor:
        return layer_norm(x, (CONFIG.width,), self.named["norm.weight"]) @ self.tokens.T


TABLE, TRANSFORMER = Table(), SmallTransformer()
BODIES: dict[str, Body] = {"table": TABLE, "transformer": TRANSFORMER}
