"""A lab's two models as functions of one flat vector of weights, in operations any exporter knows.

`logits` reads whole rows. `rollout` appends one token at a time and keeps what it has read. Both
give the numbers of `LogitTable` and `Transformer`; tests compare them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
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

    Weights = Float[Tensor, " P"]
    Tokens = Int[Tensor, "B L"]

NODES, TOKENS = 20, 12  # of every lab: a smaller graph leaves nodes unused
VOCAB = Vocab(NODES)
CONFIG = TransformerConfig(width=48, positions=TOKENS)
Draw = Callable[["Tensor", int], "Tensor"]
"""(logits [B, V], how many tokens have been drawn) -> next token [B]."""


class FunctionalModel(Protocol):
    """A model that holds no weights: it is given them at each call."""

    name: str
    size: int
    """The number of weights, P."""
    lr: float
    """The usual learning rate; a lab's control is a multiple of it."""

    def fresh(self, seed: Int[Tensor, ""]) -> Weights:
        """Weights before any training."""

    def module(self, weights: Weights) -> PathModel:
        """The same model as a module of planrl that holds these weights."""

    def logits(self, weights: Weights, tokens: Tokens) -> Tensor:
        """Logits of the next token at every position, [B, L, V]."""

    def rollout(self, weights: Weights, prompt: Tokens, draw: Draw) -> Tensor:
        """Tokens [B, TOKENS] that begin with the prompt; those after a path's end are arbitrary."""


class Table:
    """`LogitTable`: the weights are the logits, [target, current, next]."""

    name = "table"
    size = NODES * NODES * VOCAB.size
    lr = 0.1

    def fresh(self, seed: Int[Tensor, ""]) -> Weights:
        """Zeros, whatever the seed."""
        return (seed * 0).float().expand(self.size).clone()

    def logits(self, weights: Weights, tokens: Tokens) -> Tensor:
        """Logits of the next token at every position, [B, L, V]."""
        return self._rows(weights, tokens[:, 1:2] * NODES + tokens.clamp(max=NODES - 1))

    def module(self, weights: Weights) -> LogitTable:
        """The `LogitTable` with these weights."""
        model = LogitTable(VOCAB)
        model.load_state_dict({"table": weights.detach().view_as(model.table)})
        return model

    def rollout(self, weights: Weights, prompt: Tokens, draw: Draw) -> Tensor:
        """Tokens [B, TOKENS] that begin with the prompt."""
        target, columns = prompt[:, 1], list(prompt.unbind(1))
        for drawn in range(TOKENS - PROMPT):
            current = columns[-1].clamp(max=NODES - 1)
            columns.append(draw(self._rows(weights, target * NODES + current), drawn))
        return torch.stack(columns, 1)

    @staticmethod
    def _rows(weights: Tensor, context: Tensor) -> Tensor:
        return torch.nn.functional.embedding(context, weights.view(NODES * NODES, -1))


class _Plain(torch.nn.Module):
    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return plain(self.model, tokens)[0]


class SmallTransformer:
    """`Transformer` with one layer and one head, of width 48."""

    name = "transformer"
    lr = 0.002

    def __init__(self) -> None:
        self._model = Transformer(VOCAB, CONFIG, seeded(0, "weights"))
        self._shapes = {name: p.shape for name, p in self._model.named_parameters()}
        self.size = sum(shape.numel() for shape in self._shapes.values())

    def fresh(self, seed: Int[Tensor, ""]) -> Weights:
        """Weights distributed as those of `Transformer`: normal (Box-Muller), norms at 1."""
        first, second = uniform(seed, torch.zeros_like(seed), 7, 2, self.size)
        normal = (-2.0 * (1.0 - first).log()).sqrt() * (2.0 * math.pi * second).cos()
        parts = [
            part.flatten() * initial_std(name, CONFIG.layers)
            if part.ndim == 2
            else torch.ones_like(part)
            for name, part in self.named(normal).items()
        ]
        return torch.cat(parts)

    def module(self, weights: Weights) -> Transformer:
        """The `Transformer` with these weights, to be scored or saved like any other."""
        model = Transformer(VOCAB, CONFIG, seeded(0, "weights"))
        model.load_state_dict(self.named(weights.detach()))
        return model

    def named(self, weights: Weights) -> dict[str, Tensor]:
        """The vector's parts under the names that `Transformer` gives them."""
        sizes = [shape.numel() for shape in self._shapes.values()]
        parts = zip(self._shapes.items(), weights.split(sizes), strict=True)
        return {name: part.view(shape) for (name, shape), part in parts}

    def logits(self, weights: Weights, tokens: Tokens) -> Tensor:
        """Logits of the next token at every position, [B, L, V]."""
        named = {f"model.{name}": part for name, part in self.named(weights).items()}
        return cast("Tensor", functional_call(_Plain(self._model), named, (tokens,)))

    def rollout(self, weights: Weights, prompt: Tokens, draw: Draw) -> Tensor:
        """Tokens [B, TOKENS] that begin with the prompt; keys and values are computed once."""
        w = _Weights(self.named(weights))
        columns, keys, values = list(prompt.unbind(1)), [], []
        for position in range(TOKENS - 1):
            x = w.tokens[columns[position]] + w.positions[position]
            q, k, v = linear(w.norm(x, "norm_1"), w["qkv"]).split(CONFIG.width, -1)
            keys.append(k)
            values.append(v)
            if position < FIRST:
                continue
            score = (torch.stack(keys, 1) @ q[:, :, None]).squeeze(2) / math.sqrt(CONFIG.width)
            attended = (score.softmax(-1)[:, None] @ torch.stack(values, 1)).squeeze(1)
            x = x + linear(attended, w["project"])
            hidden = gelu(linear(w.norm(x, "norm_2"), w["expand"]), approximate="tanh")
            x = x + linear(hidden, w["contract"])
            columns.append(draw(w.head(x), position - FIRST))
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


MODELS: dict[str, Callable[[], FunctionalModel]] = {"table": Table, "transformer": SmallTransformer}


@cache
def model_named(name: str) -> FunctionalModel:
    """The model of this name in MODELS, made when it is first asked for."""
    return MODELS[name]()
