"""All states of a planning problem as a graph: states are nodes, actions edges, plans paths.

A goal is usually met in several states, and a plan may end in any of them. A source-target pair has
one target, so `goal_graph` has one node more, `GOAL`, with an edge from each state that meets the
goal: a pair (state, GOAL) is solved by reaching any of them, and nothing else of the library needs
to know of goals. R[GOAL, k] then says exactly whether a plan exists from state k.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from planrl.domains.blocksworld import Action
from planrl.domains.operators import Atom
from planrl.domains.search import explored
from planrl.domains.strips import Problem
from planrl.errors import InputError, whole
from planrl.graphs import MOST_EDGES, MOST_NODES, Graph

MOST_STATES = 5_000  # unless more are asked for
GOAL = "goal"
"""The label of the node that stands for the goal in `StateSpace.goal_graph`."""


@dataclass(frozen=True)
class StateSpace:
    """The states that can be reached from where a problem starts, and the actions between them.

    Node 0 of the graph is the start, and node v stands for `states[v]`, the atoms that change and
    hold in it. `goals` are the nodes that meet the goal; there is none if no plan exists.
    """

    problem: Problem
    states: tuple[frozenset[Atom], ...]
    actions: Mapping[tuple[int, int], Action]
    goals: tuple[int, ...]

    @cached_property
    def graph(self) -> Graph:
        """Nodes are states, edges actions; labels are the states as text (see `labels_of`)."""
        return Graph(len(self.states), list(self.actions), labels_of(self.states))

    @cached_property
    def goal_graph(self) -> Graph:
        """The graph with one node more: each state that meets the goal has an edge to `GOAL`.

        Raises InputError if no state meets the goal.
        """
        if not self.goals:
            raise InputError(
                f"{self.problem.name} is unsolvable: none of the {len(self.states):,} states that "
                "can be reached meets its goal; take the graph of the states alone"
            )
        arcs = [*self.actions, *((v, len(self.states)) for v in self.goals)]
        return Graph(len(self.states) + 1, arcs, [*self.graph.labels, GOAL])

    @cached_property
    def _number(self) -> dict[frozenset[Atom], int]:
        return {state: v for v, state in enumerate(self.states)}

    def path(self, plan: Iterable[Action]) -> list[int]:
        """The nodes that a plan goes through, the start first; it need not reach the goal.

        Raises InputError with the first action that can't be done where it is to be done. An action
        that changes nothing is no step of the path.
        """
        changing = frozenset().union(*self.states)
        current = self.problem.init
        nodes = [0]
        for number, action in enumerate(plan, 1):
            needs, after = self.problem.step(current, action)
            if unmet := needs.unmet(current):
                raise InputError(f"step {number}, {action}, needs {', '.join(unmet)}")
            current = after
            node = self._number[current & changing]
            nodes += [node] if node != nodes[-1] else []
        return nodes

    def plan(self, path: Sequence[int]) -> list[Action]:
        """The actions along a path of nodes. Raises InputError with the first step that is none."""
        for number, arc in enumerate(pairwise(path), 1):
            if arc not in self.actions:
                raise InputError(f"step {number} goes {arc[0]} -> {arc[1]}: no action does that")
        return [self.actions[arc] for arc in pairwise(path)]


def state_space(problem: Problem, most: int = MOST_STATES) -> StateSpace:
    """The states of a problem that can be reached, at most so many, and the actions between them.

    Raises InputError, with the count so far, if there are more; `most` may be up to 50,000.
    """
    whole(most, "most", least=1, most=MOST_NODES)
    found = problem.grounded
    reached = explored(found.task, problem.name, most, MOST_EDGES)
    atom = {bit: atom for atom, bit in found.bits.items()}
    states = tuple(frozenset(atom[bit] for bit in _bits(code)) for code in reached.states)
    actions = {arc: found.actions[step] for arc, step in reached.arcs.items()}
    meets = [] if found.hopeless else map(found.task.reached, reached.states)
    return StateSpace(problem, states, actions, tuple(v for v, met in enumerate(meets) if met))


def state_graph(problem: Problem, most: int = MOST_STATES) -> Graph:
    """The graph of the states of a problem: `state_space(problem, most).graph`."""
    return state_space(problem, most).graph


def _bits(code: int) -> Iterator[int]:
    while code:
        bit = code & -code
        yield bit
        code ^= bit


def labels_of(states: Sequence[frozenset[Atom]]) -> list[str]:
    """A name for each state: the atoms that hold in it, `at(van,north)&in(p1,van)`.

    Predicates that the others determine are left out, those of many atoms first: in the tower of
    Hanoi, what lies on what tells what is clear.
    """
    count = Counter(atom[0] for state in states for atom in state)
    kept = set(count)
    for predicate, _ in sorted(count.items(), key=lambda item: (-item[1], item[0])):
        rest = kept - {predicate}
        told = {frozenset(atom for atom in state if atom[0] in rest) for state in states}
        if len(told) == len(states) and frozenset() not in told:
            kept = rest
    return ["&".join(sorted(_said(atom) for atom in s if atom[0] in kept)) or "-" for s in states]


def _said(atom: Atom) -> str:
    return f"{atom[0]}({','.join(atom[1:])})" if atom[1:] else atom[0]
