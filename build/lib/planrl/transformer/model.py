"""The Transformer: small, with GPT-2's block.

Pre-layer norm, GELU (tanh), learned positions, no biases, input and output embeddings tied. Three
things are never computed: padding (tokens are packed without END); predictions that no loss reads
(at the first two positions of the prompt the last layer computes only keys and values); and, in
sampling, keys and values that an earlier step has computed or another row shares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from planrl.errors import InputError
from planrl.models import Decoder, Readout
from planrl.tasks import PROMPT, Vocab
from planrl.transformer.block import FIRST, Block, TransformerConfig, initial_std
from planrl.transformer.kernels import Packing, attend
from planrl.transformer.kv_cache import _CachedDecoder

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

MOST_PARAMETERS = 500_000_000


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

    def forward(self, tokens: Int[Tensor, "B L"], *, first: int = FIRST) -> Float[Tensor, "B L V"]:
        """Logits of the next token at every position; 0 where nothing is chosen.

        `first` is the first position that chooses: 1 for rows of a model that writes a path without
        its source.
        """
        self.vocab.check(tokens, least=min(PROMPT, first + 1))
        length = self._check_length(tokens.shape[1])
        choosing, reading = _packed(tokens, self.vocab.end, first)
        if not len(choosing.position):  # nothing is chosen anywhere
            return self.tokens.weight.new_zeros(*tokens.shape, self.vocab.size)
        x = self.tokens(tokens.flatten()[reading.position]) + self.positions(
            reading.position % length
        )
        *early, last = self._blocks()
        for block in early:
            h = block.norm_1(x)
            q, kv = block.queries(h), block.keys_values(h)
            x = block.finish(x, attend(q, kv, reading, reading, self.config.heads))
        h, chosen = last.norm_1(x), len(choosing.position)
        q, kv = last.queries(h[:chosen]), last.keys_values(h)
        x = last.finish(x[:chosen], attend(q, kv, choosing, reading, self.config.heads))
        logits = self._head(x)
        padded = logits.new_zeros(tokens.numel(), self.vocab.size)
        return padded.index_copy(0, reading.position[:chosen], logits).view(*tokens.shape, -1)

    def decoder(self, tokens: Int[Tensor, "B P"], length: int) -> Decoder:
        """A decoder that has read these prompts, for rows of at most `length` tokens."""
        self._check_length(length)
        return _CachedDecoder(self, tokens, length)

    def readout(self, *, norms: bool = True) -> Readout:
        """ALPINE's W^M' and W^V': the logits of each token that is sent through the weights alone.

        For W^M' it is the current node (it bypasses attention), for W^V' the token attended to.
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
            current, target = (
                norm(self.norm, x + block.feed_forward(norm(block.norm_2, x))) @ embedding.T
                for x in streams
            )
        n = self.vocab.n_nodes
        return Readout(current[:n, :n].clone(), target[:n, :n].clone())

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
        return length


def _packed(tokens: Tensor, end: int, first: int) -> tuple[Packing, Packing]:
    """Packings of the positions that choose, and of these followed by the prompt's first."""
    rows, length = tokens.shape
    choosing = Packing.of(tokens[:, first:] != end)
    position = choosing.position + first * (choosing.position // (length - first) + 1)
    prompt = torch.arange(first)
    row = torch.arange(rows)[:, None]
    reading = Packing(
        torch.cat([position, (row * length + prompt).flatten()]),
        torch.cat([len(position) + row * first + prompt, choosing.row], 1),
    )
    return choosing, reading
