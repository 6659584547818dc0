"""States of planning problems as graphs, against searches over states of another encoding."""

import itertools
import json
import string
from collections import deque

import pytest
import torch

import planrl as pr
from planrl.__main__ import main
from planrl.domains import EXAMPLES, Action, example, ladder, state_graph, state_space, structure
from planrl.domains.pddl import read_problem
from planrl.domains.state_space import GOAL, labels_of
from planrl.domains.structure import BETWEEN, BLIND, EXACT
from planrl.experiments.datasets import PROBLEMS, DatasetSettings


# --- Each problem once more, without PDDL: start, what comes after a state, whether it is a goal.
def blocks():
    def after(state):  # block -> what it lies on
        clear = [b for b in range(4) if b not in state]
        for b in clear:
            for onto in [*(c for c in clear if c != b), "table"]:
                if state[b] != onto:
                    yield (*state[:b], onto, *state[b + 1 :])

    return ("table", 0, 1, 2), after, lambda state: state[:3] == (1, 2, 3)


def hanoi():
    def after(state):  # the peg of each disc, the smallest first
        for disc, onto in itertools.product(range(4), range(3)):
            smaller = state[:disc]
            if onto != state[disc] and state[disc] not in smaller and onto not in smaller:
                yield (*smaller, onto, *state[disc + 1 :])

    return (0, 0, 0, 0), after, lambda state: state == (2, 2, 2, 2)


def sliding():
    def after(state):  # the tile of each cell, row by row; 0 is the gap
        gap = state.index(0)
        for other in range(6):
            rows, columns = abs(gap // 3 - other // 3), abs(gap % 3 - other % 3)
            if rows + columns == 1:
                moved = list(state)
                moved[gap], moved[other] = moved[other], moved[gap]
                yield tuple(moved)

    return (0, 5, 4, 3, 2, 1), after, lambda state: state == (1, 2, 3, 4, 5, 0)


def gripper():
    def after(state):  # the robot's room, then each ball's: a room, or "left" or "right"
        robot, *balls = state
        yield (1 - robot, *balls)
        for k, ball in enumerate(balls):
            free = {"left", "right"} - set(balls)
            where = free if ball == robot else {robot} if ball in ("left", "right") else ()
            for new in where:
                yield (robot, *balls[:k], new, *balls[k + 1 :])

    return (0, 0, 0, 0), after, lambda state: state[1:] == (1, 1, 1)


def logistics(packages, fuel=None):
    roads = {0: ("depot", "north"), 1: ("south", "shop"), 2: ("north", "south")}

    def after(state):
        left, where, load = (
            state  # fuel, each vehicle's place, each package's: or a vehicle's number
        )
        for vehicle, ends in roads.items():
            if left != 0:
                new = list(where)
                new[vehicle] = ends[ends.index(where[vehicle]) - 1]
                yield left and left - 1, tuple(new), load
        for k, place in enumerate(load):
            vehicles = [v for v in roads if where[v] == place]
            for new in [where[place]] if place in roads else vehicles:
                yield left, where, (*load[:k], new, *load[k + 1 :])

    start = (fuel, ("north", "south", "north"), ("depot",) * packages)
    return start, after, lambda state: set(state[2]) == {"shop"}


def sokoban():
    def after(state):
        player, box = state
        for step in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            to = (player[0] + step[0], player[1] + step[1])
            behind = (to[0] + step[0], to[1] + step[1])
            new = behind if to == box else box
            if all(0 <= x < 4 for x in (*to, *new)):
                yield to, new

    return ((0, 0), (1, 1)), after, lambda state: state[1] == (3, 3)


def peg(side, last, first=None):
    cells = [(row, k) for row in range(side) for k in range(row + 1)]

    def after(state):  # the holes with a peg
        if len(state) == len(cells):
            yield from (state - {hole} for hole in cells)
        for (row, k), (down, right) in itertools.product(
            state, ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1))
        ):
            over, to = (row + down, k + right), (row + 2 * down, k + 2 * right)
            if over in state and to in cells and to not in state:
                yield state - {(row, k), over} | {to}

    return frozenset(cells) - {first}, after, lambda state: state == {last}


PLAINLY = {
    "blocks-4": blocks(),
    "hanoi-4": hanoi(),
    "sliding-6": sliding(),
    "gripper-3": gripper(),
    "logistics-1": logistics(1),
    "logistics-2": logistics(2),
    "fuel-4": logistics(1, 4),
    "fuel-6": logistics(1, 6),
    "sokoban-4": sokoban(),
    "peg-4": peg(4, (1, 0)),
    "peg-5": peg(5, (0, 0), (0, 0)),
}


