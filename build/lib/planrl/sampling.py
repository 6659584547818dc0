"""Rollouts: paths sampled from a model, and the probability of each of their steps.

A rollout starts from the prompt `s t s` and grows by one token a step. It ends when it reaches its
target (END is then written after it), when the model emits END, or at `max_tokens` tokens.

`sample_distinct` draws many rollouts of each source-target pair and computes what they share once:
every distinct prefix is kept once, with the number of rollouts that share it, and drawing its next
token that many times splits it into its distinct continuations. The rollouts are independent and
have exactly the probabilities of `rollout`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import torch

from planrl.errors import InputError, check_fields, number, whole
from planrl.models import Chain, Decoder, PathModel, check_device
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

COLDEST = 1e-6  # the lowest temperature: below it, a difference of logits may overflow
MOST_TOKENS = 10_000  # of a path
CHUNK = 1024  # rows sampled together; larger blocks fall out of the processor's cache
MOST_ROWS = 1_000_000  # of a batch
DROP = 0.85  # finished rows are dropped when fewer than this share is still going
SMALL = 32  # rows below which dropping some costs more than carrying them along
CHUNK_OF_SAMPLES = 16_384  # samples drawn together; most of them share their first steps


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How logits become the next token.

    With probability `epsilon` the token is drawn uniformly from all tokens, otherwise from
    softmax(logits / temperature), or it is the most likely one if `greedy`. A path has at most
    `max_tokens` tokens. With `may_stop=False` END is never drawn before the target.

    `stop_at_target` ends a path when it arrives: END is written after it. With False the model goes
    on until it emits END, so a path that runs past its target is wrong unless it comes back.
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
        number(self.epsilon, "epsilon", least=0.0, most=1.0)
        whole(self.max_tokens, "max_tokens", least=PROMPT + 1, most=MOST_TOKENS)
        if self.greedy and self.temperature != 1.0:
            raise InputError(
                f"temperature={self.temperature} says nothing beside greedy=True, which takes the "
                "most likely token at any temperature: leave one of them out"
            )

    def ends(self, tokens: Tensor, target: Tensor, end: int) -> Tensor:
        """Which of these next tokens end their path."""
        return (tokens == target) | (tokens == end) if self.stop_at_target else tokens == end

    def probs(self, logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """The probabilities with which the next token is drawn."""
        if not self.may_stop:  # END is the last token
            probs = replace(self, may_stop=True).probs(logits[:, :-1])
            return torch.cat([probs, torch.zeros_like(probs[:, :1])], 1)
        if self.greedy:
            best = logits.max(-1, keepdim=True)
            refuse_undrawable(best.values)
            probs = torch.zeros_like(logits).scatter_(-1, best.indices, 1.0)
        else:
            probs = (logits if self.temperature == 1.0 else logits / self.temperature).softmax(-1)
        if not self.epsilon:
            return probs
        return probs * (1 - self.epsilon) + self.epsilon / logits.shape[-1]

    def cumulative(self, logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """The cumulative probabilities, up to 1."""
        cumulative = self.probs(logits).cumsum(-1)
        return cumulative / cumulative[:, -1:]

    def draw(
        self,
        logits: Float[Tensor, "B V"],
        rng: torch.Generator,
        going: Bool[Tensor, " B"] | None = None,
    ) -> Int[Tensor, " B"]:
        """One token a row, by inverting the cumulative probabilities at a uniform number.

        Rows that are not `going` get an arbitrary token: their logits may forbid all of them.
        """
        if self.greedy and not self.epsilon:
            best = (logits if self.may_stop else logits[:, :-1]).max(-1)
            refuse_undrawable(best.values, going)
            return best.indices
        uniform = torch.rand(len(logits), 1, generator=rng)
        cumulative = self.cumulative(logits)
        refuse_undrawable(cumulative[:, -1], going)
        drawn = torch.searchsorted(cumulative, uniform, right=True).squeeze(1)
        return drawn.clamp_(max=logits.shape[-1] - 1)


def refuse_undrawable(values: Tensor, going: Tensor | None = None) -> None:
    """Raise InputError if a row's largest logit, or total probability, is not a number."""
    undrawable = values.isnan() | (values == -math.inf)
    if (undrawable if going is None else undrawable & going).any():
        raise InputError(
            "the model's logits are not finite, and no token can be drawn by them. If they forbid "
            "every next token (all are -inf), allow one: END, if the sampler may stop. If they are "
            "nan, the training has diverged: go back to a saved state, or take a smaller lr"
        )


