"""Plans by an outside planner, for problems that are too large for planrl's own search.

The planner is an engine of the unified-planning project, such as Fast Downward. It is given the
problem without variables, so it need not understand the PDDL that planrl does, and its plan is
checked step by step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from planrl.domains.blocksworld import Action
from planrl.errors import InputError, shown

if TYPE_CHECKING:
    from planrl.domains.search import Task
    from planrl.domains.strips import Problem

ENGINE = "fast-downward"
EXTRA = "pip install 'planrl[planning]'"


def ask_planner(problem: Problem, *, engine: str = ENGINE) -> list[Action] | None:
    """A plan that an engine of unified-planning finds; None if it proves that there is none.

    The plan is valid, and not always a shortest one: that depends on the engine, such as
    "fast-downward-opt" for shortest plans. Raises InputError if unified-planning or the engine is
    not installed, if the engine gives up, and if its plan does not reach the goal.
    """
    found = problem.grounded
    if found.hopeless:
        return None
    shortcuts = _shortcuts()
    shortcuts.get_environment().credits_stream = None
    if engine not in (known := sorted(shortcuts.get_environment().factory.engines)):
        raise InputError(
            f"no planner is called {shown(engine)}; there are: {', '.join(known) or 'none'} (more "
            f"with packages up-..., such as up-fast-downward: {EXTRA})"
        )
    written, numbers = _written(shortcuts, found.task)
    try:
        with shortcuts.OneshotPlanner(name=engine) as planner:
            result = planner.solve(written)
    except Exception as error:  # an engine may raise anything
        raise InputError(f"the planner {engine} failed: {error}") from None
    status = result.status.name
    if result.plan is None:
        if status == "UNSOLVABLE_PROVEN":
            return None
        raise InputError(f"the planner {engine} gave up: {status.lower().replace('_', ' ')}")
    plan = [found.actions[numbers[step.action.name]] for step in result.plan.actions]
    if not (verdict := problem.validate(plan)).valid:
        raise InputError(f"the plan of {engine} is {verdict}")
    return plan


def _shortcuts() -> Any:
    """unified-planning's usual names."""
    try:
        from unified_planning import shortcuts
    except ImportError:
        raise InputError(f"an outside planner needs unified-planning: {EXTRA}") from None
    return shortcuts


def _written(up: Any, task: Task) -> tuple[Any, dict[str, int]]:
    """The task as a problem of unified-planning, and the number of each of its actions."""
    bits = task.start | task.needs | task.bars
    for step in task.steps:
        bits |= step.needs | step.bars | step.adds | step.deletes
    atoms = {number: up.Fluent(f"p{number}") for number in _numbers(bits)}

    def condition(needs: int, bars: int) -> Iterator[Any]:
        yield from (atoms[number] for number in _numbers(needs))
        yield from (up.Not(atoms[number]) for number in _numbers(bars))

    written = up.Problem("planrl")
    for number, atom in atoms.items():
        written.add_fluent(atom, default_initial_value=bool(task.start >> number & 1))
    names = {}
    for position, step in enumerate(task.steps):
        action = up.InstantaneousAction(f"a{position}")
        names[action.name] = position
        for part in condition(step.needs, step.bars):
            action.add_precondition(part)
        for number in _numbers(step.adds):
            action.add_effect(atoms[number], True)
        for number in _numbers(step.deletes):
            action.add_effect(atoms[number], False)
        written.add_action(action)
    for part in condition(task.needs, task.bars):
        written.add_goal(part)
    return written, names


def _numbers(mask: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