def searched(start, after, met):
    """The number of states, of arcs and of goal states, and the steps of a shortest plan."""
    depth, todo, arcs = {start: 0}, deque([start]), set()
    while todo:
        state = todo.popleft()
        for other in after(state):
            arcs.add((state, other))
            if other not in depth:
                depth[other] = depth[state] + 1
                todo.append(other)
    goals = [state for state in depth if met(state)]
    return len(depth), len(arcs), len(goals), min(depth[state] for state in goals)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_examples_states_arcs_and_shortest_plan_are_those_of_a_plain_search(name):
    states, arcs, goals, steps = searched(*PLAINLY[name])
    space = state_space(example(name))
    assert (space.graph.n, len(space.graph.edges), len(space.goals)) == (states, arcs, goals)
    plan = space.problem.solve()
    assert len(plan) == steps
    assert space.problem.validate(plan).valid
    path = space.path(plan)
    assert path[0] == 0
    assert path[-1] in space.goals
    assert space.plan(path) == plan
    assert all(arc in space.graph.edges for arc in itertools.pairwise(path))


@pytest.mark.parametrize(
    ("name", "states", "arcs"),
    [
        ("blocks-4", 73, 240),
        ("hanoi-4", 81, 240),
        ("sliding-6", 360, 840),
        ("gripper-3", 88, 280),
        ("logistics-1", 56, 216),
        ("logistics-2", 392, 1848),
        ("fuel-4", 53, 138),
        ("fuel-6", 108, 336),
        ("sokoban-4", 240, 704),
        ("peg-5", 3016, 10306),
    ],
)
def test_states_and_arcs_are_the_known_numbers(name, states, arcs):
    graph = state_graph(example(name))
    assert (graph.n, len(graph.edges)) == (states, arcs)


def test_peg_solitaire_of_side_four_has_the_known_numbers_beside_its_full_board():
    space = state_space(example("peg-4"))
    graph = space.graph
    assert (graph.n - 1, len(graph.edges) - 10) == (332, 588)
    assert [b for a, b in graph.edges if a == 0] == list(range(1, 11))
    known = structure(graph)
    assert (known.is_dag, known.dead_ends) == (True, 45)
    assert (known.pairs - 332) / (332 * 331) == pytest.approx(0.027, abs=5e-4)


def test_the_structure_is_that_of_matrices_and_networkx():
    import networkx as nx

    rng = pr.seeded(0, "graphs")
    graphs = [pr.graphs.random_digraph(n, p, rng) for n in (1, 2, 7, 30) for p in (0.0, 0.05, 0.2)]
    for graph in [*graphs, state_graph(example("sokoban-4"))]:
        known = structure(graph)
        parts = [len(part) for part in nx.strongly_connected_components(graph.to_networkx())]
        assert (known.components, known.largest) == (len(parts), max(parts))
        assert known.is_dag == graph.is_dag
        assert known.pairs == int(graph.reachability.sum()) - graph.n
        assert known.longest == int(graph.distances().max())
        assert known.dead_ends == int((graph.adjacency.sum(1) == 0).sum())
        useful = graph.reachability.clone().fill_diagonal_(False)  # [target, current]
        steps = useful[:, :, None] & graph.adjacency[None]
        mutual = graph.reachability & graph.reachability.T
        count = max(int(steps.sum()), 1)
        lost = int((steps & ~graph.reachability[:, None]).sum())
        inside = int((steps & mutual[None]).sum())
        assert known.ruled_out == pytest.approx(lost / count)
        assert known.circling == pytest.approx(inside / count)


@pytest.mark.parametrize(
    ("name", "theorem"),
    [
        ("peg-4", EXACT),
        ("peg-5", EXACT),
        ("hanoi-4", BLIND),
        ("gripper-3", BLIND),
        ("logistics-2", BLIND),
        ("fuel-4", BETWEEN),
        ("sokoban-4", BETWEEN),
    ],
)
def test_the_structure_says_which_theorem_applies(name, theorem):
    assert structure(state_graph(example(name))).theorem == theorem


def test_the_ladder_goes_from_blind_to_exact():
    rows = ladder()
    assert {row["problem"] for row in rows} == set(EXAMPLES)
    order = [BLIND, BETWEEN, EXACT]
    rungs = [order.index(row["theorem"]) for row in rows]
    assert rungs == sorted(rungs)
    assert set(rungs) == {0, 1, 2}
    assert rows[-1]["nodes"] == 3016


