"""Expert iteration in rounds, and the probability that one of k paths is correct (pass@k).

A round samples N correct paths of a pair and fits the policy to them. For a table this is the
Wright-Fisher model of genetics: with q the policy over correct paths, a round's counts are
multinomial(N, q) and the next policy is their share. The mean of q does not change, the expected
heterozygosity 1 - sum q^2 shrinks by the factor 1 - 1/N, and in the end one path is left, each with
the probability that it had at first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, whole
from planrl.models import PathModel
from planrl.sampling import log_probs
from planrl.tasks import PROMPT, Task

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

MOST_PATHS = 200_000


def heterozygosity(policy: Float[Tensor, "*B K"]) -> Float[Tensor, " *B"]:
    """1 - sum q^2: the probability that two samples differ."""
    return 1 - policy.square().sum(-1)


def expected_heterozygosity(
    policy: Float[Tensor, " K"], per_round: int, rounds: int
) -> Float[Tensor, ""]:
    """1 - sum q^2 in expectation, after so many rounds of `per_round` correct paths."""
    whole(per_round, "per_round", least=1)
    return heterozygosity(policy) * (1 - 1 / per_round) ** whole(rounds, "rounds", least=0)


def expert_iteration(
    policy: Float[Tensor, " K"], per_round: int, rounds: int, *, rng: torch.Generator, runs: int = 1
) -> Float[Tensor, "R K"]:
    """The policies over correct paths that `runs` runs of so many rounds end with."""
    found = policy.double().expand(whole(runs, "runs", least=1), -1)
    for _ in range(whole(rounds, "rounds", least=0)):
        drawn = torch.multinomial(found, per_round, replacement=True, generator=rng)
        counts = torch.zeros_like(found).scatter_add_(1, drawn, torch.ones_like(drawn).double())
        found = counts / per_round
    return found


def pass_at_k(accuracy: Float[Tensor, " M"], k: int) -> Float[Tensor, " M"]:
    """1 - (1 - p)^k for each pair, exact for any k; p is the probability of a correct path.

    Where p has fallen, this falls for every k. Curves of two models cross only if the p of some
    pair has fallen and that of another risen.
    """
    return -torch.expm1(whole(k, "k", least=1) * torch.log1p(-accuracy.double()))


def correct_paths(task: Task) -> tuple[Int[Tensor, "M L"], Int[Tensor, " M"]]:
    """Every correct path of each pair on a DAG, as rows, and the row of `task.pairs` of each.

    Raises InputError on graphs with cycles, and for more than 200,000 paths.
    """
    graph, end = task.graph, task.vocab.end
    if not graph.is_dag:
        raise InputError("correct paths are listed on DAGs; this graph has cycles")
    source, target = task.pairs.T
    count = int(graph.count_paths()[target, source].sum())
    if count > MOST_PATHS:
        raise InputError(
            f"these pairs have {count:,} correct paths, more than {MOST_PATHS:,}: take fewer pairs"
        )
    length = PROMPT + graph.n + 1
    tokens = torch.full((len(source), length), end)
    tokens[:, :PROMPT] = task.vocab.prompt(task.pairs)
    pair, going = torch.arange(len(source)), torch.ones(len(source), dtype=torch.bool)
    for position in range(PROMPT, length):
        if not going.any():
            return tokens[:, : position + 1].contiguous(), pair
        rows = going.nonzero().squeeze(1)
        current, goal = tokens[rows, position - 1], tokens[rows, 1]
        parent, step = (graph.adjacency[current] & graph.reachability[goal]).nonzero().T
        longer = tokens[rows[parent]].clone()
        longer[:, position] = step
        done = (~going).nonzero().squeeze(1)
        tokens = torch.cat([tokens[done], longer])
        pair = torch.cat([pair[done], pair[rows[parent]]])
        going = torch.cat([going[done], step != goal[parent]])
    raise AssertionError("a path of a DAG visits no node twice")


def success_probs(model: PathModel, task: Task) -> Float[Tensor, " M"]:
    """The exact probability of a correct path for each pair on a DAG, in double precision.

    The probabilities of all correct paths are summed, so no sample is drawn.
    """
    tokens, pair = correct_paths(task)
    found = torch.zeros(len(task.pairs), dtype=torch.float64)
    for rows, of in zip(tokens.split(4096), pair.split(4096), strict=True):
        found.index_add_(0, of, log_probs(model, rows).double().sum(1).exp())
    return found
