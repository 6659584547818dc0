"""Shares of the machine's limit: multiply-adds that the work takes, next to a bare matrix product.

Counted are only tokens that a row really has, never its filling. A token costs 24 d^2 in each layer
and 2 d V for its logits, one of which only keys and values are read 4 d^2; backward costs twice
that again. *By real tokens*: all tokens in full, but the first of a roll-out, which asks nothing.
*By the work that is needed*: keys and values only for both tokens that just spell the question.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache

import peers_hf
import torch
from harness import Row, Work, absent
from setting import MAX_TOKENS, SAMPLER, Dataset

import planrl as pr

LR = 1e-5
REPEATS = 40


def sgemm(dataset: Dataset) -> Callable[[], Work]:
    """The limit: [1024, 120] times [120, 480], written to the same place again and again."""
    width = dataset.base.config.width
    rng = pr.seeded(0, "matrices")
    a = torch.rand(1024, width, generator=rng)
    b = torch.rand(width, 4 * width, generator=rng)
    out = torch.empty(1024, 4 * width)

    def side() -> Work:
        for _ in range(REPEATS):
            torch.mm(a, b, out=out)
        return Work(2 * 1024 * width * 4 * width * REPEATS)

    return side


def fed(tokens: torch.Tensor, end: int) -> int:
    """How many tokens a roll-out of these rows reads: prompt, and each from which one was drawn."""
    drawn = pr.Vocab(end).chosen(tokens) & (tokens[:, :-1] != tokens[:, 1:2])
    return 2 * len(tokens) + int(drawn.sum())


def inputs(tokens: torch.Tensor, end: int) -> int:
    """How many tokens a training step on these rows reads."""
    return int((tokens[:, :-1] != end).sum())


def counted_by_hand(tokens: torch.Tensor, end: int) -> tuple[int, int]:
    """The same two numbers, by a loop over the rows."""
    read = trained = 0
    for row in tokens.tolist():
        length = row.index(end) if end in row else len(row)
        trained += min(length, len(row) - 1)
        arrived = row[length - 1] == row[1] and length > 3
        read += length - 1 if arrived or length == len(row) else length
    return read, trained


class Cost:
    """Floating-point operations of tokens in this model."""

    def __init__(self, model: pr.Transformer) -> None:
        config, square = model.config, model.config.width**2
        self.full = 24 * square * config.layers + 2 * config.width * model.vocab.size
        self.spelling = self.full - (20 * square + 2 * config.width * model.vocab.size)
        self.end = model.vocab.end

    def rollout(self, tokens: torch.Tensor, spelled: int) -> float:
        """Of walking these rows, `spelled` tokens of each counted as keys and values only."""
        cheap = spelled * len(tokens)
        return self.spelling * cheap + self.full * (fed(tokens, self.end) - cheap)

    def update(self, tokens: torch.Tensor, spelled: int) -> float:
        """Of forward and backward."""
        cheap = spelled * len(tokens)
        return 3 * (self.spelling * cheap + self.full * (inputs(tokens, self.end) - cheap))


def limit_rows(dataset: Dataset) -> list[Row]:
    """The rows about the limit."""
    size = dataset.size
    cost = cache(lambda: Cost(dataset.base))
    seen: dict[str, torch.Tensor] = {}
    questions = cache(lambda: dataset.questions(size.walks))
    rng = pr.seeded(0, "our walks")

    def kept(batches: Iterator[pr.Batch], name: str) -> Iterator[pr.Batch]:
        for batch in batches:
            seen[name] = batch.tokens
            yield batch

    @cache
    def fine_tuning() -> pr.Run:
        batches = pr.demonstrations(
            dataset.train_task, dataset.demonstrations, rng=pr.seeded(0, "rows"), size=size.batch
        )
        return pr.train(dataset.fresh(), kept(batches, "SFT"), pr.sft, pr.TrainConfig(lr=LR))

    @cache
    def learning() -> pr.Run:
        model = dataset.fresh()
        rollouts = pr.on_policy(
            model, dataset.train_task, rng=pr.seeded(0, "walks"), sampler=SAMPLER, size=size.batch
        )
        return pr.train(model, kept(rollouts, "RL"), pr.policy_gradient, pr.TrainConfig(lr=LR))

    def rollout(spelled: int) -> Work:
        began = time.process_time()
        rollouts = pr.rollout(dataset.base, questions(), rng=rng, sampler=SAMPLER)
        seconds = time.process_time() - began
        seen["roll-out"] = rollouts
        return Work(cost().rollout(rollouts, spelled), seconds)

    hf = cache(lambda: peers_hf.gpt2(dataset.base))

    def generate(spelled: int) -> Work:
        began = time.process_time()
        rollouts = peers_hf.rollouts(hf(), questions(), MAX_TOKENS - 3)
        seconds = time.process_time() - began
        seen["HF"] = rollouts
        return Work(cost().rollout(rollouts, spelled), seconds)

    def updates(run: Callable[[], pr.Run], name: str, spelled: int) -> Work:
        operations = seconds = 0.0
        for _ in range(3):
            began = time.process_time()
            next(run())
            seconds += time.process_time() - began
            operations += cost().update(seen[name], spelled)
            if name == "RL":
                operations += cost().rollout(seen[name], max(spelled, 1))
        return Work(operations, seconds)

    sides: list[tuple[str, str, float | None, Callable[[int], Work]]] = [
        (f"roll-out B={size.walks}", "roll-out", 0.45, rollout),
        (f"SFT step B={size.batch}", "SFT", 0.65, lambda s: updates(fine_tuning, "SFT", s)),
        (f"RL step B={size.batch}", "RL", 0.55, lambda s: updates(learning, "RL", s)),
        (f"roll-out B={size.walks} of HF", "HF", None, generate),
    ]
    peer = cache(lambda: sgemm(dataset))

    def row(
        title: str, name: str, goal: float | None, side: Callable[[int], Work], needed: bool
    ) -> Row:
        spelled = 2 if needed else int(name in ("roll-out", "HF"))

        def check() -> tuple[bool, str]:
            tokens, end = seen[name], cost().end
            mine, by_hand = (fed(tokens, end), inputs(tokens, end)), counted_by_hand(tokens, end)
            return mine == by_hand, (
                f"{mine[0]:,} tokens fed and {mine[1]:,} trained on in the last batch of "
                f"{len(tokens)} rows; counted by hand {by_hand[0]:,} and {by_hand[1]:,}"
            )

        return Row(
            name=f"share of sgemm, {title}, {'needed work' if needed else 'real tokens'}",
            ours=lambda: side(spelled),
            peer=lambda: peer()(),
            check=check,
            peer_name="torch.mm [1024,120]x[120,480]",
            unit="%",
            goal=None if needed else goal,
            lacks=absent(("transformers",)) if name == "HF" else "",
        )

    return [row(*side, needed) for side in sides for needed in (False, True)]
