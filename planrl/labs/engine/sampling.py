"""How a lab's models walk: given numbers in [0, 1), in operations that any exporter knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from planrl.graphs import Graph
from planrl.labs.engine.models import NODES, TOKENS, VOCAB
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 400  # demonstrated rows
SCALE = 10.0  # Q-learning's rewards are multiplied by it: else softmax hardly prefers any node
Values = dict[str, "Tensor"]

DATASET = ("adjacency", "pairs", "train_count", "pair_count", "rows", "row_count")
"""What a graph gives: its edges, its questions (training ones first), its demonstrations."""
STATE = ("params", "m", "v", "t", "base", "seed")
"""What a learner carries on: weights, Adam's moments, updates done, its start, the seed."""


def graph_of(adjacency: Tensor) -> Graph:
    """A Graph of which only `legal` is known, a tensor like any other: all that rewards ask for."""
    graph = object.__new__(Graph)
    legal = torch.nn.functional.pad(adjacency, (0, 1, 0, 1)) > 0.5
    graph.__dict__.update(n=NODES, edges=(), labels=(), legal=legal)
    return graph


def closure(adjacency: Tensor) -> Tensor:
    """Which nodes reach which, themselves included: [from, to], true or false."""
    reach = adjacency + torch.eye(NODES, device=adjacency.device, dtype=torch.float32)
    for _ in range(NODES.bit_length()):
        reach = (reach @ reach).clamp(max=1.0)
    return reach > 0.5


def drawn_by(uniforms: Tensor, given: Values) -> Callable[[Tensor, int], Tensor]:
    """A draw by inverting the cumulative law at `uniforms` [B, T], as `Sampler` does it.

    `given` holds temperature, epsilon and may_stop.
    """

    def draw(logits: Tensor, drawn: int) -> Tensor:
        end = torch.arange(VOCAB.size, device=logits.device) == VOCAB.end
        allowed = 1.0 - end.float() * (1.0 - given["may_stop"])
        probs = torch.where(allowed > 0.5, logits / given["temperature"], -torch.inf).softmax(-1)
        probs = probs * (1.0 - given["epsilon"]) + given["epsilon"] * allowed / allowed.sum()
        total = probs.cumsum(-1)
        below = total <= uniforms[:, drawn, None] * total[:, -1:]
        return below.long().sum(-1).clamp(max=VOCAB.end)

    return draw


def greedy(given: Values) -> Callable[[Tensor, int], Tensor]:
    """A draw of the most likely token, END only if `may_stop`."""

    def draw(logits: Tensor, drawn: int) -> Tensor:
        end = torch.arange(VOCAB.size, device=logits.device) == VOCAB.end
        return torch.where(end & (given["may_stop"] < 0.5), -torch.inf, logits).argmax(-1)

    return draw


def ended(tokens: Tensor) -> Tensor:
    """END after each walk's arrival, or after its first END; walks that are too long keep all."""
    over = (tokens == tokens[:, 1:2]) | (tokens == VOCAB.end)
    over = over & (torch.arange(TOKENS, device=tokens.device) >= PROMPT)
    before = over.long().cumsum(1) - over.long()
    return torch.where(before > 0, VOCAB.end, tokens)


def picked(table: Tensor, count: Tensor, number: Tensor) -> Tensor:
    """The rows of a table, of which the first `count` are filled, at these places in [0, 1)."""
    index = (number * count).long()
    return table[index.minimum(count.long() - 1).clamp(min=0)].long()
