"""The one world that the rows share: graph, questions, demonstrations, policies, and its sizes.

Everything is made on first use and kept, so that a row's warm-up pays for it, not its timing.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import torch

import planrl as pr

MAX_TOKENS = 21  # the prompt and at most 18 new tokens
POSITIONS = 32
PATHS_PER_PAIR = 10
SAMPLER = pr.Sampler(max_tokens=MAX_TOKENS)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large the rows are; the names say what of."""

    rounds: int
    updates: int  # SFT updates that make the base policy
    collapse: int  # policy-gradient updates that make the collapsed one
    walks: int
    few_rollouts: int
    steps: int  # SFT updates timed at once at B = 32
    batch: int
    draws: int
    pairs: int  # of the diversity metric
    samples: int
    big_graph: int
    peer_pairs: int  # pairs that the networkx walk is timed on at big_graph
    checked: int
    runs: int  # of a sweep
    whole: bool  # the diversity of all pairs too, in one round


FULL = Size(
    rounds=7,
    updates=600,
    collapse=400,
    walks=1024,
    few_rollouts=64,
    steps=20,
    batch=256,
    draws=100_000,
    pairs=400,
    samples=100,
    big_graph=400,
    peer_pairs=1000,
    checked=4096,
    runs=8,
    whole=True,
)
QUICK = Size(
    rounds=1,
    updates=80,
    collapse=20,
    walks=128,
    few_rollouts=16,
    steps=3,
    batch=64,
    draws=20_000,
    pairs=30,
    samples=20,
    big_graph=150,
    peer_pairs=200,
    checked=512,
    runs=2,
    whole=False,
)


def task_of(n: int) -> pr.Task:
    """Every question of a random DAG of n nodes with edge probability 0.15."""
    return pr.all_pairs(pr.random_dag(n, 0.15, pr.seeded(3, "graph")))


class Dataset:
    """What the rows are measured on."""

    def __init__(self, size: Size) -> None:
        self.size = size

    @cached_property
    def task(self) -> pr.Task:
        """All pairs of the graph with 100 nodes."""
        return task_of(100)

    @cached_property
    def train_task(self) -> pr.Task:
        """The fifth of the pairs that is trained on."""
        return pr.split(self.task, 0.2, pr.seeded(0, "split"))[0]

    @cached_property
    def demonstrations(self) -> torch.Tensor:
        """Ten right answers for each training pair."""
        return pr.sample_paths(self.train_task, PATHS_PER_PAIR, pr.seeded(0, "paths"))

    @cached_property
    def base(self) -> pr.Transformer:
        """The policy of most rows: one layer, one head, width 120, early in its fine-tuning."""
        config = pr.TransformerConfig(layers=1, heads=1, width=120, positions=POSITIONS)
        model = pr.Transformer(self.task.vocab, config, pr.seeded(0, "weights"))
        batches = pr.demonstrations(
            self.train_task, self.demonstrations, rng=pr.seeded(0, "batches"), size=32
        )
        settings = pr.TrainConfig(steps=self.size.updates, lr=5e-4, weight_decay=0.1)
        for _ in pr.train(model, batches, pr.sft, settings):
            pass
        return model

    @cached_property
    def collapsed(self) -> pr.Transformer:
        """The base after policy gradient on the training pairs: it says few different walks."""
        model = self.fresh()
        rollouts = pr.on_policy(
            model, self.train_task, rng=pr.seeded(0, "rl"), sampler=SAMPLER, size=256
        )
        settings = pr.TrainConfig(steps=self.size.collapse, lr=5e-4)
        for _ in pr.train(model, rollouts, pr.policy_gradient, settings):
            pass
        return model

    def fresh(self) -> pr.Transformer:
        """A copy of the base that a row may train."""
        return copy.deepcopy(self.base)

    def questions(self, count: int, purpose: str = "questions") -> torch.Tensor:
        """This many pairs of the graph, drawn with replacement."""
        rng = pr.seeded(0, purpose)
        return self.task.pairs[torch.randint(len(self.task.pairs), (count,), generator=rng)]

    def walks(self, count: int) -> torch.Tensor:
        """This many walks of the base."""
        rng = pr.seeded(0, "fixed walks")
        return pr.rollout(self.base, self.questions(count), rng=rng, sampler=SAMPLER)

    def describe(self) -> str:
        """The base policy in a line, to see that it is the early-stage one the rows mean."""
        rollouts = self.walks(2048)
        right = pr.is_path(self.task.graph, rollouts).float().mean()
        length = (rollouts != self.task.vocab.end).sum(1).float().mean()
        return (
            f"{self.size.updates} SFT updates of 32 rows on {len(self.train_task.pairs)} of "
            f"{len(self.task.pairs)} pairs: {right:.1%} of its walks are right, "
            f"{length:.2f} tokens a walk"
        )


def expected_distance(probs: torch.Tensor, draws: int, tries: int = 20) -> float:
    """Mean total-variation distance between a law and the frequencies of that many true draws."""
    rng = pr.seeded(0, "expected distance")
    total = 0.0
    for _ in range(tries):
        drawn = torch.multinomial(probs.double(), draws, replacement=True, generator=rng)
        total += distance(torch.bincount(drawn, minlength=len(probs)), probs)
    return total / tries


def distance(count: torch.Tensor, probs: torch.Tensor) -> float:
    """Total-variation distance between these counts, as frequencies, and a law."""
    return float((count.double() / count.sum() - probs.double()).abs().sum() / 2)
