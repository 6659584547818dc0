"""Process rewards whose checks are few or wrong: the reward, and where Q-learning ends, exactly.

Each step is checked with probability rho (`checked`). A check judges an edge illegal with
probability a (`false_alarm`) and lets a step that is no edge pass with probability m (`miss`). With
w(j, k) = a on edges and 1 - m elsewhere, d(k, i) the number of edges from k to the target i, and
rewards of 1 and a + m at most 1,

    fresh noise    f*(i, j)[k] = 1 - rho (w(j, k) + D_i(k)),  D_i(k) = min(a d(k, i), 1 - m)
    no noise       on a DAG 1 - rho (2 - A[j, k] - R[i, k]): rho 1 is Theorem 5.2, rho 0 is 5.1
    fixed noise    the same with A' and R' of the graph that the checks believe in

D is the cheapest check bill on from k: a legal path is charged a for each step, an illegal step
straight to the target 1 - m once. So with fresh noise the greedy choice is legal for every pair
nearer than (1 - m) / a, and takes a shortest path; a false alarm acts as a step cost.

For policy gradient with outcome reward, noise multiplies the expected gradient by 1 - a - m: its
rate changes, not where it leads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, check_fields, number, whole
from planrl.graphs import MOST_CUBE, Graph, check_size
from planrl.tasks import Reward, Vocab, judged

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Checks:
    """How often steps, or outcomes, are checked, how often a check is wrong, and what is done.

    `votes` checks are made instead of one and the majority counts. With `corrected` the verdict y
    is replaced by (y - a) / (rho (1 - a - m)), whose mean is the truth: no noise is left in the
    expectation, but the variance is larger.
    """

    checked: float = 1.0
    false_alarm: float = 0.0
    miss: float = 0.0
    votes: int = 1
    corrected: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("checked", "false_alarm", "miss"):
            number(getattr(self, name), name, least=0.0, most=1.0)
        if whole(self.votes, "votes", least=1, most=1001) % 2 == 0:
            raise InputError(f"votes={self.votes} may tie: take an odd number")
        if self.corrected and (self.checked == 0 or abs(self.informative) < 1e-6):
            raise InputError(
                "corrected=True divides by checked * (1 - false_alarm - miss), which is 0 here: "
                "these checks say nothing that could be corrected"
            )

    @property
    def alarms(self) -> float:
        """The probability that the majority is a false alarm: a, if there is one vote."""
        return majority(self.false_alarm, self.votes)

    @property
    def misses(self) -> float:
        """The probability that the majority misses an illegal step: m, if there is one vote."""
        return majority(self.miss, self.votes)

    @property
    def informative(self) -> float:
        """1 - a - m of the majority: 1 without noise, 0 if verdicts say nothing."""
        return 1.0 - self.alarms - self.misses

    def charged(self, illegal: Tensor) -> Tensor:
        """What a step is charged on average, in rewards: `illegal` is 1 where it is no edge."""
        if self.corrected:
            return illegal
        return self.checked * (self.alarms + self.informative * illegal)

    def judge(self, illegal: Tensor, rng: torch.Generator) -> Tensor:
        """What each step is charged this time: a verdict, 0 if it is not checked, or corrected."""
        draw = torch.rand(2, *illegal.shape, generator=rng, dtype=torch.float64)
        wrong = draw[0] < torch.where(illegal, self.misses, self.alarms)
        verdict = (illegal ^ wrong).float()
        if self.corrected:
            verdict = (verdict - self.alarms) / (self.checked * self.informative)
        return torch.where(draw[1] < self.checked, verdict, 0.0)


def majority(rate: float, votes: int) -> float:
    """The probability that more than half of so many independent checks are wrong."""
    tail = range(votes // 2 + 1, votes + 1)
    return sum(math.comb(votes, k) * rate**k * (1 - rate) ** (votes - k) for k in tail)


def checked_reward(
    checks: Checks, rng: torch.Generator, *, scale: float = 1.0, judge: Graph | None = None
) -> Reward:
    """The process reward with these checks, each made anew whenever a step is rewarded.

    END before the target is always noticed. `judge` is the graph that the checks believe in: fixed
    noise is `judged_graph(...)` with checks that do not err.
    """

    def reward(graph: Graph, tokens: Tensor) -> Float[Tensor, "B T"]:
        known, chosen = judge or graph, Vocab(graph.n).chosen(tokens)
        current, next_node = tokens[:, :-1], tokens[:, 1:]
        done = (current == tokens[:, 1:2]) & (next_node == graph.n)
        charged = checks.judge(~known.legal[current, next_node], rng)
        charged = torch.where(next_node == graph.n, 1.0, charged)
        arrives = (next_node == tokens[:, 1:2]).float()
        return torch.where(chosen & ~done, scale * (arrives - charged), 0.0)

    return reward


def outcome_checked_reward(checks: Checks, rng: torch.Generator, *, scale: float = 1.0) -> Reward:
    """The outcome reward with these checks of whole paths, paid at the last chosen step.

    A correct path is judged wrong with probability `miss`, a wrong one correct with `false_alarm`;
    a path that is not checked earns 0.
    """

    def reward(graph: Graph, tokens: Tensor) -> Float[Tensor, "B T"]:
        right, chosen = judged(graph, tokens)[0], Vocab(graph.n).chosen(tokens)
        last = chosen & (chosen.flip(1).cumsum(1).flip(1) == 1)
        return torch.where(last, scale * checks.judge(right, rng)[:, None], 0.0)

    return reward


def judged_graph(graph: Graph, checks: Checks, rng: torch.Generator) -> Graph:
    """Fixed noise: the graph of the steps that pass, each pair of nodes judged once and for all.

    `checked` is not used, and more votes of the same checker say the same.
    """
    wrong = torch.rand(graph.n, graph.n, generator=rng, dtype=torch.float64) < torch.where(
        graph.adjacency, checks.false_alarm, checks.miss
    )
    passes = (graph.adjacency ^ wrong).fill_diagonal_(False)
    return Graph(graph.n, passes.nonzero(), graph.labels)


def noisy_optimum(graph: Graph, checks: Checks) -> Float[Tensor, "N N N"]:
    """Where Q-learning with fresh noise ends, [target, current, next], for rewards of 1.

    If legal steps are charged, or on a DAG if illegal ones are, it is the only fixed point. Else
    values hold themselves up on a cycle that costs nothing, and this is where values end that start
    from 0. Raises InputError for checks that are wrong more often than right: then an edge into the
    target is dearer than an illegal step elsewhere, and the formula does not hold.
    """
    check_size(graph.n, MOST_CUBE, "noisy_optimum")
    _check_informative(checks)
    illegal = ~graph.adjacency
    charged = checks.charged(torch.tensor([0.0, 1.0], dtype=torch.float64))
    distance = torch.where(graph.reachability, graph.distances().double(), 0.0)
    legally = torch.where(graph.reachability, distance * charged[0], torch.inf)
    return 1.0 - checks.charged(illegal.double()) - legally.minimum(charged[1])[:, None]


def legal_distance(checks: Checks) -> float:
    """Greedy choices by `noisy_optimum` are legal for pairs nearer than this: (1 - m) / a.

    inf if legal steps are not charged, 0 if illegal ones are not.
    """
    _check_informative(checks)
    legal, illegal = checks.charged(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist()
    if illegal <= 0:
        return 0.0
    return math.inf if legal <= 0 else float(illegal / legal)


def _check_informative(checks: Checks) -> None:
    if checks.informative < 0:
        raise InputError(
            f"of the edges {checks.alarms:.3g} are judged wrongly, of the other steps "
            f"{checks.misses:.3g}: with more than 1 together illegal steps are charged less than "
            "legal ones; take better checks, or turn their verdicts round"
        )


def scaled(optimum: Float[Tensor, "N N N"], reward_scale: float) -> Float[Tensor, "N N N"]:
    """The policy softmax(reward_scale * f*), [target, current, next], as sampling reads it.

    nan where the current node is the target.
    """
    policy = (optimum.double() * number(reward_scale, "reward_scale", least=0.0)).softmax(-1)
    policy.diagonal(dim1=0, dim2=1).fill_(torch.nan)
    return policy
