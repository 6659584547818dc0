"""Models: tokens in, logits of the next token out.

`LogitTable` is Assumption 3.1 of the paper as an object: the logits depend only on the target i and
the node j one stands at, a table f[i, j, k]. `Transformer` is what one trains in earnest: pre-layer
norm, GELU (tanh), learned positions, no biases, input and output embeddings tied (GPT-2's block).
Whether logits are a policy or Q-values is the loss's business.

Both skip what no loss reads: positions that hold END get logits 0, and the Transformer computes the
others packed, without the filling.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from planrl.errors import InputError
from planrl.tasks import Vocab

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


@dataclass(frozen=True)
class Readout:
    """What the weights alone say of the graph (ALPINE's W^M' and W^V').

    `adjacency[j, k]`: how much standing at j speaks for k. `reachability[i, k]`: how much the
    target i does.
    """

    adjacency: Float[Tensor, "N N"]
    reachability: Float[Tensor, "N N"]


@runtime_checkable
class Decoder(Protocol):
    """A model that is fed one token a row at a time."""

    def logits(self) -> Tensor:
        """Logits of each row's next token, [B, V]."""

    def push(self, tokens: Tensor) -> None:
        """Append one token [B] to each row."""

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in this order."""


@runtime_checkable
class PathModel(Protocol):
    """What the rest of planrl asks of a model; LogitTable and Transformer are two."""

    @property
    def vocab(self) -> Vocab: ...  # noqa: D102

    def __call__(self, tokens: Tensor) -> Tensor: ...  # noqa: D102

    def decoder(self, tokens: Tensor, length: int) -> Decoder: ...  # noqa: D102

    def readout(self) -> Readout: ...  # noqa: D102

    def parameters(self) -> Iterator[nn.Parameter]: ...  # noqa: D102

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...  # noqa: D102


class LogitTable(nn.Module):
    """The logits as a table [target, here, next], all zero at first (Assumption 3.1)."""

    def __init__(self, vocab: Vocab) -> None:
        super().__init__()
        self.vocab = vocab
        self.table = nn.Parameter(torch.zeros(vocab.n_nodes, vocab.n_nodes, vocab.size))

    def forward(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Logits of the next token at every position; 0 where the position holds END."""
        self.vocab.check(tokens)
        here = tokens.clamp(max=self.vocab.n_nodes - 1)
        target = tokens[:, 1:2].expand_as(tokens)
        live = (tokens != self.vocab.end).unsqueeze(-1)
        return self.table[target, here] * live

    def decoder(self, tokens: Int[Tensor, "B P"], length: int) -> Decoder:
        """A decoder that has read these prompts."""
        return _TableDecoder(self.table.detach(), tokens[:, 1], tokens[:, -1])

    def readout(self) -> Readout:
        """The table averaged over targets, and over where one stands."""
        table = self.table.detach()[..., : self.vocab.n_nodes]
        return Readout(table.mean(0), table.mean(1))


class _TableDecoder:
    def __init__(self, table: Tensor, target: Tensor, here: Tensor) -> None:
        self.table, self.target, self.here = table, target, here

    def logits(self) -> Tensor:
        return self.table[self.target, self.here.clamp(max=self.table.shape[1] - 1)]

    def push(self, tokens: Tensor) -> None:
        self.here = tokens

    def keep(self, rows: Tensor) -> None:
        self.target, self.here = self.target[rows], self.here[rows]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes of a Transformer: `positions` is the longest row it can read, in tokens."""

    layers: int = 1
    heads: int = 1
    width: int = 120
    positions: int = 32

    def __post_init__(self) -> None:
        for name in ("layers", "heads", "width", "positions"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, but {getattr(self, name)} was given")
        if self.width % self.heads:
            raise InputError(
                f"width {self.width} does not divide among {self.heads} heads: "
                f"take a multiple of {self.heads}"
            )


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

    def feed_forward(self, x: Tensor) -> Tensor:
        """The feed-forward part, without norm and without the sum."""
        return cast("Tensor", self.contract(gelu(self.expand(x), approximate="tanh")))

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """The layer's output, given its input and what its heads have gathered."""
        x = x + self.project(attended)
        return x + self.feed_forward(self.norm_2(x))


class Transformer(nn.Module):
    """A GPT-style Transformer over the tokens of `vocab`, weights drawn from `rng`."""

    def __init__(self, vocab: Vocab, config: TransformerConfig, rng: torch.Generator) -> None:
        super().__init__()
        self.vocab, self.config = vocab, config
        self.tokens = nn.Embedding(vocab.size, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.blocks = nn.ModuleList(Block(config.width) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, bias=False)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:  # GPT-2's law; what adds to the residual stream starts smaller
                into_stream = name.endswith(("project.weight", "contract.weight"))
                std = 0.02 / math.sqrt(2 * config.layers) if into_stream else 0.02
                nn.init.normal_(weight, std=std, generator=rng)

    def forward(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Logits of the next token at every position; 0 where the position holds END."""
        rows, length = tokens.shape
        self._check_length(length)
        self.vocab.check(tokens)
        flat = tokens.reshape(-1)
        live = (flat != self.vocab.end).nonzero().squeeze(1)
        x = self.tokens(flat[live]) + self.positions(live % length)  # [M, D], the filling left out
        for block in self._blocks():
            qkv = block.qkv(block.norm_1(x))
            padded = qkv.new_zeros(rows * length, qkv.shape[1]).index_copy(0, live, qkv)
            q, k, v = self._heads(padded.view(rows, length, -1))
            attended = scaled_dot_product_attention(q, k, v, is_causal=True)
            x = block.finish(x, attended.transpose(1, 2).reshape(rows * length, -1)[live])
        logits = self._head(x)
        padded = logits.new_zeros(rows * length, self.vocab.size).index_copy(0, live, logits)
        return padded.view(rows, length, -1)

    def decoder(self, tokens: Int[Tensor, "B P"], length: int) -> Decoder:
        """A decoder that has read these prompts, with room for rows of `length` tokens."""
        self._check_length(length)
        return _CachedDecoder(self, tokens, length)

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
            attended = norm(block.norm_1, embedding) @ block.qkv.weight[2 * self.config.width :].T
            streams = embedding, block.project(attended)
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

    def _heads(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, L, 3 D] -> queries, keys, values, each [B, heads, L, D / heads]."""
        split = qkv.view(*qkv.shape[:2], 3, self.config.heads, -1).permute(2, 0, 3, 1, 4)
        return split[0], split[1], split[2]

    def _check_length(self, length: int) -> None:
        if length > self.config.positions:
            raise InputError(
                f"rows of {length} tokens were given, but this model reads at most "
                f"{self.config.positions}: build it with TransformerConfig(positions={length})"
            )


class _CachedDecoder:
    """Keys and values of all tokens read so far, so that a new token costs one token's work."""

    def __init__(self, model: Transformer, tokens: Tensor, length: int) -> None:
        self.model, self.at = model, 0
        config = model.config
        shape = (config.layers, 2, len(tokens), config.heads, length, config.width // config.heads)
        self.cache = model.tokens.weight.new_zeros(shape)
        self._read(tokens)

    def _read(self, tokens: Tensor) -> None:  # [B, P]
        model, new = self.model, tokens.shape[1]
        upto = self.at + new
        x = model.tokens(tokens) + model.positions.weight[self.at : upto]
        for layer, block in enumerate(model._blocks()):
            q, k, v = model._heads(block.qkv(block.norm_1(x)))
            cache = self.cache[layer]
            cache[0, :, :, self.at : upto], cache[1, :, :, self.at : upto] = k, v
            attended = scaled_dot_product_attention(
                q, cache[0, :, :, :upto], cache[1, :, :, :upto], is_causal=new > 1
            )
            x = block.finish(x, attended.transpose(1, 2).flatten(2))
        self.at, self.last = upto, x[:, -1]

    def logits(self) -> Tensor:
        return self.model._head(self.last)

    def push(self, tokens: Tensor) -> None:
        self._read(tokens[:, None])

    def keep(self, rows: Tensor) -> None:
        self.cache, self.last = self.cache[:, :, rows], self.last[rows]
