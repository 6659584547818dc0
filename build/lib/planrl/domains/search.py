"""Shortest plans and all states by search, over whole numbers: one bit for each atom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import groupby
from operator import and_
from typing import NamedTuple

from planrl.errors import InputError

MOST_STATES = 1_000_000
MOST_TRIES = 200_000_000  # tests whether an action can be done: some ten seconds
WIDEST = 500  # bits; states of more bits are larger and slower, and both limits sink

Watch = Callable[[int, int], object]  # called with the numbers of states met and of steps
Estimate = Callable[[int], int]  # of a state: no more than the number of steps that are left


class Step(NamedTuple):
    """An action: the bits that must be set, those that must not be, and what changes.

    Steps of equal `key`, one after the other, are tested together as far as they need the same.
    """

    needs: int
    bars: int
    adds: int
    deletes: int
    key: tuple[str, ...]


class Task(NamedTuple):
    """A state to start from, the bits that the goal needs and bars, and the steps."""

    start: int
    needs: int
    bars: int
    steps: Sequence[Step]

    def reached(self, state: int) -> bool:
        """Whether a state meets the goal."""
        return state & self.needs == self.needs and not state & self.bars


def shortest(
    task: Task, name: str, *, estimate: Estimate | None = None, watch: Watch | None = None
) -> list[int] | None:
    """The numbers of the steps of a shortest plan; None if there is none.

    Without an estimate the search is breadth-first. With one it is A*, whose plans are shortest
    if no step lowers the estimate by more than 1. Raises InputError, naming the problem, when so
    many states can be reached that the search gives up.
    """
    if task.reached(task.start):
        return []
    search = _Search(task, name, watch)
    return search.breadth_first() if estimate is None else search.guided(estimate)


class Explored(NamedTuple):
    """All states that can be reached, the start first, and the step of each arc between two."""

    states: Sequence[int]
    arcs: Mapping[tuple[int, int], int]


def explored(task: Task, name: str, most: int, most_arcs: int) -> Explored:
    """The states that can be reached, numbered in the order of a breadth-first search.

    An arc leads from the number of a state to that of another. If several steps do that, it has the
    first. Raises InputError, with the count so far, where there are more than `most` states or
    `most_arcs` arcs, or where finding them takes too long.
    """
    search = _Search(task, name, None)
    most_tries = search.most_tries // 10  # about a second: a search for a plan has ten
    number = {task.start: 0}
    states, arcs = [task.start], dict[tuple[int, int], int]()
    for current, state in enumerate(states):  # which grows meanwhile
        for step, after in search.successors(state):
            if after not in number:
                number[after] = len(states)
                states.append(after)
            if after != state:
                arcs.setdefault((current, number[after]), step)
        if len(states) > most or len(arcs) > most_arcs or search.tries > most_tries:
            limits = f"{most:,} states, {most_arcs:,} arcs, {most_tries:,} tests of actions"
            raise InputError(
                f"{name} has too many states: {len(states):,} of them and {len(arcs):,} arcs were "
                f"found from its first {current + 1:,} states, and the search stopped (limits: "
                f"{limits}). Take a smaller problem"
            )
    return Explored(states, arcs)


class _Search:
    """The states met so far, each with the state and step it was reached by."""

    def __init__(self, task: Task, name: str, watch: Watch | None) -> None:
        self.task, self.name, self.watch = task, name, watch
        self.groups = _grouped(task.steps)
        self.came: dict[int, tuple[int, int]] = {}
        self.tries = self.expanded = 0
        bits = max((s.adds | s.deletes for s in task.steps), default=0).bit_length()
        self.most_states = MOST_STATES // (1 + bits // WIDEST)
        self.most_tries = MOST_TRIES // (1 + bits // WIDEST)

    def successors(self, state: int) -> list[tuple[int, int]]:
        """Which steps can be done in a state, and the states they lead to."""
        found = []
        tries = 0
        for common, parts in self.groups:
            if state & common == common:
                for shared, rows in parts:
                    tries += 1
                    if state & shared == shared:
                        tries += len(rows)
                        for needs, bars, adds, keeps, number in rows:
                            if state & needs == needs and not state & bars:
                                found.append((number, state & keeps | adds))
        self.tries += tries + len(self.groups) + 4 * len(found)  # the expensive tests
        return found

    def check(self, steps: int) -> None:
        """Tell the watcher from time to time; raise InputError when the search gives up."""
        self.expanded += 1
        if self.watch is not None and self.expanded % 4096 == 0:
            self.watch(len(self.came), steps)
        if len(self.came) > self.most_states or self.tries > self.most_tries:
            raise InputError(
                f"{self.name}: no plan of up to {steps} steps, and after {len(self.came):,} states "
                f"the search gives up (at {self.most_states:,} states or {self.most_tries:,} tests "
                "of actions, about ten seconds): ask a planner "
                "(planrl plan --planner fast-downward)"
            )

    def plan(self, state: int) -> list[int]:
        """The steps that led to a state."""
        steps = []
        while state != self.task.start:
            state, number = self.came[state]
            steps.append(number)
        return steps[::-1]

    def breadth_first(self) -> list[int] | None:
        came, reached = self.came, self.task.reached
        layer, depth = [self.task.start], 0
        came[self.task.start] = (-1, -1)
        while layer:
            neighbours = []
            for state in layer:
                self.check(depth)
                for number, after in self.successors(state):
                    if after not in came:
                        came[after] = state, number
                        if reached(after):
                            return self.plan(after)
                        neighbours.append(after)
            layer, depth = neighbours, depth + 1
        return None

    def guided(self, estimate: Estimate) -> list[int] | None:
        start = self.task.start
        depths = {start: 0}
        self.came[start] = (-1, -1)
        waiting = defaultdict(list, {estimate(start): [(0, start)]})  # by the plan's least length
        while waiting:
            least = min(waiting)
            while waiting[least]:
                depth, state = waiting[least].pop()  # the newest first: it tends to be the deepest
                if depths[state] < depth:
                    continue
                if self.task.reached(state):
                    return self.plan(state)
                self.check(least - 1)
                depth += 1
                for number, after in self.successors(state):
                    if depths.get(after, depth + 1) > depth:
                        depths[after] = depth
                        self.came[after] = state, number
                        waiting[max(depth + estimate(after), least)].append((depth, after))
            del waiting[least]
        return None


Row = tuple[int, int, int, int, int]
Groups = list[tuple[int, list[tuple[int, list[Row]]]]]


def _grouped(steps: Sequence[Step]) -> Groups:
    """Steps in their order, below what all of an operator and all of equal keys need."""
    groups: Groups = []
    numbered = list(enumerate(steps))
    for _, same in groupby(numbered, key=lambda row: row[1].key[:1]):
        of_operator = list(same)
        parts = []
        for _, equal in groupby(of_operator, key=lambda row: row[1].key):
            rows = [(s.needs, s.bars, s.adds, ~s.deletes, number) for number, s in equal]
            parts.append((reduce(and_, (row[0] for row in rows)), rows))
        groups.append((reduce(and_, (step.needs for _, step in of_operator)), parts))
    return groups
