"""Planning problems as in PDDL: STRIPS with types; finding plans and checking them by steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from planrl.domains.blocksworld import Action
from planrl.domains.grounding import Grounded, grounded
from planrl.domains.operators import Atom, Conjunction, Operator, put_in
from planrl.domains.search import Estimate, Watch, shortest
from planrl.errors import InputError


@dataclass(frozen=True)
class PlanCheck:
    """The result of checking a plan. `step` counts from 1; it is 0 if only the goal was not met.

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
    """Objects with their types, operators, a state to start from and a goal (maybe partial).

    `metric` is the quantity to minimise, if it is not the number of steps. `ignored` lists parts of
    the files that were left out because they change neither which plans are valid nor which are
    shortest.
    """

    domain: str
    name: str
    objects: Mapping[str, frozenset[str]]
    operators: Mapping[str, Operator]
    init: frozenset[Atom]
    goal: Conjunction
    metric: str = ""
    ignored: tuple[str, ...] = ()

    def step(self, state: frozenset[Atom], action: Action) -> tuple[Conjunction, frozenset[Atom]]:
        """The action's precondition, and the state it leads to if that is met."""
        operator = self.operator(action)
        names = operator.bound(action.arguments)
        after = (state - put_in(operator.deletes, names)) | put_in(operator.adds, names)
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

    def validate(self, plan: Sequence[Action]) -> PlanCheck:
        """Whether each action's precondition is met in its turn, and the goal at the end."""
        state = self.init
        for number, action in enumerate(plan, 1):
            condition, after = self.step(state, action)
            unmet = condition.unmet(state)
            if unmet:
                return PlanCheck(False, len(plan), number, str(action), unmet)
            state = after
        unmet = self.goal.unmet(state)
        return PlanCheck(not unmet, len(plan), unmet=unmet)

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions that may become possible, starting from `init`.

        Left out are choices of objects whose conditions no action can bring about. Raises
        InputError if there are too many to be listed.
        """
        return self.grounded.actions

    @cached_property
    def grounded(self) -> Grounded:
        """The problem without variables: actions, atoms as bits, and the task of the search."""
        return grounded(self.operators.values(), self.objects, self.init, self.goal)

    def successors(self, state: frozenset[Atom]) -> Iterator[tuple[Action, frozenset[Atom]]]:
        """The actions that can be done in a state reached from `init`, and where they lead."""
        for action in self.actions:
            condition, after = self.step(state, action)
            if not condition.unmet(state):
                yield action, after

    def solve(
        self,
        *,
        estimate: Callable[[Mapping[Atom, int]], Estimate] | None = None,
        watch: Watch | None = None,
    ) -> list[Action] | None:
        """A shortest plan, by breadth-first search; None if there is none: it is unsolvable.

        `estimate` receives the atom of each bit of a state, and returns a function of
        states that never says more than the number of steps that are left: then the search is A*.
        `watch(states, steps)` is called from time to time. Raises InputError when so many states
        can be reached that the search gives up, and when a shortest plan is not what the
        problem's metric asks for.

        For Blocksworld, `recognise(problem).solve()` has an estimate and goes further.
        """
        if self.metric:
            raise InputError(
                f"{self.name} uses {self.metric}, which is beyond STRIPS: planrl finds plans of "
                "the fewest steps (and judges any plan); ask a planner such as Fast Downward"
            )
        found = self.grounded
        if found.hopeless:
            return None
        bits = None if estimate is None else estimate(found.bits)
        plan = shortest(found.task, self.name, estimate=bits, watch=watch)
        return None if plan is None else [found.actions[number] for number in plan]
