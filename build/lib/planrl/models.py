"""Models: tokens in, logits of the next token out. The protocol, and the two simplest models.

`LogitTable` is Assumption 3.1 of the paper: the logits depend only on the target i and the current
node j, a table f[i, j, k]. The Transformer has a package of its own. Whether logits are read as a
policy or as Q-values is decided by the loss.

Where nothing is chosen, at the first two positions of the prompt and where a row holds END, the
logits are 0, and no loss reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import nn
from torch.nn.functional import embedding

from planrl.errors import InputError
from planrl.graphs import MOST_CUBE, MOST_SQUARE, check_size
from planrl.tasks import PROMPT, Vocab

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


MOST_CHAINED = 200
"""Nodes up to which the decoder of a linear Transformer makes a table of all contexts."""


@dataclass(frozen=True)
class Readout:
    """What the weights alone hold of the graph (W^M' and W^V' of the ALPINE paper).

    `adjacency[j, k]` is what the current node j adds to the logit of k, `reachability[i, k]` what
    the target i adds.
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
        """Go on with these rows only, in this order; one may be there more than once."""


@runtime_checkable
class PathModel(Protocol):
    """What the rest of planrl needs from a model, such as LogitTable and Transformer."""

    @property
    def vocab(self) -> Vocab:
        """The tokens that the model reads and predicts."""

    def __call__(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each token: [B, L] -> [B, L, V]."""

    def decoder(self, tokens: Tensor, length: int) -> Decoder:
        """A decoder that has read `tokens`, for rows of at most `length` tokens."""

    def readout(self) -> Readout:
        """What the weights alone hold of the graph."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """What is trained."""

    def state_dict(self) -> dict[str, Any]:
        """Its weights, by name."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take these weights."""


def check_device(model: PathModel) -> None:
    """Raise InputError unless a model is on the CPU, where planrl runs."""
    for parameter in model.parameters():
        if parameter.device.type != "cpu":
            raise InputError(
                f"the model is on the device {str(parameter.device)!r}, and planrl runs on the CPU "
                "only: use model.cpu()"
            )


class LogitTable(nn.Module):
    """The logits as a table [target, current, next], all zero at first (Assumption 3.1)."""

    def __init__(self, vocab: Vocab) -> None:
        super().__init__()
        check_size(vocab.n_nodes, MOST_CUBE, "a LogitTable")
        self.vocab = vocab
        self.table = nn.Parameter(torch.zeros(vocab.n_nodes, vocab.n_nodes, vocab.size))

    def forward(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Logits of the next token at every position; 0 where nothing is chosen."""
        self.vocab.check_prompts(tokens)
        live = tokens != self.vocab.end
        live[:, : PROMPT - 1] = False
        n = self.vocab.n_nodes
        cell = tokens[:, 1:2] * n + tokens.clamp(max=n - 1)
        logits = embedding(cell, self.table.view(n * n, -1))
        return torch.where(live.unsqueeze(-1), logits, 0.0)  # not a product: a logit may be -inf

    def decoder(self, tokens: Int[Tensor, "B P"], length: int) -> Decoder:
        """A decoder that has read these prompts."""
        return Chain(self.table.detach(), tokens)

    def readout(self) -> Readout:
        """The table averaged over targets, and over current nodes."""
        table = self.table.detach()[..., : self.vocab.n_nodes]
        return Readout(table.mean(0), table.mean(1))


class LinearTransformer(nn.Module):
    """Logits W^M[current] + W^V[target], both zero at first: the theorems' simplified Transformer.

    All attention is on the target, embeddings are one-hot, the feed-forward part is linear, and
    there is no layer norm. Source: ALPINE's Theorem 3, the paper's Theorem 5.3.
    """

    def __init__(self, vocab: Vocab) -> None:
        super().__init__()
        check_size(vocab.n_nodes, MOST_SQUARE, "a LinearTransformer")
        self.vocab = vocab
        self.current = nn.Parameter(torch.zeros(vocab.n_nodes, vocab.size))
        self.target = nn.Parameter(torch.zeros(vocab.n_nodes, vocab.size))

    def forward(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Logits of the next token at every position; 0 where nothing is chosen."""
        self.vocab.check_prompts(tokens)
        live = tokens != self.vocab.end
        live[:, : PROMPT - 1] = False
        current = embedding(tokens.clamp(max=self.vocab.n_nodes - 1), self.current)
        logits = current + embedding(tokens[:, 1:2], self.target)
        return torch.where(live.unsqueeze(-1), logits, 0.0)  # not a product: a logit may be -inf

    def decoder(self, tokens: Int[Tensor, "B P"], length: int) -> Decoder:
        """A decoder that has read these prompts."""
        current, target = self.current.detach(), self.target.detach()
        if len(current) > MOST_CHAINED:  # a table of all contexts would take longer than the paths
            return Pairwise(current, target[tokens[:, 1]], tokens[:, -1])
        return Chain(current + target[:, None], tokens)

    def readout(self) -> Readout:
        """W^M and W^V themselves."""
        n = self.vocab.n_nodes
        return Readout(self.current.detach()[:, :n].clone(), self.target.detach()[:, :n].clone())


class Chain:
    """The decoder of a table: its state is the context (target, current) of each row.

    The next logits depend on the context alone, so all of them, `cells` [N*N, V], may be used at
    once. `first` is the first context of each row's target, `cell` the row's context.
    """

    def __init__(self, table: Tensor, prompt: Tensor) -> None:
        self.cells = table.flatten(0, 1)
        self.first = prompt[:, 1] * len(table)
        self.cell = self.first + prompt[:, -1]

    def logits(self) -> Tensor:
        """Logits of each row's next token, [B, V]."""
        return self.cells.index_select(0, self.cell)

    def push(self, tokens: Tensor) -> None:
        """Append one token [B] to each row. After END the context is arbitrary."""
        self.cell = (self.first + tokens).clamp_(max=len(self.cells) - 1)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in this order."""
        self.first, self.cell = self.first[rows], self.cell[rows]


class Pairwise:
    """The decoder of a linear Transformer on a large graph: it adds up the rows that it reads."""

    def __init__(self, table: Tensor, target: Tensor, current: Tensor) -> None:
        self.table, self.target, self.current = table, target, current

    def logits(self) -> Tensor:
        """Logits of each row's next token, [B, V]."""
        return self.table.index_select(0, self.current) + self.target

    def push(self, tokens: Tensor) -> None:
        """Append one token [B] to each row. After END the context is arbitrary."""
        self.current = tokens.clamp(max=len(self.table) - 1)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in this order."""
        self.target, self.current = self.target[rows], self.current[rows]
