"""Many samples of every pair: walks with a common beginning computed once, next to plain ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import torch
from harness import Row, Work
from setting import SAMPLER, Dataset

import planrl as pr

Statistics = dict[str, torch.Tensor]


def of_plain(tokens: torch.Tensor, pairs: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Different walks, the pair of each and how often it came, of an equal number for each pair."""
    each = len(tokens) // pairs
    owner = torch.arange(pairs).repeat_interleave(each)
    rows, count = torch.cat([owner[:, None], tokens], 1).unique(dim=0, return_counts=True)
    return rows[:, 1:], rows[:, 0], count


def statistics(
    graph: pr.Graph, tokens: torch.Tensor, pair: torch.Tensor, count: torch.Tensor, pairs: int
) -> Statistics:
    """Of each pair: share of right walks, mean length, number of different right walks."""
    right = pr.is_path(graph, tokens).double()
    long = (tokens != graph.n).sum(1).double()

    def total(values: torch.Tensor) -> torch.Tensor:
        return torch.zeros(pairs, dtype=torch.float64).index_add_(0, pair, values.double())

    drawn = total(count)
    return {
        "samples": drawn,
        "valid rate": total(right * count) / drawn,
        "mean length": total(long * count) / drawn,
        "different right walks": total(right),
    }


def agree(mine: Statistics, theirs: Statistics, samples: int) -> tuple[bool, str]:
    """Whether two samplers agree within 4 standard errors of the mean over the pairs."""
    good = bool((mine["samples"] == samples).all())
    parts = [] if good else ["NOT every pair has its number of samples"]
    for name in ("valid rate", "mean length", "different right walks"):
        ahead = mine[name] - theirs[name]
        error = float(ahead.std() / len(ahead) ** 0.5)
        off = abs(float(ahead.mean())) / max(error, 1e-12)
        good = good and off <= 4
        parts.append(f"{name} {mine[name].mean():.3f} / {theirs[name].mean():.3f} ({off:.1f} SE)")
    return good, ", ".join(parts)


def frequencies(tokens: torch.Tensor, count: torch.Tensor, end: int) -> dict[tuple[int, ...], int]:
    """How often each walk came, its filling left out."""
    often: dict[tuple[int, ...], int] = {}
    for row, times in zip(tokens.tolist(), count.tolist(), strict=True):
        walk = tuple(row[: row.index(end)] if end in row else row)
        often[walk] = often.get(walk, 0) + times
    return often


def between(one: dict[tuple[int, ...], int], two: dict[tuple[int, ...], int]) -> float:
    """Total-variation distance between two samples of the same size."""
    names = one.keys() | two.keys()
    return sum(abs(one.get(k, 0) - two.get(k, 0)) for k in names) / 2 / sum(one.values())


def row(
    dataset: Dataset, name: str, model: Callable[[], pr.Transformer], *, everything: bool
) -> Row:
    """One policy."""
    size, graph = dataset.size, cache(lambda: dataset.task.graph)
    rng, samples = pr.seeded(0, f"diversity of {name}"), size.samples

    @cache
    def pairs() -> torch.Tensor:
        order = torch.randperm(len(dataset.task.pairs), generator=pr.seeded(0, "some pairs"))
        return dataset.task.pairs if everything else dataset.task.pairs[order[: size.pairs]]

    def counted(asked: torch.Tensor, times: int) -> tuple[torch.Tensor, ...]:
        found = pr.sample_distinct(model(), asked, times, rng=rng, sampler=SAMPLER)
        return found.tokens, found.pair, found.count

    def plain(asked: torch.Tensor, times: int) -> torch.Tensor:
        return pr.rollout(model(), asked.repeat_interleave(times, 0), rng=rng, sampler=SAMPLER)

    seen: dict[str, Statistics] = {}

    def ours() -> Work:
        began = time.process_time()
        found = counted(pairs(), samples)
        seconds = time.process_time() - began
        seen["ours"] = statistics(graph(), *found, len(pairs()))
        return Work(len(pairs()) * samples, seconds)

    def peer() -> Work:
        began = time.process_time()
        found = plain(pairs(), samples)
        seconds = time.process_time() - began
        seen["peer"] = statistics(graph(), *of_plain(found, len(pairs())), len(pairs()))
        return Work(len(pairs()) * samples, seconds)

    def check() -> tuple[bool, str]:
        good, how = agree(seen["ours"], seen["peer"], samples)
        end, draws = dataset.task.vocab.end, size.draws
        one = pairs()[[int(seen["peer"]["different right walks"].argmax())]]
        tokens, _, count = counted(one, draws)
        mine = frequencies(tokens, count, end)
        first, second = (frequencies(*of_plain(plain(one, draws), 1)[::2], end) for _ in range(2))
        gap, due = between(mine, first), between(first, second)
        alike = gap <= 1.5 * due and sum(mine.values()) == draws
        return good and alike, (
            f"{how} (ours / plain); {draws:,} walks of one pair are {gap:.4f} (total variation) "
            f"from plain ones, two plain runs {due:.4f} from each other"
        )

    def note() -> str:
        found = seen["ours"]
        return (
            f"{name} policy: {found['valid rate'].mean():.0%} right, "
            f"{found['different right walks'].mean():.1f} different right walks a pair; "
            "timed: the walks alone, which ours returns counted and the peer does not"
        )

    count = "all" if everything else size.pairs
    return Row(
        name=f"{count} pairs x {samples} samples, {name}",
        ours=ours,
        peer=peer,
        check=check,
        peer_name="planrl's plain cached roll-outs",
        unit="walks/s",
        goal=None if everything else 3.0,
        note=note,
        rounds=1 if everything else 5,
    )


def diversity_rows(dataset: Dataset) -> list[Row]:
    """A policy that says many different walks, and one that says few."""
    policies = [("diverse", lambda: dataset.base), ("collapsed", lambda: dataset.collapsed)]
    wholes = (False, True) if dataset.size.whole else (False,)
    return [row(dataset, *policy, everything=whole) for whole in wholes for policy in policies]
