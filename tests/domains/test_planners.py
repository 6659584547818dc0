"""An outside planner finds plans that are checked, and says what is missing where there is none."""

import importlib.util

import pytest

import planrl as pr
from planrl.__main__ import main
from planrl.domains import EXAMPLES, ask_planner, example, parse_plan
from planrl.domains.planners import _numbers, _written

INSTALLED = importlib.util.find_spec("unified_planning") is not None
engine = pytest.mark.skipif(not INSTALLED, reason="the extra `planning` is not installed: 216 MB")

# Fast Downward 26.6 (A*, blind), asked once with the PDDL files themselves.
SHORTEST = {
    **{"blocks-4": 4, "hanoi-4": 15, "sliding-6": 15, "gripper-3": 9, "logistics-1": 10},
    **{"logistics-2": 16, "fuel-4": 10, "fuel-6": 10, "sokoban-4": 7, "peg-4": 9, "peg-5": 13},
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_shortest_plans_are_as_long_as_an_independent_planner_says(name):
    assert len(example(name).solve()) == SHORTEST[name]


class Written:
    """What is written of a task for a planner, in plain records with unified-planning's names."""

    def __init__(self, name):
        self.name, self.start, self.goal, self.actions = name, {}, [], []
        self.needs, self.effects = [], []

    add_precondition = property(lambda self: self.needs.append)
    add_action = property(lambda self: self.actions.append)
    add_goal = property(lambda self: self.goal.append)

    def add_fluent(self, atom, *, default_initial_value):
        self.start[atom] = default_initial_value

    def add_effect(self, atom, value):
        self.effects.append((atom, value))

    Problem = InstantaneousAction = property(lambda self: Written)
    Fluent = staticmethod(str)
    Not = staticmethod(lambda atom: ("not", atom))


def met(state, condition):
    return all(not state[part[1]] if isinstance(part, tuple) else state[part] for part in condition)


@pytest.mark.parametrize("name", ["blocks-4", "sokoban-4", "fuel-4", "peg-4"])
def test_a_plan_of_the_problem_is_one_of_what_a_planner_is_given(name):
    problem = example(name)
    found = problem.grounded
    given, numbers = _written(Written(""), found.task)
    steps = {found.actions[numbers[action.name]]: action for action in given.actions}
    state = dict(given.start)
    for action in problem.solve():
        assert not met(state, given.goal)
        assert met(state, steps[action].needs)
        for value in (False, True):
            state |= {atom: value for atom, to in steps[action].effects if to is value}
    assert met(state, given.goal)
    assert len(given.actions) == len(problem.actions)


def test_bits_are_numbered_from_the_lowest():
    assert list(_numbers(0b10110)) == [1, 2, 4]
    assert list(_numbers(0)) == []


def test_without_an_engine_it_is_said_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "unified_planning", None)
    with pytest.raises(pr.InputError, match=r"pip install 'planrl\[planning\]'"):
        ask_planner(example("hanoi-4"))
    assert main(["plan", "hanoi-4", "--planner", "fast-downward"]) == 2
    assert "planrl[planning]" in capsys.readouterr().err
    assert main(["plan", "hanoi-4", "--planner", "x", "--check", "y"]) == 2
    assert "--check judges the plan" in capsys.readouterr().err


@engine
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_engine_finds_shortest_plans_of_what_it_is_given(name):
    assert len(ask_planner(example(name), engine="fast-downward-opt")) == SHORTEST[name]


@engine
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_an_unknown_engine_and_an_unsolvable_problem_are_told_apart(capsys):
    with pytest.raises(pr.InputError, match=r"no planner is called 'x'; there are: "):
        ask_planner(example("hanoi-4"), engine="x")
    assert main(["plan", "gripper-3", "--planner", "fast-downward"]) == 0
    said = capsys.readouterr().out.splitlines()
    plan = "\n".join(line for line in said if line.startswith("("))
    assert example("gripper-3").validate(parse_plan(plan)).valid