@torch.no_grad()
def log_probs(
    policy: PathModel, tokens: Int[Tensor, "B L"], sampler: Sampler | None = None
) -> Float[Tensor, "B T"]:
    """The log-probability with which `rollout` draws each token of these rows from the policy.

    0 where nothing is drawn: in the prompt, after the path and, with `stop_at_target`, at END after
    the target, which is written. So the sum of a row is the log-probability of its path.
    """
    current, next_node = tokens[:, :-1], tokens[:, 1:]
    sampler = sampler or Sampler()
    drawn = policy.vocab.chosen(tokens)
    if sampler.stop_at_target:
        drawn = drawn & (current != tokens[:, 1:2])
    logits = policy(current)
    probs = sampler.probs(logits[drawn].double())  # rows of one step each
    found = probs.gather(1, next_node[drawn][:, None]).squeeze(1).log().to(logits.dtype)
    return logits.new_zeros(drawn.shape).masked_scatter_(drawn, found)


@torch.inference_mode()
def _rollout(model: PathModel, pairs: Tensor, sampler: Sampler, rng: torch.Generator) -> Tensor:
    """Paths [B, max_tokens], padded with END."""
    end, length = model.vocab.end, sampler.max_tokens
    columns = torch.full((length, len(pairs)), end)
    columns[:PROMPT] = model.vocab.prompt(pairs).T
    decoder = model.decoder(columns[:PROMPT].T, length)
    small = isinstance(decoder, Chain) and len(decoder.cells) <= 8 * len(pairs)
    chain = cast("Chain", decoder) if small and not sampler.greedy else None
    if chain is None or not _fill_from_chain(chain, columns, sampler, rng, end):
        _fill(decoder, columns, sampler, rng, end)
    over = sampler.ends(columns[PROMPT:], columns[1], end)
    columns[PROMPT:].masked_fill_(over.cumsum(0) > over, end)
    return columns.T


def _fill(
    decoder: Decoder, columns: Tensor, sampler: Sampler, rng: torch.Generator, end: int
) -> None:
    """Write the tokens of the paths; what follows the end of a path is arbitrary."""
    target = columns[1]
    rows = torch.arange(len(target))
    going = torch.ones_like(rows, dtype=torch.bool)
    for position in range(PROMPT, len(columns)):
        next_node = sampler.draw(decoder.logits(), rng, going)
        columns[position].index_copy_(0, rows, next_node)
        going &= ~sampler.ends(next_node, target, end)
        alive = int(going.count_nonzero())
        if not alive or position == len(columns) - 1:
            return
        # finished rows are dropped, but not one by one: in a small batch dropping costs as much
        if alive < (DROP if len(rows) > SMALL else DROP / 2) * len(rows):
            kept = going.nonzero().squeeze(1)
            decoder.keep(kept)
            rows, target, next_node = rows[kept], target[kept], next_node[kept]
            going = going[kept]
        decoder.push(next_node)


def _fill_from_chain(
    chain: Chain, columns: Tensor, sampler: Sampler, rng: torch.Generator, end: int
) -> bool:
    """The same for a small table: all its probabilities are computed at once, no row is dropped.

    False, and nothing done, if a context forbids every token: then only visited contexts count.
    """
    cumulative = sampler.cumulative(chain.cells)
    if cumulative[:, -1].isnan().any():
        return False
    cumulative = torch.cat([cumulative, cumulative[:1]])  # the last target's END leads here
    size = len(columns) - PROMPT, len(chain.cell), 1
    uniform = torch.rand(size, generator=rng)
    first, cell = chain.first[:, None], chain.cell
    for position, drawn in enumerate(uniform, PROMPT):
        next_node = torch.searchsorted(cumulative.index_select(0, cell), drawn, right=True)
        columns[position] = next_node.view(-1)
        so_far = columns[PROMPT : position + 1]
        if position % 4 == 0 and sampler.ends(so_far, columns[1], end).any(0).all():
            break
        cell = (first + next_node).view(-1)
    return True


