"""Recognise a PDDL domain as Blocksworld under any names, and translate states both ways.

A "mystery" domain has the four operators under other names. It is recognised by what they do: some
renaming of its predicates and operators must make it the domain below, up to the order of an
operator's parameters. Preconditions that no action ever changes, such as (block ?x), are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, permutations, product

from planrl.domains.blocksworld import TABLE, Action, Space, State, space
from planrl.domains.heuristic import StepsLeft, can_hold
from planrl.domains.operators import Atom, Conjunction, Operator, text_of
from planrl.domains.search import Watch
from planrl.domains.strips import Problem
from planrl.errors import InputError

Shape = tuple[frozenset[Atom], frozenset[Atom], frozenset[Atom]]

# name: (precondition, what is added, what is deleted), with the parameters numbered
_ON, _FREE, _HELD, _DOWN, _EMPTY = ("on", "0", "1"), "clear", "holding", "ontable", ("handempty",)
STANDARD: dict[str, Shape] = {
    "pick-up": (
        frozenset({(_FREE, "0"), (_DOWN, "0"), _EMPTY}),
        frozenset({(_HELD, "0")}),
        frozenset({(_DOWN, "0"), (_FREE, "0"), _EMPTY}),
    ),
    "put-down": (
        frozenset({(_HELD, "0")}),
        frozenset({(_FREE, "0"), _EMPTY, (_DOWN, "0")}),
        frozenset({(_HELD, "0")}),
    ),
    "stack": (
        frozenset({(_HELD, "0"), (_FREE, "1")}),
        frozenset({(_FREE, "0"), _EMPTY, _ON}),
        frozenset({(_HELD, "0"), (_FREE, "1")}),
    ),
    "unstack": (
        frozenset({_ON, (_FREE, "0"), _EMPTY}),
        frozenset({(_HELD, "0"), (_FREE, "1")}),
        frozenset({(_FREE, "0"), _EMPTY, _ON}),
    ),
}
ARITIES = {"on": 2, "ontable": 1, "clear": 1, "holding": 1, "handempty": 0}


@dataclass(frozen=True)
class Blocks:
    """A problem understood as Blocksworld.

    `predicates` and `operators` say which of our names each of its names stands for; `order` how
    an operator's parameters are to be taken.
    """

    problem: Problem
    predicates: Mapping[str, str]
    operators: Mapping[str, str]
    order: Mapping[str, tuple[int, ...]]

    @cached_property
    def space(self) -> Space:
        """All states of the blocks, the hand included. Raises InputError for too many blocks."""
        return space(self.start.blocks, hand=True)

    @cached_property
    def start(self) -> State:
        """The state the problem begins in."""
        return self.state(self.problem.init)

    @property
    def goals(self) -> list[State]:
        """Every state that meets the goal, those with a block in the hand included."""
        goal = self.problem.goal
        return [current for current in self.space.states if not goal.unmet(self.atoms(current))]

    def solve(self, *, watch: Watch | None = None) -> list[Action] | None:
        """A shortest plan, found by A*; None if there is none.

        It tells how many blocks must still be moved, so that 15 blocks take seconds at most in
        nearly all cases. Raises InputError when the search gives up, as `Problem.solve` does.
        """
        goal = self.problem.goal
        facts = self._ours(goal.holds)
        if not can_hold(facts):
            return None
        return self.problem.solve(
            estimate=lambda bits: StepsLeft(
                {self._ours([atom]).pop(): bit for atom, bit in bits.items()},
                facts,
                more=bool(goal.absent),
            ),
            watch=watch,
        )

    def _ours(self, atoms: Iterable[Atom]) -> set[Atom]:
        """The atoms of blocks, in our words; those that never change are left out."""
        return {(self.predicates[a[0]], *a[1:]) for a in atoms if a[0] in self.predicates}

    def state(self, atoms: Iterable[Atom]) -> State:
        """The state that these atoms describe. Raises InputError if they contradict each other."""
        facts = self._ours(atoms)
        what = f"the atoms of {self.problem.name} describe no state of blocks"
        under = {fact[1]: fact[2] for fact in facts if fact[0] == "on"}
        stacks = [[fact[1]] for fact in facts if fact[0] == "ontable"]
        above = {below: block for block, below in under.items()}
        for stack in stacks:
            while stack[-1] in above and len(stack) <= len(under) + 1:
                stack.append(above[stack[-1]])
        held = [fact[1] for fact in facts if fact[0] == "holding"]
        try:
            found = State(tuple(map(tuple, stacks)), held[0] if held else "")
        except InputError as error:
            raise InputError(f"{what}: {error}") from None
        wrong = sorted(facts ^ self._facts(found))
        if wrong:
            raise InputError(f"{what}: {text_of(wrong[0])} does not fit the others")
        return found

    def atoms(self, current: State) -> frozenset[Atom]:
        """The atoms that hold in a state, in the problem's words."""
        theirs = {mine: name for name, mine in self.predicates.items()}
        changing = {(theirs[fact[0]], *fact[1:]) for fact in self._facts(current)}
        fixed = {atom for atom in self.problem.init if atom[0] not in self.predicates}
        return frozenset(changing | fixed)

    @staticmethod
    def _facts(current: State) -> set[Atom]:
        facts: set[Atom] = set()
        for stack in current.stacks:
            facts |= {("on", block, below) for below, block in pairwise(stack)}
            facts |= {("ontable", stack[0]), ("clear", stack[-1])}
        facts.add(("holding", current.holding) if current.holding else ("handempty",))
        return facts

    def ours(self, action: Action) -> Action:
        """A PDDL action in our words."""
        name = self.problem.operator(action).name
        return Action(self.operators[name], tuple(action.arguments[k] for k in self.order[name]))

    def theirs(self, action: Action) -> Action:
        """An action of ours in the words of the PDDL domain."""
        name = next(name for name, mine in self.operators.items() if mine == action.name)
        arguments = [""] * len(action.arguments)
        for position, argument in zip(self.order[name], action.arguments, strict=True):
            arguments[position] = argument
        return Action(name, tuple(arguments))

    def path(self, plan: Iterable[Action]) -> list[int]:
        """The nodes of `space` that a plan in the problem's words goes through."""
        return self.space.path(self.start, map(self.ours, plan))

    def plan(self, path: list[int]) -> list[Action]:
        """The plan, in the problem's words, along a path of nodes."""
        return [self.theirs(action) for action in self.space.plan(path)]

    @cached_property
    def moves(self) -> Space:
        """The one-move space of the same blocks: the paper's graph (four blocks: 73 states)."""
        return space(self.start.blocks)

    def path_of_moves(self, plan: Iterable[Action]) -> list[int]:
        """The nodes of `moves` that a plan in the problem's words goes through.

        Two operators make one move; a block put back where it came from makes none. Raises
        InputError if the plan starts or ends with a block in the hand.
        """
        states = [self.space.states[node] for node in self.path(plan)]
        for when, current in (("starts", states[0]), ("ends", states[-1])):
            if current.holding:
                raise InputError(
                    f"the plan {when} with {current.holding} in the hand, which is empty between "
                    "moves: put it down or stack it first"
                )
        nodes = [self.moves.node(current) for current in states if not current.holding]
        return [nodes[0], *(after for before, after in pairwise(nodes) if after != before)]

    def plan_of_moves(self, path: Sequence[int]) -> list[Action]:
        """The plan, in the problem's words, along a path of nodes of `moves`: two steps a move."""
        found = []
        for action in self.moves.plan(path):
            block, below, onto = action.arguments
            lift = ("pick-up", (block,)) if below == TABLE else ("unstack", (block, below))
            lay = ("put-down", (block,)) if onto == TABLE else ("stack", (block, onto))
            found += [self.theirs(Action(*lift)), self.theirs(Action(*lay))]
        return found


