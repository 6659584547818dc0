"""Many samples of each question, without doing twice what they share.

A hundred walks from one prompt are, at their first steps, a handful of different walks. Each
different beginning is kept once, with how many samples follow it; drawing its next token that many
times splits it into its different continuations. The samples' law is that of `rollout`, exactly:
they are independent of each other. What is saved is what they share, all of it once a policy has
collapsed to one path, and still most of it while it is diverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.checked import whole
from planrl.errors import InputError
from planrl.models import PathModel
from planrl.rollouts import MOST_ROWS, check_pairs, trimmed
from planrl.sampling import Sampler, refuse_undrawable
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

CHUNK = 16_384  # samples drawn together; most of them share their first steps


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
    tokens = torch.full((len(pairs), length), vocab.end)
    tokens[:, :PROMPT] = vocab.prompt(pairs)
    decoder = model.decoder(tokens[:, :PROMPT], length)
    pair = torch.arange(len(pairs))
    for place in range(PROMPT, length):
        parent, following, count = _spread(sampler.law(decoder.logits()), count, rng)
        tokens, pair = tokens[parent], pair[parent]
        tokens[:, place] = following
        over = sampler.ends(following, tokens[:, 1], vocab.end)
        if place == length - 1:
            over[:] = True
        yield tokens[over], pair[over], count[over]
        going = (~over).nonzero().squeeze(1)
        if not len(going):
            return
        tokens, pair, count = tokens[going], pair[going], count[going]
        decoder.keep(parent[going])
        decoder.push(following[going])


def _spread(
    law: Float[Tensor, "B V"], count: Int[Tensor, " B"], rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw count[b] times from row b of the law: the (row, token) that came up, and how often.

    All rows' cumulative laws, each raised by its row's number, are one ascending list: a number
    of row b, raised alike, falls on its token there.
    """
    refuse_undrawable(law[:, -1])
    rows, size = law.shape
    above = torch.arange(rows, dtype=torch.float64)
    cumulative = law.cumsum(1, dtype=torch.float64)
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
    """`samples` independent walks for each pair, equal ones counted instead of repeated.

    The law is that of `rollout`, exactly; the model's work is done once for each different
    beginning of a walk. What samples share is not computed twice, however many share it.
    """
    if whole(samples, "samples", most=MOST_ROWS) < 1:
        raise InputError(f"samples is the number of walks for each pair, at least 1: {samples}")
    sampler = sampler or Sampler()
    check_pairs(pairs, model)
    size = max(1, CHUNK // samples)
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
