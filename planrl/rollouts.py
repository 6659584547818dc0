"""Walks: sampled from a model, and served as endless streams of batches.

A walk starts from the prompt `s t s` and grows by one token a step until it reaches its target
(END is then written for it), gives up (the model itself says END), or is `max_tokens` long. An
algorithm is a stream of batches and a loss; the streams are here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import torch

from planrl.checked import whole
from planrl.errors import InputError
from planrl.models import Chain, Decoder, PathModel, check_device
from planrl.provenance import Source, parameter_state
from planrl.sampling import Sampler as Sampler
from planrl.sampling import log_probs
from planrl.tasks import PROMPT, Batch, Task

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

CHUNK = 1024  # rows walked together; larger blocks fall out of the processor's cache
MOST_ROWS = 1_000_000  # of a batch
DROP = 0.85  # finished rows are dropped when fewer than this share is still going
SMALL = 32  # rows below which dropping some costs more than carrying them along


@torch.inference_mode()
def _walk(model: PathModel, pairs: Tensor, sampler: Sampler, rng: torch.Generator) -> Tensor:
    """Walks [B, max_tokens], END after their last token."""
    end, length = model.vocab.end, sampler.max_tokens
    columns = torch.full((length, len(pairs)), end)
    columns[:PROMPT] = model.vocab.prompt(pairs).T
    decoder = model.decoder(columns[:PROMPT].T, length)
    chain = isinstance(decoder, Chain) and len(decoder.cells) <= 8 * len(pairs)
    if not (
        chain
        and not sampler.greedy
        and _fill_from_chain(cast("Chain", decoder), columns, sampler, rng, end)
    ):
        _fill(decoder, columns, sampler, rng, end)
    over = sampler.ends(columns[PROMPT:], columns[1], end)
    columns[PROMPT:].masked_fill_(over.cumsum(0) > over, end)
    return columns.T


def _fill(
    decoder: Decoder, columns: Tensor, sampler: Sampler, rng: torch.Generator, end: int
) -> None:
    """Write the walks' tokens; what follows a walk's last one is arbitrary."""
    target = columns[1]
    rows = torch.arange(len(target))
    going = torch.ones_like(rows, dtype=torch.bool)
    for place in range(PROMPT, len(columns)):
        following = sampler.draw(decoder.logits(), rng, going)
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
) -> bool:
    """The same for a small table: all its laws are made at once, and nobody is dropped.

    False, and nothing done, if a cell forbids every token: then only the visited ones count.
    """
    cumulative = sampler.cumulative(chain.cells)
    if cumulative[:, -1].isnan().any():
        return False
    cumulative = torch.cat([cumulative, cumulative[:1]])  # the last target's END leads here
    size = len(columns) - PROMPT, len(chain.cell), 1
    uniform = torch.rand(size, generator=rng)
    first, cell = chain.first[:, None], chain.cell
    for place, number in enumerate(uniform, PROMPT):
        following = torch.searchsorted(cumulative.index_select(0, cell), number, right=True)
        columns[place] = following.view(-1)
        so_far = columns[PROMPT : place + 1]
        if place % 4 == 0 and sampler.ends(so_far, columns[1], end).any(0).all():
            break
        cell = (first + following).view(-1)
    return True


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


def _source(model: PathModel, sampler: Sampler) -> Source:
    """What a batch tells of the model that is about to draw its paths."""
    names = ("temperature", "epsilon", "greedy")
    departs = {name: getattr(sampler, name) for name in names
               if getattr(sampler, name) != getattr(Sampler, name)}  # fmt: skip
    return Source(
        model,
        parameter_state(model),
        sampling=", ".join(f"{name}={value}" for name, value in departs.items()),
        covers=not sampler.greedy or sampler.epsilon > 0.0,
        may_stop=sampler.may_stop,
        stop_at_target=sampler.stop_at_target,
    )


def demonstrations(
    task: Task, tokens: Int[Tensor, "M L"], *, rng: torch.Generator, size: int | None = 64
) -> Iterator[Batch]:
    """Batches of `size` given rows, drawn with replacement; `size=None`: all rows, every time."""
    task.vocab.check(tokens)
    if len(tokens) == 0:
        raise InputError("demonstrations needs at least one row of tokens, none was given")
    _check_size(size)
    source = Source(None)
    everything = replace(task.batch(tokens), source=source)
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
            source=source,
        )


def on_policy(
    model: PathModel,
    task: Task,
    *,
    rng: torch.Generator,
    sampler: Sampler | None = None,
    size: int = 64,
    record_probs: bool = False,
) -> Iterator[Batch]:
    """Batches of `size` walks of the model as it is now, from questions drawn with replacement.

    Off-policy data is this stream with another model: `on_policy(base, task, ...)`, or with a
    sampler that does not draw from softmax(logits). A batch knows who drew it. For importance
    weights `record_probs` records the `log_probs`, at the cost of reading each batch once more.
    """
    _check_size(whole(size, "size"))
    sampler = sampler or Sampler()
    while True:
        rows = torch.randint(len(task.pairs), (size,), generator=rng)
        source = _source(model, sampler)
        batch = task.batch(rollout(model, task.pairs[rows], rng=rng, sampler=sampler))
        probs = log_probs(model, batch.tokens, sampler) if record_probs else None
        yield replace(batch, source=source, log_probs=probs)


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
    check_device(model)
    n = model.vocab.n_nodes
    rows = pairs.ndim == 2 and pairs.shape[1] == 2 and pairs.dtype == torch.int64
    if not rows or pairs.device.type != "cpu":
        given = f"{list(pairs.shape)} of {pairs.dtype} on {pairs.device}"
        raise InputError(f"pairs is {given}: expected rows (source, target) of int64 on the CPU")
    if len(pairs) == 0 or pairs.min() < 0 or pairs.max() >= n:
        raise InputError(f"walks need pairs of nodes 0 .. {n - 1}, and at least one pair")


def _check_size(size: int | None) -> None:
    if size is not None and whole(size, "size", most=MOST_ROWS) < 1:
        raise InputError(f"size is the number of rows in a batch, at least 1; {size} was given")
