"""How one row passes through a Transformer of one layer: attention, parts of the logits, choice.

`logit_parts` splits the logits into what each part of the layer adds; `Flow` shows the split for
one path, position by position, in a notebook and on a page. It needs no script.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch.nn.functional import linear

from planrl.errors import InputError
from planrl.graphs import Graph
from planrl.tasks import PROMPT
from planrl.teaching.notebook import hash_of, style
from planrl.transformer import Transformer
from planrl.transformer.block import Block

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

MOST_ROWS = 6
_SHADES = {"own": "#8c8c8c77", "attended": "#E69F0088", "fed": "#0072B266", "logit": "#8c8c8c44"}


@dataclass(frozen=True)
class LogitParts:
    """The logits of a row at each position, as a sum of what the parts of the layer add.

    `own` comes from the embeddings of the token and of its position, `attended` from attention,
    `fed` from the feed-forward part; they sum to the model's logits. `alone` are the logits that
    the same layer gives if attention adds nothing. `attention` is [from, to].
    """

    attention: Float[Tensor, "L L"]
    own: Float[Tensor, "L V"]
    attended: Float[Tensor, "L V"]
    fed: Float[Tensor, "L V"]
    alone: Float[Tensor, "L V"]

    @property
    def logits(self) -> Float[Tensor, "L V"]:
        """The sum of the parts."""
        return self.own + self.attended + self.fed


@torch.no_grad()
def logit_parts(model: Transformer, row: Int[Tensor, " L"]) -> LogitParts:
    """Split the logits of one row of a Transformer with one layer and one head into their parts.

    The last layer norm subtracts the mean of each part and divides all parts by the standard
    deviation of their sum, so that the parts of the logits still add up.
    """
    if (model.config.layers, model.config.heads) != (1, 1):
        raise InputError(
            f"the parts are defined for one layer and one head, this model has "
            f"{model.config.layers} and {model.config.heads}: use next_logits(model) instead"
        )
    block, length = cast("Block", model.blocks[0]), len(row)
    own = model.tokens(row) + model.positions.weight[:length]
    q, k, v = linear(block.norm_1(own), block.qkv.weight).split(model.config.width, -1)
    future = torch.ones(length, length).triu(1).bool()
    score = (q @ k.T / math.sqrt(model.config.width)).masked_fill(future, -torch.inf)
    attention = score.softmax(-1)
    attended = block.project(attention @ v)
    fed = block.feed_forward(block.norm_2(own + attended))
    norm, words = model.norm, model.tokens.weight.T
    variance = (own + attended + fed).var(-1, unbiased=False, keepdim=True)
    scale = norm.weight / (variance + norm.eps).sqrt()
    alone = norm(own + block.feed_forward(block.norm_2(own))) @ words

    def logits_of(part: Tensor) -> Tensor:
        return cast("Tensor", (part - part.mean(-1, keepdim=True)) * scale @ words)

    return LogitParts(attention, logits_of(own), logits_of(attended), logits_of(fed), alone)


class Flow:
    """One path through the layer, a step for each choice: what is attended to, added and chosen."""

    def __init__(self, model: Transformer, graph: Graph, row: Int[Tensor, " L"]) -> None:
        self.graph, self.end = graph, model.vocab.end
        self.row = [int(token) for token in row if int(token) != self.end]
        if len(self.row) <= PROMPT:
            raise InputError(f"{self.row} holds no choice: give a row `s t s ... t`")
        self.parts = logit_parts(model, torch.tensor(self.row))
        self.positions = list(range(PROMPT - 1, len(self.row) - 1))

    def candidates(self, position: int) -> list[int]:
        """The next tokens with the highest logits at a position, the highest first."""
        logits = self.parts.logits[position]
        return [int(k) for k in logits.topk(min(MOST_ROWS, len(logits))).indices]

    def _repr_html_(self) -> str:
        name = f"flow-{abs(hash_of(str(self.row)))}"
        steps = []
        for number, position in enumerate(self.positions):
            one = (
                f'id="{name}-{number}" aria-label="Step {number + 1}, at node {self.row[position]}"'
            )
            checked = " checked" if not number else ""
            steps.append(
                f'<input type="radio" name="{name}" {one}{checked}>'
                f'<label for="{name}-{number}">{number + 1}</label>'
                f'<div class="planrl-step">{self._step(number, position)}</div>'
            )
        source, target = self.row[:2]
        legend = f"From {source} to {target}, step by step"
        return (
            f'{style("flow")}<fieldset class="planrl-flow"><legend>{legend}</legend>'
            f"{''.join(steps)}</fieldset>"
        )

    def _step(self, number: int, position: int) -> str:
        current, target, chosen = self.row[position], self.row[1], self.row[position + 1]
        likeliest = self.candidates(position)[0]
        said = self._name(likeliest)
        same = "the path takes it" if likeliest == chosen else f"the path takes {chosen}"
        return (
            f"<p><strong>Step {number + 1} of {len(self.positions)}.</strong> "
            f"Current node {current}, target {target}. <em>Attention</em>, in percent:</p>"
            f"{self._attention(position)}{self._table(position)}"
            f"<p>Most probable next: <strong>{said}</strong>; {same}.</p>"
        )

    def _attention(self, position: int) -> str:
        """What has been read, each token under the share of attention that it gets."""
        items = []
        for column, share in enumerate(self.parts.attention[position, : position + 1].tolist()):
            role = ("source", "target")[column] if column < 2 else f"node {column - 1}"
            here = ' class="planrl-current"' if column == position else ""
            items.append(
                f'<li{here} style="--share:{share:.3f}">{100 * share:.0f}<i></i>'
                f"<b>{self.row[column]}</b><span>{role}</span></li>"
            )
        return f'<ul class="planrl-row">{"".join(items)}</ul>'

    def _table(self, position: int) -> str:
        """A row for each candidate: what each part adds to its logit, and its probability."""
        found = self.parts
        columns = {key: getattr(found, key)[position] for key in ("own", "attended", "fed")}
        columns["logit"] = found.logits[position]
        probs, without = (x[position].softmax(-1) for x in (found.logits, found.alone))
        kept = self.candidates(position)
        bound = max(float(values[kept].abs().max()) for values in columns.values())
        head = (
            "next",
            "A, R",
            "node",
            "+ atten\u00adtion",
            "+ feed-for\u00adward",
            "= logit",
            "%",
            "%, no atten\u00adtion",
        )
        rows = []
        for k in kept:
            cells = [
                f'<th scope="row">{self._name(k)}</th>',
                f"<td>{self._facts(position, k)}</td>",
            ]
            cells += [
                _bar(float(values[k]), bound, _SHADES[key]) for key, values in columns.items()
            ]
            cells += [f"<td>{100 * float(p[k]):.0f}</td>" for p in (probs, without)]
            rows.append(
                f"<tr{' class=planrl-chosen' if k == kept[0] else ''}>{''.join(cells)}</tr>"
            )
        titles = "".join(f'<th scope="col">{html.escape(title)}</th>' for title in head)
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table>"

    def _facts(self, position: int, k: int) -> str:
        """A[j, k] and R[i, k] of a candidate; END has neither."""
        if k == self.end:
            return "–"
        edge = int(self.graph.adjacency[self.row[position], k])
        return f"{edge}, {int(self.graph.reachability[self.row[1], k])}"

    def _name(self, k: int) -> str:
        return "END" if k == self.end else f"{k}"

    def __repr__(self) -> str:
        likeliest = [self._name(self.candidates(p)[0]) for p in self.positions]
        return f"path {self.row[2:]} to {self.row[1]}; most probable at each step: {likeliest}"


def _bar(value: float, bound: float, shade: str) -> str:
    """A cell with a number over a bar from the middle."""
    ends = sorted((50.0, 50 + 50 * value / bound))
    return (
        f'<td class="planrl-bar" style="--from:{ends[0]:.0f}%;--to:{ends[1]:.0f}%;'
        f'--shade:{shade}">{0.0 if abs(value) < 0.05 else value:.1f}</td>'
    )