def recognise(problem: Problem) -> Blocks:
    """The problem as Blocksworld. Raises InputError if its operators are not the four."""
    operators = list(problem.operators.values())
    changed = {atom[0] for op in operators for atom in op.adds | op.deletes}
    arity = {atom[0]: len(atom) - 1 for op in operators for atom in op.adds | op.deletes}
    for names in permutations(sorted(changed)) if len(changed) == len(ARITIES) else ():
        predicates = dict(zip(names, ARITIES, strict=True))
        if any(arity[name] != ARITIES[mine] for name, mine in predicates.items()):
            continue
        found = {op.name: _matched(op, predicates) for op in operators}
        if all(found.values()) and {m[0] for m in found.values() if m} == set(STANDARD):
            if any(TABLE in atom[1:] for atom in problem.init if atom[0] in changed):
                raise InputError(f"a block of {problem.name} is called {TABLE!r}: rename it")
            seen = Blocks(
                problem,
                predicates,
                {name: match[0] for name, match in found.items() if match},
                {name: match[1] for name, match in found.items() if match},
            )
            _check_unchanging(problem, predicates, seen.start.blocks)
            return seen
    raise InputError(
        f"the domain {problem.domain} is not the four-operator Blocksworld (pick-up, put-down, "
        "stack, unstack, under whatever names): its plans can be judged and found, but its states "
        "are not stacks of blocks"
    )


def _check_unchanging(
    problem: Problem, predicates: Mapping[str, str], blocks: Sequence[str]
) -> None:
    """Raise InputError if an action's types or what never changes forbid it for some blocks."""
    for operator in problem.operators.values():
        needs = operator.precondition
        fixed = Conjunction(
            frozenset(atom for atom in needs.holds if atom[0] not in predicates),
            frozenset(atom for atom in needs.absent if atom[0] not in predicates),
            needs.differ,
            needs.same,
        )
        for names in permutations(blocks, len(operator.parameters)):
            action = Action(operator.name, names)
            unmet = fixed.grounded(problem.operator(action).bound(names)).unmet(problem.init)
            if unmet:
                raise InputError(
                    f"{problem.name} is not the four-operator Blocksworld: {action} is never "
                    f"possible, since it needs {unmet[0]}"
                )


def _matched(
    operator: Operator, predicates: Mapping[str, str]
) -> tuple[str, tuple[int, ...]] | None:
    """Which of the four this is, and in which order it takes its parameters."""
    variables = [variable for variable, _ in operator.parameters]
    needs = {atom for atom in operator.precondition.holds if atom[0] in predicates}
    sides = (needs, operator.adds, operator.deletes)
    if len(variables) > 2 or {a[0] for a in operator.precondition.absent} & set(predicates):
        return None  # so that the orders of many parameters are not tried
    orders = permutations(range(len(variables)))
    for (name, shape), order in product(STANDARD.items(), orders):
        number = {variables[position]: str(k) for k, position in enumerate(order)}
        renamed = tuple(
            frozenset((predicates[head], *(number.get(t, t) for t in rest)) for head, *rest in side)
            for side in sides
        )
        if renamed == shape:
            return name, order
    return None
