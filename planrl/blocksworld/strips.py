"""Planning problems as PDDL means them: STRIPS with types, plans judged step by step, and solved.

An atom is a tuple of a predicate's name and its arguments, `("on", "a", "b")`; a state is a set of
atoms. PDDL does not distinguish case, so all names are in small letters.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path

from planrl.blocksworld.states import Action
from planrl.checked import shown
from planrl.errors import InputError
from planrl.reading import read_text

Atom = tuple[str, ...]
MOST_BYTES = 1_000_000  # of a domain, a problem or a plan
MOST_STATES = 200_000
MOST_ACTIONS = 100_000  # with every choice of objects


def text_of(atom: Atom) -> str:
    """An atom as PDDL writes it: `(on a b)`."""
    return f"({' '.join(atom)})"


@dataclass(frozen=True)
class Condition:
    """Atoms that must hold, atoms that must not, and pairs of names that must differ."""

    holds: frozenset[Atom] = frozenset()
    absent: frozenset[Atom] = frozenset()
    differ: frozenset[tuple[str, str]] = frozenset()

    def unmet(self, state: frozenset[Atom]) -> tuple[str, ...]:
        """What of it a state does not meet, as PDDL text, in alphabetical order."""
        missing = [text_of(atom) for atom in sorted(self.holds - state)]
        extra = [f"(not {text_of(atom)})" for atom in sorted(self.absent & state)]
        same = [f"(not (= {a} {b}))" for a, b in sorted(self.differ) if a == b]
        return (*missing, *extra, *same)

    def grounded(self, names: Mapping[str, str]) -> Condition:
        """The same with names put in for variables."""
        return Condition(
            _put(self.holds, names),
            _put(self.absent, names),
            frozenset((names.get(a, a), names.get(b, b)) for a, b in self.differ),
        )


def _put(atoms: Iterable[Atom], names: Mapping[str, str]) -> frozenset[Atom]:
    return frozenset((head, *(names.get(term, term) for term in rest)) for head, *rest in atoms)


@dataclass(frozen=True)
class Operator:
    """An action with variables `?x`: parameters with their types, precondition, what changes."""

    name: str
    parameters: tuple[tuple[str, frozenset[str]], ...]
    precondition: Condition
    adds: frozenset[Atom]
    deletes: frozenset[Atom]

    def bound(self, arguments: Sequence[str]) -> dict[str, str]:
        """Which name each variable stands for."""
        variables = (variable for variable, _ in self.parameters)
        return dict(zip(variables, arguments, strict=True))


@dataclass(frozen=True)
class Verdict:
    """What became of a plan. `step` counts from 1; it is 0 where the goal was not met at the end.

    `unmet` names what was missing: atoms of the step's precondition, or of the goal.
    """

    valid: bool
    steps: int
    step: int = 0
    action: str = ""
    unmet: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.valid:
            return f"valid: {self.steps} steps"
        missing = ", ".join(self.unmet)
        if self.step:
            return f"invalid: step {self.step}, {self.action}, needs {missing}"
        return f"invalid: after its {self.steps} steps the goal lacks {missing}"


@dataclass(frozen=True)
class Problem:
    """Objects with their types, operators, a state to start from and a goal (maybe partial)."""

    domain: str
    name: str
    objects: Mapping[str, frozenset[str]]
    operators: Mapping[str, Operator]
    init: frozenset[Atom]
    goal: Condition

    def step(self, state: frozenset[Atom], action: Action) -> tuple[Condition, frozenset[Atom]]:
        """The action's precondition, and the state it leads to if that is met."""
        operator = self.operator(action)
        names = operator.bound(action.arguments)
        after = (state - _put(operator.deletes, names)) | _put(operator.adds, names)
        return operator.precondition.grounded(names), after

    def operator(self, action: Action) -> Operator:
        """The operator of an action. Raises InputError if there is none, or for other objects."""
        operator = self.operators.get(action.name)
        if operator is None:
            raise InputError(
                f"{action} is no action of the domain {self.domain}: "
                f"it has {', '.join(sorted(self.operators))}"
            )
        if len(action.arguments) != len(operator.parameters):
            raise InputError(
                f"{action} has {len(action.arguments)} arguments, but {action.name} takes "
                f"{len(operator.parameters)}"
            )
        for name, (_, types) in zip(action.arguments, operator.parameters, strict=True):
            if name not in self.objects:
                known = ", ".join(sorted(self.objects))
                raise InputError(f"{action} names {name!r}, which is no object of {known[:200]}")
            if types and not types & self.objects[name]:
                raise InputError(f"{action}: {name} is not of type {' or '.join(sorted(types))}")
        return operator

    def validate(self, plan: Sequence[Action]) -> Verdict:
        """Whether each action's precondition is met in its turn, and the goal at the end."""
        state = self.init
        for number, action in enumerate(plan, 1):
            condition, after = self.step(state, action)
            unmet = condition.unmet(state)
            if unmet:
                return Verdict(False, len(plan), number, str(action), unmet)
            state = after
        unmet = self.goal.unmet(state)
        return Verdict(not unmet, len(plan), unmet=unmet)

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """Every action with every choice of objects of the right types."""
        found: list[Action] = []
        for operator in self.operators.values():
            fitting = [
                [name for name, kinds in self.objects.items() if not types or types & kinds]
                for _, types in operator.parameters
            ]
            if len(found) + prod(map(len, fitting)) > MOST_ACTIONS:
                raise InputError(
                    f"{shown(operator.name)} can be done with so many choices of objects that "
                    f"there are more than {MOST_ACTIONS:,} actions: that is too many to search one "
                    "by one; ask a planner such as Fast Downward"
                )
            found += [Action(operator.name, names) for names in product(*fitting)]
        return tuple(found)

    def successors(self, state: frozenset[Atom]) -> Iterator[tuple[Action, frozenset[Atom]]]:
        """The actions that can be done in a state, and where they lead."""
        for action, condition, adds, deletes in self._grounded:
            if not condition.unmet(state):
                yield action, (state - deletes) | adds

    @cached_property
    def _grounded(self) -> list[tuple[Action, Condition, frozenset[Atom], frozenset[Atom]]]:
        rows = []
        for action in self.actions:
            operator = self.operators[action.name]
            names = operator.bound(action.arguments)
            condition = operator.precondition.grounded(names)
            if all(a != b for a, b in condition.differ):
                rows.append(
                    (action, condition, _put(operator.adds, names), _put(operator.deletes, names))
                )
        return rows

    def solve(self) -> list[Action] | None:
        """A shortest plan, by breadth-first search; None if there is none: it is unsolvable.

        Raises InputError when so many states can be reached that the search gave up.
        """
        came: dict[frozenset[Atom], tuple[frozenset[Atom], Action] | None] = {self.init: None}
        waiting = deque([self.init])
        while waiting:
            state = waiting.popleft()
            if not self.goal.unmet(state):
                plan = []
                while (before := came[state]) is not None:
                    state, action = before
                    plan.append(action)
                return plan[::-1]
            for action, after in self.successors(state):
                if after not in came:
                    came[after] = state, action
                    waiting.append(after)
            if len(came) > MOST_STATES:
                raise InputError(
                    f"{self.name} has more than {MOST_STATES:,} states: that is too many to search "
                    "one by one; ask a planner such as Fast Downward"
                )
        return None


def read_plan(path: str | Path) -> list[Action]:
    """The plan in a text file: one action `(pick-up a)` a line; `; comments` are left out."""
    return parse_plan(read_text(path, most=MOST_BYTES), str(path))


def parse_plan(text: str, where: str = "the plan") -> list[Action]:
    """The plan in a text of one action a line. Raises InputError with the first bad line."""
    plan = []
    for number, line in enumerate(text.lower().splitlines(), 1):
        line = re.sub(r"^\s*\d+(\.\d+)?\s*:", "", line.split(";")[0])  # some write a time first
        line = re.sub(r"\[[\d.]+\]\s*$", "", line).strip()  # and a duration last
        if not line:
            continue
        found = re.fullmatch(r"\(\s*([^\s()]+(?:\s+[^\s()]+)*)\s*\)", line)
        if not found:
            raise InputError(
                f"{where}, line {number}: {shown(line)} is no action: write `(pick-up a)`"
            )
        name, *arguments = found[1].split()
        plan.append(Action(name, tuple(arguments)))
    return plan
