"""Problems without variables: every action with every choice of objects that can matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from planrl.domains.blocksworld import Action
from planrl.domains.operators import Atom, Conjunction, Operator, put_in
from planrl.domains.search import Step, Task
from planrl.errors import InputError, shown

MOST_ACTIONS = 100_000
MOST_CHOICES = 500_000  # of objects that are tried, also those that turn out impossible
MOST_BITS = 1_000_000_000  # of all actions together: each has a bit for every atom that can change


class Grounded(NamedTuple):
    """A problem without variables: its actions, its atoms as bits, and the task for the search.

    `hopeless` says that no sequence of actions can meet the goal.
    """

    actions: tuple[Action, ...]
    bits: Mapping[Atom, int]
    task: Task
    hopeless: bool


class _Row(NamedTuple):
    """An action whose atoms are numbers."""

    action: Action
    holds: set[int]
    absent: set[int]
    adds: set[int]
    deletes: set[int]


def grounded(
    operators: Iterable[Operator],
    objects: Mapping[str, frozenset[str]],
    init: frozenset[Atom],
    goal: Conjunction,
) -> Grounded:
    """The actions that may become possible from `init`, in order, and what they do to its atoms.

    Left out are actions that need what no action brings about. Raises InputError if there are too
    many to be listed.
    """
    number: dict[Atom, int] = {}

    def numbers(atoms: Iterable[Atom]) -> set[int]:
        return {number.setdefault(atom, len(number)) for atom in atoms}

    start, holds, absent = numbers(init), numbers(goal.holds), numbers(goal.absent)
    instances = _instances(list(operators), objects, init)
    rows = [_numbered(action, operator, numbers) for action, operator in instances]
    deleted = set[int]().union(*(row.deletes for row in rows))
    rows = [row for row in rows if not (row.absent & start) - deleted]
    rows, reached = _reachable(rows, start)
    changing = set[int]().union(*(row.adds | row.deletes for row in rows))
    rows = [row for row in rows if not (row.absent & start) - changing]
    if len(rows) * len(changing) > MOST_BITS:
        raise InputError(
            f"there are {len(rows):,} actions and {len(changing):,} atoms that they can change: "
            f"their product may be at most {MOST_BITS:,}; take a smaller problem, or ask a planner "
            "such as Fast Downward"
        )
    bit = {atom: 1 << k for k, atom in enumerate(sorted(changing))}

    def mask(atoms: set[int]) -> int:  # what never changes needs no bit
        return sum(bit[atom] for atom in atoms & changing)

    steps = [
        Step(mask(row.holds), mask(row.absent), mask(row.adds), mask(row.deletes), key)
        for row in rows
        for key in [(row.action.name, *row.action.arguments[:1])]
    ]
    hopeless = holds - reached or (absent & start) - changing or not goal.consistent
    task = Task(mask(start), mask(holds), mask(absent), steps)
    bits = {atom: bit[k] for atom, k in number.items() if k in bit}
    return Grounded(tuple(row.action for row in rows), bits, task, bool(hopeless))


def _numbered(
    action: Action, operator: Operator, numbers: Callable[[Iterable[Atom]], set[int]]
) -> _Row:
    names = operator.bound(action.arguments)
    needs = operator.precondition
    adds = numbers(put_in(operator.adds, names))  # PDDL: what is added and deleted is there
    deletes = numbers(put_in(operator.deletes, names)) - adds
    holds, absent = numbers(put_in(needs.holds, names)), numbers(put_in(needs.absent, names))
    return _Row(action, holds, absent, adds, deletes)


def _reachable(rows: list[_Row], start: set[int]) -> tuple[list[_Row], set[int]]:
    """The actions that become possible if nothing is ever deleted, and all atoms that then hold."""
    reached = set(start)
    missing = [len(row.holds - start) for row in rows]
    needed: dict[int, list[int]] = defaultdict(list)
    for k, row in enumerate(rows):
        for atom in row.holds - start:
            needed[atom].append(k)
    waiting = [k for k, count in enumerate(missing) if not count]
    possible = []
    while waiting:
        possible.append(k := waiting.pop())
        for atom in rows[k].adds - reached:
            reached.add(atom)
            for other in needed[atom]:
                missing[other] -= 1
                if not missing[other]:
                    waiting.append(other)
    return [rows[k] for k in sorted(possible)], reached


def _instances(
    operators: list[Operator], objects: Mapping[str, frozenset[str]], init: frozenset[Atom]
) -> list[tuple[Action, Operator]]:
    """Actions of the right types whose unchanging preconditions hold, and their operators."""
    changing = {atom[0] for operator in operators for atom in operator.adds | operator.deletes}
    found: list[tuple[Action, Operator]] = []
    tried = 0
    for operator in operators:
        tests = _Tests(operator, changing, init)
        rows: list[tuple[str, ...]] = [()] if tests.pass_for(()) else []
        for _, types in operator.parameters:
            fitting = [name for name, kinds in objects.items() if not types or types & kinds]
            wider: list[tuple[str, ...]] = []
            for row in rows:
                wider += [new for name in fitting if tests.pass_for(new := (*row, name))]
                tried += len(fitting)
                if len(found) + len(wider) > MOST_ACTIONS or tried > MOST_CHOICES:
                    raise InputError(
                        f"{shown(operator.name)} can be done with so many choices of objects that "
                        f"there are more than {MOST_ACTIONS:,} actions, or {MOST_CHOICES:,} to be "
                        f"tried ({len(found) + len(wider):,} found, {tried:,} tried): that is too "
                        "many to search one by one; ask a planner such as Fast Downward"
                    )
            rows = wider
        found += [(Action(operator.name, row), operator) for row in rows]
    return found


class _Tests:
    """What of a precondition never changes, by the number of arguments that must be known."""

    def __init__(self, operator: Operator, changing: set[str], init: frozenset[Atom]) -> None:
        self.init = init
        self.variables = [variable for variable, _ in operator.parameters]
        self.atoms: dict[int, list[tuple[Atom, bool]]] = defaultdict(list)
        self.pairs: dict[int, list[tuple[str, str, bool]]] = defaultdict(list)
        needs = operator.precondition
        for atoms, wanted in ((needs.holds, True), (needs.absent, False)):
            for atom in atoms:
                if atom[0] not in changing:
                    self.atoms[self._known(atom[1:])].append((atom, wanted))
        for pairs, wanted in ((needs.same, True), (needs.differ, False)):
            for a, b in pairs:
                self.pairs[self._known((a, b))].append((a, b, wanted))

    def _known(self, terms: tuple[str, ...]) -> int:
        return max((self.variables.index(t) + 1 for t in terms if t in self.variables), default=0)

    def pass_for(self, row: tuple[str, ...]) -> bool:
        """Whether the tests hold that need all of these arguments and no further ones."""
        atoms, pairs = self.atoms.get(len(row), ()), self.pairs.get(len(row), ())
        if not atoms and not pairs:
            return True
        put = dict(zip(self.variables, row, strict=False))
        return all(
            ((head, *(put.get(term, term) for term in rest)) in self.init) is wanted
            for (head, *rest), wanted in atoms
        ) and all((put.get(a, a) == put.get(b, b)) is wanted for a, b, wanted in pairs)
