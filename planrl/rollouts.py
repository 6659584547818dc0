"""Walks: sampled from a model, and served as endless streams of batches.

A walk starts from the prompt `s t s` and grows by one token a step until it reaches its target
(END is then written for it), gives up (the model itself says END), or is `max_tokens` long. An
algorithm is a stream of batches and a loss; the streams are here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError
from planrl.models import PathModel
from planrl.tasks import PROMPT, Batch, Task

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

CHUNK = 1024  # rows walked together; larger blocks fall out of the processor's cache
SMALL = 32  # rows below which dropping some costs more than carrying them along
DISTINCT_CHUNK = 16_384  # samples drawn together; most of them share their first steps


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How logits become the next token.

    With probability `epsilon` a token drawn uniformly from all, otherwise one drawn from
    softmax(logits / temperature), or the best one if `greedy`. Walks end after `max_tokens` tokens.
    Without `may_stop` the walker cannot give up: END is never drawn before the target.
    """

    temperature: float = 1.0
    epsilon: float = 0.0
    greedy: bool = False
    max_tokens: int = 20
    may_stop: bool = True

    def __post_init__(self) -> None:
        if not self.temperature > 0.0:
            raise InputError(
                f"temperature={self.temperature} cannot be sampled from: take a positive number, "
                "or Sampler(greedy=True) for the most likely token"
            )
        if not 0.0 <= self.epsilon <= 1.0:
            raise InputError(f"epsilon is a probability, between 0 and 1; {self.epsilon} was given")
        if self.max_tokens <= PROMPT:
            raise InputError(
                f"max_tokens={self.max_tokens} leaves no room to walk: the prompt alone is {PROMPT}"
            )

    def law(self, logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """The probabilities with which the next token is drawn."""
        if not self.may_stop:  # END is the last token
            law = replace(self, may_stop=True).law(logits[:, :-1])
            return torch.cat([law, torch.zeros_like(law[:, :1])], 1)
        if self.greedy:
            law = torch.zeros_like(logits).scatter_(-1, logits.argmax(-1, keepdim=True), 1.0)
        else:
            law = (logits if self.temperature == 1.0 else logits / self.temperature).softmax(-1)
        return law * (1 - self.epsilon) + self.epsilon / logits.shape[-1] if self.epsilon else law

    def prepare(self, logits: Float[Tensor, "B V"]) -> Tensor:
        """All that `draw` needs of the logits: the cumulative law [B, V], or the best token [B]."""
        if self.greedy and not self.epsilon:
            return (logits if self.may_stop else logits[:, :-1]).argmax(-1)
        cumulative = self.law(logits).cumsum(-1)
        return cumulative / cumulative[:, -1:]

    def draw(self, prepared: Tensor, rng: torch.Generator) -> Int[Tensor, " B"]:
        """One token a row, by inverting the cumulative law at one uniform number a row."""
        if prepared.ndim == 1:
            return prepared
        uniform = torch.rand(len(prepared), 1, generator=rng, device=prepared.device)
        return torch.searchsorted(prepared, uniform, right=True).squeeze(1)


@torch.inference_mode()
def _walk(model: PathModel, pairs: Tensor, sampler: Sampler, rng: torch.Generator) -> Tensor:
    vocab, length, target = model.vocab, sampler.max_tokens, pairs[:, 1].contiguous()
    columns = torch.full((length, len(pairs)), vocab.end, device=pairs.device)
    columns[:PROMPT] = vocab.prompt(pairs).T
    decoder = model.decoder(columns[:PROMPT].T, length)
    rows = torch.arange(len(pairs), device=pairs.device)
    going = torch.ones_like(rows, dtype=torch.bool)
    prepare = sampler.prepare
    for place in range(PROMPT, length):
        following = sampler.draw(decoder.logits(prepare), rng)
        columns[place].index_copy_(0, rows, following)  # finished walks', too: cleared below
        if place == length - 1:
            break
        if decoder.cheap:  # then nobody is dropped, and it is seldom asked whether all are done
            if place % 4 == 0 and bool(
                _over(columns[PROMPT : place + 1], pairs, vocab.end).any(0).all()
            ):
                break
            decoder.push(following)
            continue
        going &= (following != target) & (following != vocab.end)
        alive = int(going.count_nonzero())
        if not alive:
            break
        # finished rows are dropped, but not one by one: in a small batch dropping costs as much
        if alive < (0.85 if len(rows) > SMALL else 0.5) * len(rows):
            kept = going.nonzero().squeeze(1)
            decoder.keep(kept)
            rows, target, following = rows[kept], target[kept], following[kept]
            going = going[kept]
        decoder.push(following)
    over = _over(columns[PROMPT:], pairs, vocab.end)
    columns[PROMPT:].masked_fill_(over.cumsum(0) > over.long(), vocab.end)
    return columns.T


def _over(columns: Tensor, pairs: Tensor, end: int) -> Tensor:
    """Which of these next tokens [T, B] end their walk."""
    return (columns == pairs[:, 1]) | (columns == end)


def rollout(
    model: PathModel,
    pairs: Int[Tensor, "B 2"],
    *,
    rng: torch.Generator,
    sampler: Sampler | None = None,
) -> Int[Tensor, "B L"]:
    """One walk of the model for each pair (source, target); the model is left as it was.

    L is the longest walk's length and its END, at most `sampler.max_tokens`.
    """
    sampler = sampler or Sampler()
    _check_pairs(pairs, model)
    tokens = torch.cat([_walk(model, chunk, sampler, rng) for chunk in pairs.split(CHUNK)])
    return _trimmed(tokens, model)


@dataclass(frozen=True)
class Counted:
    """Different walks and how often each was drawn.

    `pair[d]` is the row of the pairs that walk d belongs to, in ascending order.
    """

    tokens: Int[Tensor, "D L"]
    pair: Int[Tensor, " D"]
    count: Int[Tensor, " D"]


@torch.inference_mode()
def _branch(
    model: PathModel, pairs: Tensor, count: Tensor, sampler: Sampler, rng: torch.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Walks (tokens, row of pairs, count) as they end: one row for each different beginning."""
    vocab, length = model.vocab, sampler.max_tokens
    tokens = torch.full((len(pairs), length), vocab.end, device=pairs.device)
    tokens[:, :PROMPT] = vocab.prompt(pairs)
    decoder = model.decoder(tokens[:, :PROMPT], length)
    pair = torch.arange(len(pairs), device=pairs.device)
    law = sampler.law
    for place in range(PROMPT, length):
        parent, following, count = _spread(decoder.logits(law), count, rng)
        tokens, pair = tokens[parent], pair[parent]
        tokens[:, place] = following
        over = (following == tokens[:, 1]) | (following == vocab.end)
        if place == length - 1:
            over[:] = True
        yield tokens[over], pair[over], count[over]
        going = (~over).nonzero().squeeze(1)
        if not len(going):
            return
        tokens, pair, count = tokens[going], pair[going], count[going]
        decoder.keep(parent[going])
        decoder.push(following[going])


def _spread(law: Tensor, count: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw count[b] times from row b of the law: the (row, token) that came up, and how often.

    All rows' cumulative laws, each raised by its row's number, are one ascending list: a number
    of row b, raised alike, falls on its token there.
    """
    rows, size = law.shape
    above = torch.arange(rows, dtype=torch.float64, device=law.device)
    cumulative = law.cumsum(1, dtype=torch.float64)
    cumulative = cumulative.div_(cumulative[:, -1:].clone()).add_(above[:, None])
    uniform = torch.rand(int(count.sum()), generator=rng, device=law.device)
    drawn = torch.searchsorted(
        cumulative.flatten(), above.repeat_interleave(count).add_(uniform), right=True
    )
    cell, times = drawn.unique(return_counts=True)
    return cell // size, cell % size, times


def sample_distinct(
    model: PathModel,
    pairs: Int[Tensor, "B 2"],
    samples: int,
    *,
    rng: torch.Generator,
    sampler: Sampler | None = None,
) -> Counted:
    """`samples` independent walks for each pair, equal ones counted instead of repeated.

    The law is that of `rollout`, exactly; the model's work is done once for each different
    beginning of a walk. What samples share is not computed twice, however many share it.
    """
    if samples < 1:
        raise InputError(f"samples is the number of walks for each pair, at least 1: {samples}")
    sampler = sampler or Sampler()
    _check_pairs(pairs, model)
    size = max(1, DISTINCT_CHUNK // samples)
    ended = [
        (tokens, pair + first, times)
        for first, chunk in zip(range(0, len(pairs), size), pairs.split(size), strict=True)
        for tokens, pair, times in _branch(
            model, chunk, torch.full((len(chunk),), samples, device=pairs.device), sampler, rng
        )
    ]
    tokens, pair, count = (torch.cat(parts) for parts in zip(*ended, strict=True))
    order = pair.argsort(stable=True)
    return Counted(_trimmed(tokens, model)[order], pair[order], count[order])


def demonstrations(
    task: Task, tokens: Int[Tensor, "M L"], *, rng: torch.Generator, size: int | None = 64
) -> Iterator[Batch]:
    """Batches of `size` given rows, drawn with replacement; `size=None`: all rows, every time."""
    if len(tokens) == 0:
        raise InputError("demonstrations needs at least one row of tokens, none was given")
    _check_size(size)
    everything = task.batch(tokens)
    while size is None:
        yield everything
    lengths = (tokens != task.vocab.end).sum(1)
    while True:
        rows = torch.randint(len(tokens), (size,), generator=rng)
        longest = int(lengths[rows].max())
        yield Batch(
            everything.chosen[rows, :longest],
            everything.reward[rows, :longest],
            tokens[rows, : longest + 1],
        )


def on_policy(
    model: PathModel,
    task: Task,
    *,
    rng: torch.Generator,
    sampler: Sampler | None = None,
    size: int = 64,
) -> Iterator[Batch]:
    """Batches of `size` walks of the model as it is now, from questions drawn with replacement.

    Off-policy data is this stream with another model: `on_policy(base, task, ...)`.
    """
    _check_size(size)
    while True:
        rows = torch.randint(len(task.pairs), (size,), generator=rng)
        yield task.batch(rollout(model, task.pairs[rows], rng=rng, sampler=sampler))


def replay(
    batches: Iterator[Batch], *, rng: torch.Generator, capacity: int = 100
) -> Iterator[Batch]:
    """Each time one new batch is stored and a random one of the last `capacity` is served."""
    if capacity < 1:
        raise InputError(f"capacity is how many batches are kept, at least 1; {capacity} was given")
    kept: list[Batch] = []
    for count, batch in enumerate(batches):
        if len(kept) < capacity:
            kept.append(batch)
        else:
            kept[count % capacity] = batch
        yield kept[int(torch.randint(len(kept), (), generator=rng))]


def _trimmed(tokens: Tensor, model: PathModel) -> Tensor:
    longest = int((tokens != model.vocab.end).sum(1).max())
    return tokens[:, : longest + 1].clone()  # a clone, since inference tensors cannot be trained on


def _check_pairs(pairs: Tensor, model: PathModel) -> None:
    n = model.vocab.n_nodes
    if len(pairs) == 0 or pairs.min() < 0 or pairs.max() >= n:
        raise InputError(f"walks need pairs of nodes 0 .. {n - 1}, and at least one pair")


def _check_size(size: int | None) -> None:
    if size is not None and size < 1:
        raise InputError(f"size is the number of rows in a batch, at least 1; {size} was given")
