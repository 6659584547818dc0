"""PDDL files: read, understood as Blocksworld under any words, judged, solved, refused."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest
import torch

import planrl as pr
from planrl.domains import Action, parse_plan, read_plan, recognise, space, state
from planrl.domains.pddl import read_problem

FOLDER = Path(__file__).parent / "pddl"
WORDS = {
    "upper-case": ("blocks", "", {}),
    "typed": ("typed-blocks", " - block", {}),
    "mystery": (
        "mystery",
        "",
        {"on": "craves", "ontable": "planet", "clear": "province", "handempty": "harmony"},
    ),
}


def problem_text(kind, init, goal, objects="a b c d"):
    domain, typed, words = WORDS[kind]
    if kind == "mystery":
        init += "".join(f" (food {block})" for block in objects.split())
    text = (
        f"(define (problem p) (:domain {domain}) (:objects {objects}{typed})\n"
        f"(:init {init}) (:goal (and {goal})))"
    )
    for ours, theirs in words.items():
        text = re.sub(rf"\({ours}(?=[ )])", f"({theirs}", text)
    return text


def facts(*stacks):
    rows = ["(handempty)"]
    for stack in stacks:
        rows += [f"(ontable {stack[0]})", f"(clear {stack[-1]})"]
        rows += [f"(on {b} {a})" for a, b in itertools.pairwise(stack)]
    return " ".join(rows)


@pytest.fixture
def written(tmp_path):
    def write(kind, init, goal, **more):
        path = tmp_path / "problem.pddl"
        path.write_text(problem_text(kind, init, goal, **more))
        return read_problem(FOLDER / f"{kind}.pddl", path)

    return write


@pytest.mark.parametrize("kind", WORDS)
def test_a_plan_is_a_path_of_single_moves_and_back(kind, written):
    problem = written(kind, facts("ab", "c", "d"), "(on d a) (on b c)")
    blocks = recognise(problem)
    plan = problem.solve()
    assert len(blocks.moves.states) == 73
    nodes = blocks.path_of_moves(plan)
    assert len(nodes) == 1 + len(plan) // 2
    assert all(blocks.moves.graph.adjacency[a, b] for a, b in itertools.pairwise(nodes))
    assert blocks.plan_of_moves(nodes) == plan
    graph = blocks.moves.graph.to_networkx()
    across = nx.shortest_path(graph, 0, len(graph) - 1)
    for edge in itertools.pairwise(across):  # any move is two steps that are legal
        steps = blocks.plan_of_moves(list(edge))
        hand = blocks.space.path(blocks.moves.states[edge[0]], map(blocks.ours, steps))
        assert blocks.space.states[hand[-1]] == blocks.moves.states[edge[1]]


def test_a_block_put_back_is_no_move_and_one_in_the_hand_is_told(written):
    blocks = recognise(written("upper-case", facts("ab", "c", "d"), "(on c a)"))
    plan = parse_plan("(unstack b a)\n(stack b a)\n(pick-up c)\n(stack c b)")
    assert len(blocks.path_of_moves(plan)) == 2
    assert blocks.path_of_moves([]) == [blocks.moves.node(blocks.start)]
    with pytest.raises(pr.InputError, match="ends with b in the hand"):
        blocks.path_of_moves(plan[:1])


def test_a_mark_at_the_beginning_and_a_length_are_accepted(tmp_path, written):
    written("upper-case", facts("ab", "c", "d"), "(on c a)")
    text = (tmp_path / "problem.pddl").read_text()
    for length in ("(:length (:serial 5) (:parallel 5))", "(:length (:serial 5))", "(:LENGTH 5)"):
        path = tmp_path / "marked.pddl"
        path.write_text(text.replace("(:goal", f"{length} (:goal"), "utf-8-sig")
        assert read_problem(FOLDER / "upper-case.pddl", path).solve()
        path.write_text(text.rstrip().removesuffix(")") + f" {length})", "utf-8-sig")
        assert read_problem(FOLDER / "upper-case.pddl", path).solve()
    (tmp_path / "plan.txt").write_text("(pick-up c)\n", "utf-8-sig")
    assert read_plan(tmp_path / "plan.txt") == [Action("pick-up", ("c",))]


@pytest.mark.parametrize("kind", WORDS)
def test_a_problem_is_read_solved_and_judged_under_any_words(kind, written):
    problem = written(kind, facts("ab", "c", "d"), "(on d a) (on b c)")
    plan = problem.solve()
    assert len(plan) == 4
    assert problem.validate(plan).valid
    assert not problem.validate(plan[:-1]).valid


@pytest.mark.parametrize("kind", WORDS)
def test_it_is_recognised_as_blocksworld_and_shortest_plans_are_shortest_paths(kind, written):
    problem = written(kind, facts("ab", "cd"), "(on a d)")  # a partial goal
    blocks = recognise(problem)
    assert blocks.start == state("ab", "cd")
    assert all(
        ("d", "a") in itertools.pairwise(s)
        for g in blocks.goals
        for s in [next(x for x in g.stacks if "a" in x)]
    )
    plan = problem.solve()
    path = blocks.path(plan)
    assert blocks.plan(path) == plan
    lengths = nx.single_source_shortest_path_length(blocks.space.graph.to_networkx(), path[0])
    assert len(plan) == min(lengths[blocks.space.node(g)] for g in blocks.goals) == 4
    assert blocks.space.graph.n == 125


def test_mystery_words_and_swapped_parameters_are_understood(written):
    blocks = recognise(written("mystery", facts("a", "b"), "(on a b)", objects="a b"))
    assert blocks.operators == {
        "attack": "pick-up",
        "succumb": "put-down",
        "overcome": "stack",
        "feast": "unstack",
    }
    assert blocks.predicates["craves"] == "on"
    assert blocks.problem.solve() == [Action("attack", ("a",)), Action("overcome", ("b", "a"))]


def test_the_first_unmet_precondition_is_named_with_its_step(written):
    problem = written("upper-case", facts("ab", "c", "d"), "(on a b)")
    verdict = problem.validate(parse_plan("(pick-up c)\n(stack c a)\n(pick-up d)"))
    assert (verdict.valid, verdict.step, verdict.unmet) == (False, 2, ("(clear a)",))
    assert str(verdict) == "invalid: step 2, (stack c a), needs (clear a)"


def test_the_unmet_goal_is_named(written):
    problem = written("upper-case", facts("a", "b", "c", "d"), "(on a b) (on c d)")
    verdict = problem.validate(parse_plan("(pick-up a) ; up\n\n0.2: (STACK a b) [1]"))
    assert (verdict.step, verdict.unmet) == (0, ("(on c d)",))
    assert "after its 2 steps the goal lacks (on c d)" in str(verdict)


def test_an_unsolvable_problem_has_no_plan(written):
    assert written("upper-case", facts("a", "b", "c", "d"), "(on a b) (on b a)").solve() is None


def test_a_problem_that_is_solved_already_has_the_empty_plan(written):
    assert written("upper-case", facts("ab", "c", "d"), "(on b a)").solve() == []


def test_a_block_cannot_be_stacked_on_itself(written):
    problem = written("typed", facts("a", "b", "c", "d"), "(on a b)")
    verdict = problem.validate(parse_plan("(pick-up a)\n(stack a a)"))
    assert verdict.unmet == ("(clear a)", "(not (= a a))")


def test_another_domain_is_judged_and_solved_but_not_recognised(tmp_path):
    (tmp_path / "d.pddl").write_text(
        "(define (domain corridor) (:requirements :strips :typing) (:types room)"
        "(:predicates (at ?r - room) (next ?r ?s - room))"
        "(:action go :parameters (?r ?s - room) :precondition (and (at ?r) (next ?r ?s))"
        " :effect (and (at ?s) (not (at ?r)))))"
    )
    (tmp_path / "p.pddl").write_text(
        "(define (problem p) (:domain corridor) (:objects x y z - room)"
        "(:init (at x) (next x y) (next y z)) (:goal (at z)))"
    )
    problem = read_problem(tmp_path / "d.pddl", tmp_path / "p.pddl")
    assert list(map(str, problem.solve())) == ["(go x y)", "(go y z)"]
    with pytest.raises(pr.InputError, match="not the four-operator Blocksworld"):
        recognise(problem)


DOMAIN = (FOLDER / "upper-case.pddl").read_text()
PROBLEM = problem_text("upper-case", facts("ab", "c", "d"), "(on a b)")


@pytest.mark.parametrize(
    ("domain", "problem", "said"),
    [
        ("", PROBLEM, "no PDDL domain file"),
        (PROBLEM, PROBLEM, "no PDDL domain file"),
        (DOMAIN, "", "no PDDL problem file"),
        (DOMAIN, DOMAIN, "no PDDL problem file"),
        (DOMAIN[:-40], PROBLEM, "not PDDL that can be read"),
        (DOMAIN, PROBLEM[:-3], "not PDDL that can be read"),
        (
            DOMAIN,
            PROBLEM.replace(":domain blocks", ":domain other"),
            "a problem of the domain other",
        ),
        (DOMAIN, PROBLEM.replace("(on b a)", "(on b z)"), r"no object z"),
        (DOMAIN, PROBLEM.replace("(on b a)", "(over b a)"), "predicates are clear"),
        (DOMAIN, PROBLEM.replace("(on a b)", "(on a e)"), "the goal has .on a e."),
        (
            DOMAIN.replace("(holding ?x)\n", "(or (holding ?x) (clear ?x))\n"),
            PROBLEM,
            "put-down uses .or",
        ),
        (
            DOMAIN.replace("(?x ?y)", "(?x ?y - box)"),
            PROBLEM,
            "of the type box, which the domain does not have",
        ),
        ("(" * 3000, PROBLEM, "line 1: .* nested more than 100 deep"),
        (DOMAIN + "(" * 100_000, PROBLEM, "line 13: .* nested more than 100 deep"),
        (DOMAIN + ")" * 100_000, PROBLEM, "line 13: .* closed that was not opened"),
    ],
)
def test_bad_pddl_is_refused_with_the_file_and_the_reason(domain, problem, said, tmp_path):
    (tmp_path / "d.pddl").write_text(domain)
    (tmp_path / "p.pddl").write_text(problem)
    with pytest.raises(pr.InputError, match=said) as error:
        read_problem(tmp_path / "d.pddl", tmp_path / "p.pddl")
    assert ".pddl" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_may_use_what_it_does_not_say_it_requires(tmp_path):
    text = (FOLDER / "typed.pddl").read_text()
    for said in ("", "(:requirements :strips)"):
        path = tmp_path / "d.pddl"
        path.write_text(re.sub(r"\(:requirements[^)]*\)", said, text))
        (tmp_path / "p.pddl").write_text(
            problem_text("typed", facts("a", "b"), "(on a b)", objects="a b")
        )
        assert len(read_problem(path, tmp_path / "p.pddl").solve()) == 2


def test_constants_of_the_domain_and_negated_goals_are_read(tmp_path):
    text = (FOLDER / "typed.pddl").read_text()
    text = text.replace("(:predicates", "(:constants b - block) (:predicates")
    (tmp_path / "d.pddl").write_text(text)
    (tmp_path / "p.pddl").write_text(
        problem_text("typed", facts("ab"), "(not (on b a)) (ontable b)", objects="a")
    )
    problem = read_problem(tmp_path / "d.pddl", tmp_path / "p.pddl")
    assert list(map(str, problem.solve())) == ["(unstack b a)", "(put-down b)"]


@pytest.mark.parametrize("wrong", ["(on a b)", "(clear a)", "(holding c)"])
def test_atoms_that_describe_no_state_are_refused(wrong, written):
    problem = written("upper-case", facts("ab", "c", "d") + wrong, "(on a b)")
    with pytest.raises(pr.InputError, match="describe no state"):
        recognise(problem)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pick-up a", "line 1: 'pick-up a' is no action"),
        ("(pick-up a)\n(stack a b) (pick-up c)", "line 2"),
        ("()", "line 1"),
    ],
)
def test_bad_plans_are_refused_with_the_line(text, said):
    with pytest.raises(pr.InputError, match=re.escape(said)):
        parse_plan(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(fly a)", "no action of the domain blocks"),
        ("(stack a)", "1 arguments, but stack takes 2"),
        ("(pick-up z)", "'z', which is no object"),
    ],
)
def test_actions_that_do_not_exist_are_refused(text, said, written):
    with pytest.raises(pr.InputError, match=said):
        written("upper-case", facts("ab", "c", "d"), "(on a b)").validate(parse_plan(text))


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "p").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(pr.InputError, match="UTF-8"):
        read_plan(tmp_path / "p")
    with pytest.raises(pr.InputError, match="cannot read"):
        read_plan(tmp_path / "none")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_an_independent_planner_finds_plans_of_the_same_length(seed, written, tmp_path):
    pytest.importorskip("pyperplan")
    worlds = space(list("abcd"))
    rng = pr.seeded(seed, "planner")
    start, goal = (worlds.states[v] for v in torch.randint(73, (2,), generator=rng).tolist())
    wanted = "".join(re.findall(r"\(on \w \w\)", facts(*goal.stacks))) or "(clear a)"
    problem = written("upper-case", facts(*start.stacks), wanted)
    domain, task = tmp_path / "domain.pddl", tmp_path / "problem.pddl"
    domain.write_text(DOMAIN.lower())
    subprocess.run(
        [sys.executable, "-m", "pyperplan", "-s", "bfs", str(domain), str(task)],
        check=True,
        capture_output=True,
    )
    solution = tmp_path / "problem.pddl.soln"
    theirs = read_plan(solution) if solution.exists() else []
    assert problem.validate(theirs).valid
    assert len(theirs) == len(problem.solve())