def test_components_of_fuel_and_sokoban_are_the_known_ones():
    fuel, boxes = (structure(state_graph(example(name))) for name in ("fuel-6", "sokoban-4"))
    assert fuel.largest == 3
    assert fuel.reachable == pytest.approx(0.235, abs=1e-3)
    assert (boxes.components, boxes.largest) == (9, 60)
    assert boxes.reachable == pytest.approx(0.388, abs=1e-3)


# --- Goals that are met in several states, in one, in none.
def test_a_pair_with_the_goal_is_solved_in_any_state_that_meets_it():
    space = state_space(example("gripper-3"))
    graph = space.goal_graph
    goal = graph.index(GOAL)
    into = [a for a, b in graph.edges if b == goal]
    assert into == list(space.goals)
    assert len(into) == 2
    assert [edge for edge in graph.edges if goal not in edge] == list(space.graph.edges)
    steps = graph.distances()[goal]
    assert int(steps[0]) == len(space.problem.solve()) + 1
    for ending in into:
        plan = [0, *path_to(space.graph, ending), goal]
        tokens = pr.tasks.Vocab(graph.n).prompt(torch.tensor([[0, goal]])).tolist()[0]
        row = torch.tensor([[*tokens, *plan[1:], graph.n]])
        assert pr.tasks.is_path(graph, row).all()
    assert goal not in space.graph.labels


def path_to(graph, ending):
    import networkx as nx

    return nx.shortest_path(graph.to_networkx(), 0, ending)[1:]


SWITCH = """(define (domain switch) (:predicates (on ?x) (broken ?x))
 (:action press :parameters (?x) :precondition (not (on ?x)) :effect (on ?x))
 (:action release :parameters (?x) :precondition (on ?x) :effect (not (on ?x)))
 (:action nothing :parameters () :effect ()))"""


def files(tmp_path, goal, switches=2, domain=SWITCH):
    (tmp_path / "d.pddl").write_text(domain)
    names = " ".join(f"s{k}" for k in range(switches))
    (tmp_path / "p.pddl").write_text(
        f"(define (problem p) (:domain switch) (:objects {names}) (:init) {goal})"
    )
    return str(tmp_path / "d.pddl"), str(tmp_path / "p.pddl")


