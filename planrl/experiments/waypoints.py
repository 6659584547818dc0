"""The waypoint task: every path must visit one node, the waypoint, before its target.

Rows of tokens are the usual ones, `s t s ... t END`, and the waypoint is the same for all
questions, so no prompt names it. The best next node depends on whether the waypoint has been
visited, and on a graph with cycles the current node does not tell. So no table f(target, current)
answers all questions greedily (`most_by_tables`), and Assumption 3.1 must fail for a model that
does. On a graph without cycles a node that reaches the waypoint comes before it, and the current
node does tell.

Everything is exact through the *product graph*: its states are (current node, visited?), and its
edges are those of the graph. A path that meets its target before the waypoint is over, and wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError
from planrl.experiments.datasets import Dataset
from planrl.graphs import Graph, random_digraph, seeded
from planrl.tasks import (
    PROMPT,
    Reward,
    Task,
    Vocab,
    judged,
    outcome_reward,
    process_reward,
    split,
)

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

FAR = 10**6  # steps: no path


@dataclass(frozen=True)
class Moves:
    """States and what a step does to them: a node, and with a waypoint whether it was visited.

    State v is node v, not visited; state n + v is node v after a visit. Without a waypoint there
    are only the nodes.
    """

    graph: Graph
    waypoint: int | None = None

    @cached_property
    def after(self) -> Int[Tensor, "S N"]:
        """The state after a step from each state to each node; -1 where there is no edge."""
        n, node = self.graph.n, torch.arange(self.graph.n)
        edge = self.graph.adjacency
        plain = torch.where(edge, node, -1)
        if self.waypoint is None:
            return plain
        first = torch.where(edge & (node == self.waypoint), n + node, plain)
        return torch.cat([first, torch.where(edge, n + node, -1)])

    def ends(self, target: int) -> tuple[int, int | None]:
        """The state in which a path to a target arrives, and the one in which it ends wrongly."""
        if self.waypoint is None:
            return target, None
        return self.graph.n + target, target

    def states(self, tokens: Int[Tensor, "B L"]) -> Int[Tensor, "B L"]:
        """The state at each position of rows, from the source on; END counts as node 0."""
        node = torch.where(tokens < self.graph.n, tokens, 0)
        if self.waypoint is None:
            return node
        seen = tokens == self.waypoint
        seen[:, : PROMPT - 1] = False  # the prompt names the target, no visit
        return node + self.graph.n * (seen.cumsum(1) > 0).long()

    def right(self, tokens: Int[Tensor, "B L"]) -> Bool[Tensor, " B"]:
        """Which rows are correct paths that visit the waypoint, if there is one."""
        correct = judged(self.graph, tokens)[0]
        if self.waypoint is None:
            return correct
        path = tokens[:, PROMPT - 1 :]
        before = (path == tokens[:, 1:2]).cumsum(1) == 0
        return correct & (before & (path == self.waypoint)).any(1)

    def distances(self, target: int) -> Int[Tensor, " S"]:
        """The number of steps from each state to the arrival at a target; FAR without a path."""
        goal, wrong = self.ends(target)
        found = torch.full((len(self.after),), FAR)
        found[goal] = 0
        for _ in range(len(found)):
            best = torch.where(self.after >= 0, found[self.after], FAR).amin(1) + 1
            if wrong is not None:
                best[wrong] = FAR
            shorter = found.minimum(best)
            if torch.equal(shorter, found):
                break
            found = shorter
        return found.clamp(max=FAR)

    def arrival(self, policy: Float[Tensor, "N S N"], steps: int) -> Float[Tensor, "N N"]:
        """The probability of a correct path within so many steps, [target, source].

        `policy` has probabilities [target, state, next node]; nan leads nowhere.
        """
        n, where = self.graph.n, self.after.clamp(min=0)
        found = torch.zeros(n, n, dtype=torch.float64)
        for target in range(n):
            goal, wrong = self.ends(target)
            taken = policy[target].double().nan_to_num(0.0) * (self.after >= 0)
            ahead = torch.zeros(len(taken), dtype=torch.float64)
            ahead[goal] = 1.0
            for _ in range(steps):
                ahead = (taken * ahead[where]).sum(1)
                ahead[goal] = 1.0
                if wrong is not None:
                    ahead[wrong] = 0.0
            found[target] = ahead[:n]
        return found

    def on_the_way(self, pairs: Int[Tensor, "M 2"]) -> Bool[Tensor, " M"]:
        """Which sources lie on a shortest path from the waypoint to their target."""
        if self.waypoint is None:
            return torch.zeros(len(pairs), dtype=torch.bool)
        source, target = pairs.T
        apart = torch.where(self.graph.reachability, self.graph.distances(), FAR)
        passing = apart[source, self.waypoint] + apart[target, source]
        return passing == apart[target, self.waypoint]


def most_by_tables(moves: Moves, task: Task) -> float:
    """No table of one next node for each (target, current) answers a larger share of the questions.

    Such a table that answers any question of a target leads from the waypoint to the target, and
    from each node between the two, as a source, past the waypoint. So the sources between are lost,
    and the way with the fewest of them is counted. All questions of the moves must be given.
    """
    n, lost = moves.graph.n, 0
    if moves.waypoint is None:
        return 1.0
    asked = torch.zeros(n, n, dtype=torch.bool)
    asked[task.pairs[:, 1], task.pairs[:, 0]] = True  # [target, source]
    edge = moves.graph.adjacency
    for target in task.pairs[:, 1].unique().tolist():
        price = asked[target].long()  # the target itself is no source
        between = torch.full((n,), FAR)
        between[target] = 0
        for _ in range(n):
            onward = torch.where(edge, price + between, FAR).amin(1)
            between = between.minimum(onward)
        lost += min(int(between[moves.waypoint]), int(price.sum()))
    return 1.0 - lost / len(task.pairs)


def shortest_policy(moves: Moves) -> Float[Tensor, "N S N"]:
    """The first step of a shortest path to each target from each state, as probabilities 0 and 1.

    [target, state, next node]; from where no path leads there, nothing is chosen.
    """
    n, states = moves.graph.n, len(moves.after)
    policy = torch.zeros(n, states, n)
    for target in range(n):
        ahead = moves.distances(target)
        onward = torch.where(moves.after >= 0, ahead[moves.after], FAR)
        able = onward.amin(1) < FAR
        policy[target, able, onward.argmin(1)[able]] = 1.0
    return policy


def all_questions(moves: Moves) -> Task:
    """Every pair for which a correct path exists, with the outcome reward of these moves."""
    pairs = []
    for target in range(moves.graph.n):
        if target == moves.waypoint:
            continue
        distance = moves.distances(target)[: moves.graph.n]
        able = [v for v in (distance < FAR).nonzero().flatten().tolist() if v != moves.waypoint]
        pairs += [(source, target) for source in able if source != target]
    if not pairs:
        raise InputError("no path of this graph visits the waypoint before a target")

    def reward(graph: Graph, tokens: Tensor) -> Tensor:
        return outcome_reward(graph, tokens) * moves.right(tokens)[:, None]

    return Task(moves.graph, torch.tensor(pairs), reward)


def step_reward(moves: Moves, scale: float) -> Reward:
    """The process reward; a step into the target before the waypoint is charged as illegal."""

    def reward(graph: Graph, tokens: Tensor) -> Float[Tensor, "B T"]:
        earned: Tensor = process_reward(graph, tokens, scale=scale)
        if moves.waypoint is None:
            return earned
        visited = moves.states(tokens)[:, :-1] >= graph.n
        into = (tokens[:, 1:] == tokens[:, 1:2]) & Vocab(graph.n).chosen(tokens)
        legal = graph.legal[tokens[:, :-1], tokens[:, 1:]]
        return earned - scale * (into & legal & ~visited).float()

    return reward


def demonstrate(moves: Moves, task: Task, per_pair: int, rng: torch.Generator) -> Tensor:
    """Random correct paths that never step away from their arrival, so many for each pair.

    A next state is drawn uniformly from those that are no farther than the present one and that the
    path has not been in; a path that gets stuck starts again.
    """
    ahead = [moves.distances(target).tolist() for target in range(moves.graph.n)]
    after, rows = moves.after.tolist(), []
    for source, target in task.pairs.repeat_interleave(per_pair, 0).tolist():
        found = None
        while found is None:
            found = _one_path(after, ahead[target], source, moves.ends(target)[0], rng)
        rows.append([source, target, *(state % moves.graph.n for state in found)])
    longest = max(map(len, rows)) + 1
    return torch.tensor([row + [moves.graph.n] * (longest - len(row)) for row in rows])


def _one_path(
    after: list[list[int]], ahead: list[int], source: int, goal: int, rng: torch.Generator
) -> list[int] | None:
    """The states of a path from the source's first state to the goal, or None if it gets stuck."""
    path = [source]
    while path[-1] != goal:
        now = path[-1]
        open_ = [s for s in after[now] if s >= 0 and ahead[s] <= ahead[now] and s not in path]
        if not open_:
            return None
        path.append(open_[int(torch.randint(len(open_), (), generator=rng))])
    return path


def waypoint_dataset(seed: int, *, nodes: int, edge_probability: float) -> tuple[Dataset, Moves]:
    """A random digraph, its most distant node as the waypoint, and ten paths for half of the pairs.

    The waypoint is the node with the largest sum of distances to the nodes that it reaches, among
    those that reach and are reached by most nodes: far from its targets, so that many sources lie
    between.
    """
    graph = random_digraph(nodes, edge_probability, seeded(seed, "graph"))
    reach = graph.reachability
    joined = (reach & reach.T).sum(0)
    apart = torch.where(reach, graph.distances(), 0).sum(0)
    waypoint = int(torch.where(joined == joined.max(), apart, -1).argmax())
    moves = Moves(graph, waypoint)
    train, test = split(all_questions(moves), 0.5, seeded(seed, "split"))
    paths = demonstrate(moves, train, 10, seeded(seed, "paths"))
    return Dataset(graph, train, test, paths), moves
