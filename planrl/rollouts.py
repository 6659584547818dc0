"""Walks: sampled from a model, and served as endless streams of batches.

A walk starts from the prompt `s t s` and grows by one token a step until it reaches its target
(END is then written for it), gives up (the model itself says END), or is `max_tokens` long. An
algorithm is a stream of batches and a loss; the streams are here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import torch

from planrl.checked import check_fields, whole
from planrl.errors import InputError
from planrl.models import Chain, Decoder, PathModel
from planrl.tasks import PROMPT, Batch, Task

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

CHUNK = 1024  # rows walked together; larger blocks fall out of the processor's cache
COLDEST = 1e-6  # the lowest temperature: below it, a difference of logits may overflow
MOST_TOKENS = 10_000  # of a walk
MOST_ROWS = 1_000_000  # of a batch
DROP = 0.85  # finished rows are dropped when fewer than this share is still going
SMALL = 32  # rows below which dropping some costs more than carrying them along


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How logits become the next token.

    With probability `epsilon` a token drawn uniformly from all, otherwise one drawn from
    softmax(logits / temperature), or the best one if `greedy`. Walks end after `max_tokens` tokens.
    Without `may_stop` the walker cannot give up: END is never drawn before the target.

    `stop_at_target` ends a path when it arrives: END is written for it. With False the model goes
    on until it says END itself, so a path that runs past its target is wrong unless it comes back.
    """

    temperature: float = 1.0
    epsilon: float = 0.0
    greedy: bool = False
    max_tokens: int = 20
    may_stop: bool = True
    stop_at_target: bool = True

    def __post_init__(self) -> None:
        check_fields(self)
        if not (self.may_stop or self.stop_at_target):
            raise InputError(
                "may_stop=False never draws END, and stop_at_target=False ends no path without it: "
                "leave one of them out"
            )
        if not COLDEST <= self.temperature < math.inf:
            raise InputError(
                f"temperature={self.temperature} cannot be sampled from: take a positive number, "
                f"at least {COLDEST:g}, or Sampler(greedy=True) for the most likely token"
            )
        if not 0.0 <= self.epsilon <= 1.0:
            raise InputError(f"epsilon is a probability, between 0 and 1; {self.epsilon} was given")
        if self.max_tokens <= PROMPT:
            raise InputError(
                f"max_tokens={self.max_tokens} leaves no room to walk: the prompt alone is {PROMPT}"
            )
        whole(self.max_tokens, "max_tokens", most=MOST_TOKENS)

    def ends(self, tokens: Tensor, target: Tensor, end: int) -> Tensor:
        """Which of these next tokens end their path."""
        return (tokens == target) | (tokens == end) if self.stop_at_target else tokens == end

    def law(self, logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """The probabilities with which the next token is drawn."""
        if not self.may_stop:  # END is the last token
            law = replace(self, may_stop=True).law(logits[:, :-1])
            return torch.cat([law, torch.zeros_like(law[:, :1])], 1)
        if self.greedy:
            best = logits.max(-1, keepdim=True)
            refuse_nan(best.values)
            law = torch.zeros_like(logits).scatter_(-1, best.indices, 1.0)
        else:
            law = (logits if self.temperature == 1.0 else logits / self.temperature).softmax(-1)
        return law * (1 - self.epsilon) + self.epsilon / logits.shape[-1] if self.epsilon else law

    def cumulative(self, logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """The cumulative law, up to 1."""
        cumulative = self.law(logits).cumsum(-1)
        return cumulative / cumulative[:, -1:]

    def draw(self, logits: Float[Tensor, "B V"], rng: torch.Generator) -> Int[Tensor, " B"]:
        """One token a row, by inverting the cumulative law at one uniform number a row."""
        if self.greedy and not self.epsilon:
            best = (logits if self.may_stop else logits[:, :-1]).max(-1)
            refuse_nan(best.values)
            return best.indices
        uniform = torch.rand(len(logits), 1, generator=rng, device=logits.device)
        cumulative = self.cumulative(logits)
        refuse_nan(cumulative[:, -1])
        return torch.searchsorted(cumulative, uniform, right=True).squeeze(1)


def refuse_nan(values: Tensor) -> None:
    """Raise InputError if a model's logits, or what became of them, are no numbers."""
    if values.isnan().any():
        raise InputError(
            "the model's logits are not finite, and nobody can walk by them: its training has "
            "diverged; go back to a saved state, or train again with a smaller lr"
        )


@torch.inference_mode()
def _walk(model: PathModel, pairs: Tensor, sampler: Sampler, rng: torch.Generator) -> Tensor:
    """Walks [B, max_tokens], END after their last token."""
    end, length = model.vocab.end, sampler.max_tokens
    columns = torch.full((length, len(pairs)), end, device=pairs.device)
    columns[:PROMPT] = model.vocab.prompt(pairs).T
    decoder = model.decoder(columns[:PROMPT].T, length)
    chain = isinstance(decoder, Chain) and len(decoder.cells) <= 8 * len(pairs)
    if chain and not sampler.greedy:
        _fill_from_chain(cast("Chain", decoder), columns, sampler, rng, end)
    else:
        _fill(decoder, columns, sampler, rng, end)
    over = sampler.ends(columns[PROMPT:], columns[1], end)
    columns[PROMPT:].masked_fill_(over.cumsum(0) > over, end)
    return columns.T


def _fill(
    decoder: Decoder, columns: Tensor, sampler: Sampler, rng: torch.Generator, end: int
) -> None:
    """Write the walks' tokens; what follows a walk's last one is arbitrary."""
    target = columns[1]
    rows = torch.arange(len(target), device=columns.device)
    going = torch.ones_like(rows, dtype=torch.bool)
    for place in range(PROMPT, len(columns)):
        following = sampler.draw(decoder.logits(), rng)
        columns[place].index_copy_(0, rows, following)
        going &= ~sampler.ends(following, target, end)
        alive = int(going.count_nonzero())
        if not alive or place == len(columns) - 1:
            return
        # finished rows are dropped, but not one by one: in a small batch dropping costs as much
        if alive < (DROP if len(rows) > SMALL else DROP / 2) * len(rows):
            kept = going.nonzero().squeeze(1)
            decoder.keep(kept)
            rows, target, following = rows[kept], target[kept], following[kept]
            going = going[kept]
        decoder.push(following)


def _fill_from_chain(
    chain: Chain, columns: Tensor, sampler: Sampler, rng: torch.Generator, end: int
) -> None:
    """The same for a small table: all its laws are made at once, and nobody is dropped."""
    cumulative = sampler.cumulative(chain.cells)
    refuse_nan(cumulative[:, -1])
    cumulative = torch.cat([cumulative, cumulative[:1]])  # the last target's END leads here
    size = len(columns) - PROMPT, len(chain.cell), 1
    uniform = torch.rand(size, generator=rng, device=columns.device)
    first, cell = chain.first[:, None], chain.cell
    for place, number in enumerate(uniform, PROMPT):
        following = torch.searchsorted(cumulative.index_select(0, cell), number, right=True)
        columns[place] = following.view(-1)
        so_far = columns[PROMPT : place + 1]
        if place % 4 == 0 and sampler.ends(so_far, columns[1], end).any(0).all():
            return
        cell = (first + following).view(-1)


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
    check_pairs(pairs, model)
    tokens = torch.cat([_walk(model, chunk, sampler, rng) for chunk in pairs.split(CHUNK)])
    return trimmed(tokens, model)


def demonstrations(
    task: Task, tokens: Int[Tensor, "M L"], *, rng: torch.Generator, size: int | None = 64
) -> Iterator[Batch]:
    """Batches of `size` given rows, drawn with replacement; `size=None`: all rows, every time."""
    task.vocab.check(tokens)
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
    _check_size(whole(size, "size"))
    while True:
        rows = torch.randint(len(task.pairs), (size,), generator=rng)
        yield task.batch(rollout(model, task.pairs[rows], rng=rng, sampler=sampler))


def replay(
    batches: Iterator[Batch], *, rng: torch.Generator, capacity: int = 100
) -> Iterator[Batch]:
    """Each time one new batch is stored and a random one of the last `capacity` is served."""
    if whole(capacity, "capacity") < 1:
        raise InputError(f"capacity is how many batches are kept, at least 1; {capacity} was given")
    kept: list[Batch] = []
    for count, batch in enumerate(batches):
        if len(kept) < capacity:
            kept.append(batch)
        else:
            kept[count % capacity] = batch
        yield kept[int(torch.randint(len(kept), (), generator=rng))]


def trimmed(tokens: Tensor, model: PathModel) -> Tensor:
    """Rows without the filling that all of them have, but for one END."""
    longest = int((tokens != model.vocab.end).sum(1).max())
    return tokens[:, : longest + 1].contiguous()


def check_pairs(pairs: Tensor, model: PathModel) -> None:
    """Raise InputError unless these are questions the model knows the nodes of."""
    n = model.vocab.n_nodes
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype != torch.int64:
        given = f"{list(pairs.shape)} of {pairs.dtype}"
        raise InputError(f"pairs is {given}: expected rows (source, target) of int64")
    if len(pairs) == 0 or pairs.min() < 0 or pairs.max() >= n:
        raise InputError(f"walks need pairs of nodes 0 .. {n - 1}, and at least one pair")


def _check_size(size: int | None) -> None:
    if size is not None and whole(size, "size", most=MOST_ROWS) < 1:
        raise InputError(f"size is the number of rows in a batch, at least 1; {size} was given")