@pytest.mark.parametrize(
    ("goal", "nodes", "said"),
    [
        ("(:goal (on s0))", 2, "2 states meet the goal; a plan may end in any of them"),
        ("(:goal (and (on s0) (on s1)))", 1, "one state meets the goal"),
        ("(:goal (and))", 4, "4 states meet the goal"),
        ("(:goal (broken s0))", 0, "unsolvable: no state that can be reached meets the goal"),
        ("(:goal (and (on s0) (not (on s0))))", 0, "unsolvable"),
    ],
)
def test_inspect_says_in_how_many_states_the_goal_is_met(goal, nodes, said, tmp_path, capsys):
    names = files(tmp_path, goal)
    assert main(["inspect", *names]) == 0
    out = capsys.readouterr().out
    assert said in out
    assert "4 nodes, 8 edges" in out
    assert main(["inspect", *names, "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert len(page["goals"]) == nodes
    assert page["structure"]["theorem"] == BLIND


def test_an_unsolvable_problem_has_a_graph_of_states_and_none_with_a_goal(tmp_path, capsys):
    names = files(tmp_path, "(:goal (broken s0))")
    space = state_space(read_problem(*names))
    assert (space.graph.n, space.goals) == (4, ())
    with pytest.raises(pr.errors.InputError, match=r"unsolvable.*4 states"):
        space.goal_graph  # noqa: B018
    assert main(["rows", *names, "--out", str(tmp_path / "out"), "--goal"]) == 2
    assert "unsolvable" in capsys.readouterr().err
    assert main(["plan", *names]) == 1


def test_a_problem_without_a_goal_is_refused_in_words(tmp_path, capsys):
    assert main(["inspect", *files(tmp_path, "")]) == 2
    assert "has no (:goal ...)" in capsys.readouterr().err


# --- Problems that explode.
def test_too_many_states_are_refused_with_the_count_so_far(tmp_path, capsys):
    names = files(tmp_path, "(:goal (on s0))", switches=40)
    assert main(["inspect", *names, "--most", "100"]) == 2
    said = capsys.readouterr().err
    found = int(said.split(" states: ")[1].split(" of them")[0].replace(",", ""))
    assert 100 < found <= 141
    assert "100 states" in said
    with pytest.raises(pr.errors.InputError, match=r"most=60000"):
        state_space(read_problem(*names), 60_000)


def test_as_many_states_as_allowed_are_taken(tmp_path):
    problem = read_problem(*files(tmp_path, "(:goal (on s0))", switches=5))
    assert state_space(problem, 32).graph.n == 32
    with pytest.raises(pr.errors.InputError, match="too many states"):
        state_space(problem, 31)


def test_too_many_choices_of_objects_are_refused(tmp_path, capsys):
    domain = SWITCH.replace(
        ":parameters (?x) :precondition (on ?x)",
        ":parameters (?x ?y ?z) :precondition (and (broken ?z) (on ?x))",
    )
    names = files(tmp_path, "(:goal (on s0))", switches=400, domain=domain)
    assert main(["inspect", *names]) == 2
    assert "too many to search one by one" in capsys.readouterr().err


def test_more_actions_and_atoms_than_memory_holds_are_refused_with_their_numbers(tmp_path, capsys):
    names = files(tmp_path, "(:goal (on s0))", switches=32_000)
    assert main(["inspect", *names]) == 2
    said = capsys.readouterr().err
    assert "64,001 actions and 32,000 atoms" in said
    assert "1,000,000,000" in said


# --- Labels, paths and plans.
def test_labels_differ_and_leave_out_what_the_others_tell():
    for name in EXAMPLES:
        labels = state_graph(example(name)).labels
        assert len(set(labels)) == len(labels)
        assert not set("".join(labels)) - set(string.ascii_letters + string.digits + "(),&-")
    assert state_graph(example("sokoban-4")).labels[0] == "at(box,b2)&player(a1)"
    assert labels_of([frozenset()]) == ["-"]


def test_a_plan_that_cannot_be_done_has_no_path():
    space = state_space(example("hanoi-4"))
    bad = Action("move", ("d2", "d3", "right"))
    with pytest.raises(pr.errors.InputError, match=r"step 1, \(move d2 d3 right\), needs"):
        space.path([bad])
    with pytest.raises(pr.errors.InputError, match="step 1 goes 0 -> 40"):
        space.plan([0, 40])


def test_an_action_without_effect_is_no_step(tmp_path):
    space = state_space(read_problem(*files(tmp_path, "(:goal (on s0))")))
    press, nothing = Action("press", ("s0",)), Action("nothing", ())
    path = space.path([nothing, press, nothing])
    assert len(path) == 2
    assert path[-1] in space.goals
    assert space.plan(path) == [press]


# --- The command line and datasets.
def test_examples_are_planned_inspected_and_made_into_rows(tmp_path, capsys):
    assert main(["plan", "hanoi-4"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 15
    out = str(tmp_path / "rows")
    assert main(["rows", "fuel-4", "--out", out, "--goal", "--paths-per-pair", "2"]) == 0
    capsys.readouterr()
    graph = str(tmp_path / "rows" / "graph.graphml")
    assert main(["inspect", graph, f"{out}/train.txt", f"{out}/test.txt"]) == 0
    assert "54 nodes, 139 edges" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["inspect", "peg-4", "more"], "needs no files: leave out more"),
        (["inspect", "d.pddl"], "give one problem file"),
        (["plan", "peg-9"], "peg-9 is no PDDL: give a domain file"),
        (["rows", "g.csv", "--out", "o", "--goal"], "--goal goes with a planning problem"),
        (["rows", "g.csv", "p.pddl", "--out", "o"], "p.pddl goes with a planning problem"),
        (["train", "--out", "o", "--problem", "peg-9"], "no example is called 'peg-9'"),
        (["train", "--out", "o", "--problem", "sliding-6"], "planrl rows sliding-6"),
    ],
)
def test_wrong_requests_are_refused_in_words(command, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    files(tmp_path, "(:goal (on s0))")
    (tmp_path / "g.csv").write_text("a,b\nb,c\n")
    assert main(command) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["peg-4", "fuel-4"])
def test_an_example_is_a_kind_of_graph(name):
    assert name in PROBLEMS
    dataset = DatasetSettings(problem=name, paths_per_pair=1).make()
    assert dataset.graph == state_graph(example(name))
    assert pr.tasks.is_path(dataset.graph, dataset.paths).all()
    assert DatasetSettings("planning", problem=name, goal=True).make().graph.labels[-1] == GOAL
