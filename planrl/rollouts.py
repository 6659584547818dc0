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
            law = (logits / self.temperature).softmax(-1)
        return law * (1 - self.epsilon) + self.epsilon / logits.shape[-1] if self.epsilon else law

    def draw(self, logits: Float[Tensor, "B V"], rng: torch.Generator) -> Int[Tensor, " B"]:
        """One token a row, by inverting the cumulative law at one uniform number a row."""
        if self.greedy and not self.epsilon:
            return (logits if self.may_stop else logits[:, :-1]).argmax(-1)
        cumulative = self.law(logits).cumsum(-1)
        uniform = torch.rand(len(logits), 1, generator=rng, device=logits.device)
        drawn = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)
        return drawn.squeeze(1).clamp_(max=logits.shape[-1] - 1)


@torch.inference_mode()
def _walk(model: PathModel, pairs: Tensor, sampler: Sampler, rng: torch.Generator) -> Tensor:
    vocab, length = model.vocab, sampler.max_tokens
    tokens = torch.full((len(pairs), length), vocab.end, device=pairs.device)
    tokens[:, :PROMPT] = vocab.prompt(pairs)
    decoder = model.decoder(tokens[:, :PROMPT], length)
    rows = torch.arange(len(pairs), device=pairs.device)
    going = torch.ones_like(rows, dtype=torch.bool)
    for place in range(PROMPT, length):
        following = sampler.draw(decoder.logits(), rng)
        tokens[rows, place] = torch.where(going, following, vocab.end)
        going = going & (following != pairs[rows, 1]) & (following != vocab.end)
        alive = int(going.sum())
        if not alive or place == length - 1:
            break
        if alive < 0.85 * len(rows):  # finished rows are dropped, but not one by one
            kept = going.nonzero().squeeze(1)
            decoder.keep(kept)
            rows, going, following = rows[kept], going[kept], following[kept]
        decoder.push(following)
    return tokens


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
    n = model.vocab.n_nodes
    if len(pairs) == 0 or pairs.min() < 0 or pairs.max() >= n:
        raise InputError(f"rollout needs pairs of nodes 0 .. {n - 1}, and at least one pair")
    tokens = torch.cat([_walk(model, chunk, sampler, rng) for chunk in pairs.split(CHUNK)])
    longest = int((tokens != model.vocab.end).sum(1).max())
    return tokens[:, : longest + 1].clone()  # a clone, since inference tensors cannot be trained on


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


def _check_size(size: int | None) -> None:
    if size is not None and size < 1:
        raise InputError(f"size is the number of rows in a batch, at least 1; {size} was given")
