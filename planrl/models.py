"""Models: tokens in, logits of the next token out. What planrl asks of one, and the simplest one.

`LogitTable` is Assumption 3.1 of the paper as an object: the logits depend only on the target i and
the node j one stands at, a table f[i, j, k]. The Transformer, which one trains in earnest, has a
module of its own. Whether logits are a policy or Q-values is the loss's business.

A model says nothing where nothing is chosen: in the prompt's first two places, which only spell the
question, and where a row holds END, its logits are 0. No loss reads them.
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
        """Go on with these rows only, in this order; one may be there more than once."""


@runtime_checkable
class PathModel(Protocol):
    """What the rest of planrl asks of a model; LogitTable and Transformer are two."""

    @property
    def vocab(self) -> Vocab:
        """The tokens it reads and speaks of."""

    def __call__(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each token: [B, L] -> [B, L, V]."""

    def decoder(self, tokens: Tensor, length: int) -> Decoder:
        """A decoder that has read `tokens`, for rows of at most `length` tokens."""

    def readout(self) -> Readout:
        """What its weights alone say of the graph."""

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
    """The logits as a table [target, here, next], all zero at first (Assumption 3.1)."""

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
        """The table averaged over targets, and over where one stands."""
        table = self.table.detach()[..., : self.vocab.n_nodes]
        return Readout(table.mean(0), table.mean(1))


class LinearTransformer(nn.Module):
    """Logits W^M[here] + W^V[target], both zero at first: the Transformer the theorems simplify to.

    Attention rests on the target, embeddings are one-hot, the feed-forward part is linear, and
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
        return Chain(self.current.detach() + self.target.detach()[:, None], tokens)

    def readout(self) -> Readout:
        """W^M and W^V themselves."""
        n = self.vocab.n_nodes
        return Readout(self.current.detach()[:, :n].clone(), self.target.detach()[:, :n].clone())


class Chain:
    """The table's decoder: walks stand in cells (target, here), counted row by row.

    The next logits depend on the cell alone, so whoever wants to may look at all `cells` [N*N, V]
    at once. `first` is the first cell of each walk's target, `cell` the one it stands in.
    """

    def __init__(self, table: Tensor, prompt: Tensor) -> None:
        self.cells = table.flatten(0, 1)
        self.first = prompt[:, 1] * len(table)
        self.cell = self.first + prompt[:, -1]

    def logits(self) -> Tensor:
        """Logits of each row's next token, [B, V]."""
        return self.cells.index_select(0, self.cell)

    def push(self, tokens: Tensor) -> None:
        """Append one token [B] to each row. After END any cell will do."""
        self.cell = (self.first + tokens).clamp_(max=len(self.cells) - 1)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in this order."""
        self.first, self.cell = self.first[rows], self.cell[rows]
