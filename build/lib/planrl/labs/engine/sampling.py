"""How a lab's models sample paths from given random numbers, in operations any exporter knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.labs.engine.models import NODES, TOKENS, VOCAB, Draw
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 400  # rows of demonstrations
SCALE = 10.0  # Q-learning's rewards are multiplied by it: else softmax hardly prefers any node
Values = dict[str, "Tensor"]
"""Tensors by name: what a step of the engine reads, and what it returns."""


@dataclass(frozen=True)
class TracedGraph:
    """What rewards read of a graph: its number of nodes, and which steps follow an edge."""

    n: int
    legal: Tensor


def graph_of(adjacency: Tensor) -> TracedGraph:
    """The graph of an adjacency matrix that is a tensor like any other, as in a traced step."""
    return TracedGraph(NODES, torch.nn.functional.pad(adjacency, (0, 1, 0, 1)) > 0.5)


def closure(adjacency: Tensor) -> Tensor:
    """Which nodes reach which, themselves included: [from, to], true or false."""
    reach = adjacency + torch.eye(NODES, device=adjacency.device, dtype=torch.float32)
    for _ in range(NODES.bit_length()):
        reach = (reach @ reach).clamp(max=1.0)
    return reach > 0.5


def drawn_by(uniforms: Tensor, given: Values) -> Draw:
    """A draw by inverting the cumulative probabilities at `uniforms` [B, T], as `Sampler` does it.

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


def greedy(given: Values) -> Draw:
    """A draw of the most likely token; END only if `may_stop`."""

    def draw(logits: Tensor, drawn: int) -> Tensor:
        end = torch.arange(VOCAB.size, device=logits.device) == VOCAB.end
        return torch.where(end & (given["may_stop"] < 0.5), -torch.inf, logits).argmax(-1)

    return draw


def ended(tokens: Tensor) -> Tensor:
    """END after each path's arrival, or after its first END; other paths stay as they are."""
    over = (tokens == tokens[:, 1:2]) | (tokens == VOCAB.end)
    over = over & (torch.arange(TOKENS, device=tokens.device) >= PROMPT)
    before = over.long().cumsum(1) - over.long()
    return torch.where(before > 0, VOCAB.end, tokens)


def soft_maximum(values: Tensor, soft: Tensor) -> Tensor:
    """soft * log sum exp(values / soft) over the last axis; the largest value if `soft` is 0."""
    most = values.amax(-1, keepdim=True)
    total = ((values - most) / soft.clamp(min=1e-6)).exp().sum(-1)
    return most.squeeze(-1) + soft * total.log()


def sampling_temperature(given: Values) -> Tensor:
    """At which temperature logits are sampled: that of the soft values, if values are soft."""
    return torch.where(given["soft"] > 0.0, SCALE * given["soft"], given["temperature"])


def picked(table: Tensor, count: Tensor, number: Tensor) -> Tensor:
    """Rows drawn from the first `count` rows of a table, one for each `number` in [0, 1)."""
    index = (number * count).long()
    return table[index.minimum(count.long() - 1).clamp(min=0)].long()
