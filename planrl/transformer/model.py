"""The Transformer that one trains in earnest: GPT-2's block, small, and nothing computed in vain.

Pre-layer norm, GELU (tanh), learned positions, no biases, input and output embeddings tied. Three
things are never computed. Filling: what rows hold is packed, END left out. Answers nobody asks for:
the prompt's first two places choose nothing, so the last layer takes keys and values of them and no
more. And what is known: while walking, all walks that stand in one place share their tokens' first
keys and values, and keep them for the steps to come.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.nn.functional import linear

from planrl.checked import check_fields, whole
from planrl.errors import InputError
from planrl.models import Decoder, Readout
from planrl.tasks import PROMPT, Vocab
from planrl.transformer.kernels import Packing, attend, gelu

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

FIRST = PROMPT - 1  # the first place at which something is chosen
MOST_PARAMETERS = 500_000_000
BLOCK = 1024  # walks whose next step is computed together


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes of a Transformer: `positions` is the longest row it can read, in tokens."""

    layers: int = 1
    heads: int = 1
    width: int = 120
    positions: int = 32

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("layers", "heads", "width", "positions"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, but {getattr(self, name)} was given")
        whole(self.layers, "layers", most=1_000)  # each is modules to be made
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
    """GPT-2's law for a matrix: what adds to the residual stream starts smaller."""
    into_stream = name.endswith(("project.weight", "contract.weight"))
    return 0.02 / math.sqrt(2 * layers) if into_stream else 0.02


class Transformer(nn.Module):
    """A GPT-style Transformer over the tokens of `vocab`, weights drawn from `rng`."""

    def __init__(self, vocab: Vocab, config: TransformerConfig, rng: torch.Generator) -> None:
        super().__init__()
        size = config.parameters(vocab.size)
        if size > MOST_PARAMETERS:
            raise InputError(
                f"{config} makes {size:,} parameters, planrl's Transformer has at most "
                f"{MOST_PARAMETERS:,}: take fewer layers or a smaller width"
            )
        self.vocab, self.config = vocab, config
        self.tokens = nn.Embedding(vocab.size, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.blocks = nn.ModuleList(Block(config.width) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, bias=False)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=initial_std(name, config.layers), generator=rng)

    def forward(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Logits of the next token at every position; 0 where nothing is chosen."""
        self.vocab.check(tokens)
        length = self._check_length(tokens.shape[1])
        choosing, reading = _packed(tokens, self.vocab.end)
        if not len(choosing.place):  # nothing is chosen anywhere
            return self.tokens.weight.new_zeros(*tokens.shape, self.vocab.size)
        x = self.tokens(tokens.flatten()[reading.place]) + self.positions(reading.place % length)
        *early, last = self._blocks()
        for block in early:
            h = block.norm_1(x)
            q, kv = block.queries(h), block.keys_values(h)
            x = block.finish(x, attend(q, kv, reading, reading, self.config.heads))
        h, chosen = last.norm_1(x), len(choosing.place)
        q, kv = last.queries(h[:chosen]), last.keys_values(h)
        x = last.finish(x[:chosen], attend(q, kv, choosing, reading, self.config.heads))
        logits = self._head(x)
        padded = logits.new_zeros(tokens.numel(), self.vocab.size)
        return padded.index_copy(0, reading.place[:chosen], logits).view(*tokens.shape, -1)

    def decoder(self, tokens: Int[Tensor, "B P"], length: int) -> Decoder:
        """A decoder that has read these prompts, for rows of at most `length` tokens."""
        self._check_length(length)
        return _Walker(self, tokens, length)

    def readout(self, *, norms: bool = True) -> Readout:
        """ALPINE's W^M' and W^V': what each token, sent alone through the weights, speaks for.

        W^M' lets it be where the walk stands (it bypasses attention), W^V' what is attended to.
        `norms=False` leaves the layer norms out, as ALPINE's formula does.
        """
        if self.config.layers > 1:
            raise InputError(
                f"the read-out W^M', W^V' is defined for one layer, this model has "
                f"{self.config.layers}: use next_logits(model) instead"
            )
        block = next(self._blocks())

        def norm(layer: nn.Module, x: Tensor) -> Tensor:
            return cast("Tensor", layer(x)) if norms else x

        with torch.no_grad():
            embedding = self.tokens.weight
            values = block.keys_values(norm(block.norm_1, embedding))[:, self.config.width :]
            streams = embedding, block.project(values)
            here, target = (
                norm(self.norm, x + block.feed_forward(norm(block.norm_2, x))) @ embedding.T
                for x in streams
            )
        n = self.vocab.n_nodes
        return Readout(here[:n, :n].clone(), target[:n, :n].clone())

    def _blocks(self) -> Iterator[Block]:
        return (cast("Block", block) for block in self.blocks)

    def _head(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.norm(x) @ self.tokens.weight.T)

    def _check_length(self, length: int) -> int:
        if length > self.config.positions:
            raise InputError(
                f"rows of {length} tokens were given, but this model reads at most "
                f"{self.config.positions}: build it with TransformerConfig(positions={length})"
            )
        if length < PROMPT:
            raise InputError(
                f"rows of {length} tokens were given, but a row starts with the prompt `s t s`, "
                f"{PROMPT} tokens"
            )
        return length


def _packed(tokens: Tensor, end: int) -> tuple[Packing, Packing]:
    """Of the places at which something is chosen, and of these followed by the prompt's first."""
    rows, length = tokens.shape
    choosing = Packing.of(tokens[:, FIRST:] != end)
    place = choosing.place + FIRST * (choosing.place // (length - FIRST) + 1)
    prompt = torch.arange(FIRST)
    row = torch.arange(rows)[:, None]
    reading = Packing(
        torch.cat([place, (row * length + prompt).flatten()]),
        torch.cat([len(place) + row * FIRST + prompt, choosing.row], 1),
    )
    return choosing, reading


class _Store:
    """Rows of keys and values that grow in number; walks point at theirs, and none is ever moved.

    So dropping a finished walk, or letting one branch into two, copies nothing but its pointers.
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


class _Walker:
    """A decoder with a store of keys and values for each layer.

    In the first layer these depend on token and place alone. Where there are more walks than
    tokens, all tokens' are computed once and shared by the walks; else each walk's own.
    """

    def __init__(self, model: Transformer, prompt: Tensor, length: int) -> None:
        config, weight = model.config, model.tokens.weight
        self.model, self.at = model, 0
        room = 4 * len(prompt)
        self.stores = [_Store(weight, room, 2 * config.width) for _ in range(config.layers)]
        # where each walk's keys and values lie, by place: in the first layer, in the others
        self.pointers = torch.empty(min(config.layers, 2), len(prompt), length, dtype=torch.int64)
        for place in range(FIRST):
            self._read(prompt[:, place], choosing=False)
        for place in range(FIRST, prompt.shape[1]):
            self.push(prompt[:, place])

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
        """The layer's output, a block of walks at a time: what a block needs stays in the cache."""
        block = cast("Block", self.model.blocks[layer])
        pointers = self.pointers[min(layer, 1), :, : self.at + 1]
        parts = zip(x.split(BLOCK), q.split(BLOCK), pointers.split(BLOCK), strict=True)
        return torch.cat([block.finish(x, self._attended(layer, q, p)) for x, q, p in parts])

    def _attended(self, layer: int, q: Tensor, pointers: Tensor) -> Tensor:
        """What these walks' newest place gathers from all places so far.  # [B, D] -> [B, D]"""
        rows, width = q.shape
        heads = self.model.config.heads
        both = self.stores[layer].rows.index_select(0, pointers.flatten())
        key, value = both.view(rows, -1, 2, heads, width // heads).unbind(2)
        score = torch.einsum("bhd,bphd->bhp", q.view(rows, heads, -1), key)
        share = (score * (width // heads) ** -0.5).softmax(-1)
        return torch.einsum("bhp,bphd->bhd", share, value).reshape(rows, width)