def rollout(
    model: PathModel,
    pairs: Int[Tensor, "B 2"],
    *,
    rng: torch.Generator,
    sampler: Sampler | None = None,
) -> Int[Tensor, "B L"]:
    """A path sampled from the model for each pair (source, target), at most `max_tokens` long."""
    sampler = sampler or Sampler()
    check_device(model)
    model.vocab.check_pairs(pairs)
    tokens = torch.cat([_rollout(model, chunk, sampler, rng) for chunk in pairs.split(CHUNK)])
    return trimmed(tokens, model)


def trimmed(tokens: Tensor, model: PathModel) -> Tensor:
    """Rows without the padding that all of them have, except for one END."""
    longest = int((tokens != model.vocab.end).sum(1).max())
    return tokens[:, : longest + 1].contiguous()


@dataclass(frozen=True)
class Counted:
    """Distinct paths, and how often each was drawn.

    `pair[d]` is the row of the pairs that path d belongs to, in ascending order.
    """

    tokens: Int[Tensor, "D L"]
    pair: Int[Tensor, " D"]
    count: Int[Tensor, " D"]


@torch.inference_mode()
def _branch(
    model: PathModel, pairs: Tensor, count: Tensor, sampler: Sampler, rng: torch.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Paths (tokens, row of pairs, count) as they end: one row for each distinct prefix."""
    vocab, length = model.vocab, sampler.max_tokens
    tokens = torch.full((len(pairs), length), vocab.end)
    tokens[:, :PROMPT] = vocab.prompt(pairs)
    decoder = model.decoder(tokens[:, :PROMPT], length)
    pair = torch.arange(len(pairs))
    for position in range(PROMPT, length):
        parent, next_node, count = _spread(sampler.probs(decoder.logits()), count, rng)
        tokens, pair = tokens[parent], pair[parent]
        tokens[:, position] = next_node
        over = sampler.ends(next_node, tokens[:, 1], vocab.end)
        if position == length - 1:
            over[:] = True
        yield tokens[over], pair[over], count[over]
        going = (~over).nonzero().squeeze(1)
        if not len(going):
            return
        tokens, pair, count = tokens[going], pair[going], count[going]
        decoder.keep(parent[going])
        decoder.push(next_node[going])


def _spread(
    probs: Float[Tensor, "B V"], count: Int[Tensor, " B"], rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw count[b] times from row b of `probs`: the (row, token) drawn, and how often.

    The cumulative probabilities of all rows, each plus its row's number, are one ascending list, in
    which a uniform number plus b finds its token.
    """
    refuse_undrawable(probs[:, -1])
    rows, size = probs.shape
    above = torch.arange(rows, dtype=torch.float64)
    cumulative = probs.cumsum(1, dtype=torch.float64)
    cumulative = cumulative.div_(cumulative[:, -1:].clone()).add_(above[:, None])
    uniform = torch.rand(int(count.sum()), generator=rng)
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
    """`samples` independent paths for each pair, equal ones counted instead of repeated."""
    whole(samples, "samples", least=1, most=MOST_ROWS)
    sampler = sampler or Sampler()
    check_device(model)
    model.vocab.check_pairs(pairs)
    size = max(1, CHUNK_OF_SAMPLES // samples)
    ended = [
        (tokens, pair + first, times)
        for first, chunk in zip(range(0, len(pairs), size), pairs.split(size), strict=True)
        for tokens, pair, times in _branch(
            model, chunk, torch.full((len(chunk),), samples), sampler, rng
        )
    ]
    tokens, pair, count = (torch.cat(parts) for parts in zip(*ended, strict=True))
    order = pair.argsort(stable=True)
    return Counted(trimmed(tokens, model)[order], pair[order], count[order])
