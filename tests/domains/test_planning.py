"""Plans found and judged: against a plain search on random problems, and for blocks by A*."""

import dataclasses
import itertools
import random
from pathlib import Path

import pytest

import planrl as pr
from planrl.__main__ import main
from planrl.domains import Action, Problem, recognise, search
from planrl.domains.operators import Conjunction
from planrl.domains.pddl import read_problem

BLOCKS = Path(__file__).parent / "pddl" / "upper-case.pddl"


# --- Random problems of a few objects, and what they mean, worked out without planrl.
def random_problem(rng):
    """Types, predicates with arities, actions, init and goal, as plain lists of literals."""
    kinds = rng.choice([[], ["t", "u"]])
    objects = {f"o{k}": rng.choice(kinds) if kinds else "" for k in range(rng.randint(1, 3))}
    arity = {f"p{k}": rng.randint(0, 2) for k in range(rng.randint(2, 4))}

    def literals(terms, most, equal=True):
        found = []
        for _ in range(rng.randint(0, most)):
            name = rng.choice([*arity, "="] if equal and terms and rng.random() < 0.5 else [*arity])
            count = 2 if name == "=" else arity[name]
            if terms or not count:
                found.append((rng.random() < 0.65, (name, *rng.choices(terms, k=count))))
        return found

    actions = {}
    for k in range(rng.randint(2, 5)):
        variables = {f"?x{k}": rng.choice(["", *kinds]) for k in range(rng.randint(0, 2))}
        terms = [*variables, *rng.sample(sorted(objects), rng.randint(0, 1))]
        actions[f"a{k}"] = (variables, literals(terms, 3), literals(terms, 3, equal=False))
    names = sorted(objects)
    state = init = {atom for right, atom in literals(names, 2, equal=False) if right}
    given = objects, kinds, arity, actions, init, literals(names, 4)
    if rng.random() < 0.4:
        return given
    for _ in range(12):  # what holds somewhere can be reached
        possible = [effects for _, needs, effects in plainly(given) if meets(state, needs)]
        state = after(state, rng.choice(possible)) if possible else state
    return *given[:5], [(True, atom) for atom in sorted(state)] + [
        (False, atom) for atom in sorted(init - state)
    ]


def meets(state, literals):
    return all(
        (atom[1] == atom[2] if atom[0] == "=" else atom in state) is right
        for right, atom in literals
    )


def plainly(given):
    """Every action with its objects: what it needs, what it adds and deletes."""
    objects, _, _, actions, _, _ = given
    for name, (variables, needs, effects) in actions.items():
        fitting = [[o for o in objects if kind in ("", objects[o])] for kind in variables.values()]
        for chosen in itertools.product(*fitting):
            put = dict(zip(variables, chosen, strict=True))
            bound = [
                [(right, (atom[0], *(put.get(t, t) for t in atom[1:]))) for right, atom in some]
                for some in (needs, effects)
            ]
            yield Action(name, chosen), *bound


def after(state, effects):
    return (state - {a for right, a in effects if not right}) | {a for right, a in effects if right}


def length_of_a_shortest_plan(given):
    actions, goal = list(plainly(given)), given[5]
    layer, seen, depth = {frozenset(given[4])}, set(), 0
    while layer:
        if any(meets(state, goal) for state in layer):
            return depth
        seen |= layer
        layer = {
            frozenset(after(state, effects))
            for state in layer
            for _, needs, effects in actions
            if meets(state, needs)
        } - seen
        depth += 1
    return None


def judged(given, plan):
    """Valid, or the number of the first step that can't be done (0: the goal is not met)."""
    meaning = {action: (needs, effects) for action, needs, effects in plainly(given)}
    state = set(given[4])
    for number, action in enumerate(plan, 1):
        needs, effects = meaning[action]
        if not meets(state, needs):
            return False, number
        state = after(state, effects)
    return meets(state, given[5]), 0


def written(given, rng):
    """The two files: sections shuffled, parts left out or empty, capitals and comments anywhere."""
    objects, kinds, arity, actions, init, goal = given

    def text(literals):
        def one(right, atom):
            said = f"({' '.join(atom)})"
            return said if right else f"(not {said})"

        parts = [one(*literal) for literal in literals]
        if len(parts) == 1 and rng.random() < 0.5:
            return parts[0]
        return f"(and {' '.join(parts)})" if parts or rng.random() < 0.5 else "()"

    def typed(names):
        if not any(names.values()) and rng.random() < 0.5:
            return " ".join(names)
        return " ".join(f"{name} - {kind or 'object'}" for name, kind in names.items())

    sections = [":requirements :strips", f":types {' '.join(kinds)}", ":functions"]
    sections = [f"({part})" for part in sections if kinds or rng.random() < 0.5]
    declared = " ".join(f"({p} {' '.join(f'?v{k}' for k in range(n))})" for p, n in arity.items())
    known = dict(rng.sample(sorted(objects.items()), rng.randint(0, len(objects))))
    sections += [f"(:predicates {declared})", f"(:constants {typed(known)})"]
    for name, (variables, needs, effects) in actions.items():
        parts = [
            ("parameters", f"({typed(variables)})", variables),
            ("precondition", text(needs), needs),
            ("effect", text(effects), effects),
        ]
        rng.shuffle(parts)
        kept = [f":{key} {said}" for key, said, some in parts if some or rng.random() < 0.5]
        sections.append(f"(:action {name} {' '.join(kept)})")
    rest = {name: kind for name, kind in objects.items() if name not in known}
    facts = [f"({' '.join(atom)})" for atom in init] + ["(= o0 o0)"] * rng.randint(0, 1)
    task = [f"(:objects {typed(rest)})", f"(:init {' '.join(facts)})", f"(:goal {text(goal)})"]
    task += ["(:domain d)", "(:metric minimize (total-time))"]
    for some in (sections, task):
        rng.shuffle(some)
    gaps = [" ", "\n", "\n\t; (not this)\n", "  "]
    found = []
    for kind, name, parts in (("domain", "d", sections), ("problem", "p", task)):
        words = f"(define ({kind} {name}) {' '.join(parts)} )".split(" ")
        said = "".join(word + rng.choice(gaps) for word in words)
        found.append("".join(rng.choice([c.upper(), c.lower()]) for c in said))
    return found


def test_random_problems_are_read_solved_and_judged_as_a_plain_search_does(tmp_path):
    rng = random.Random(16)
    lengths, verdicts = [], []
    for _ in range(150):
        given = random_problem(rng)
        for name, text in zip("dp", written(given, rng), strict=True):
            (tmp_path / name).write_text(text)
        problem = read_problem(tmp_path / "d", tmp_path / "p")
        plan, shortest = problem.solve(), length_of_a_shortest_plan(given)
        lengths.append(shortest)
        assert (plan if plan is None else len(plan)) == shortest, (tmp_path / "d").read_text()
        if plan is not None:
            assert judged(given, plan) == (True, 0)
        steps = [action for action, _, _ in plainly(given)]
        for tried in [plan or [], rng.choices(steps, k=rng.randint(0, 3)) if steps else []]:
            verdict = problem.validate(tried)
            assert (verdict.valid, verdict.step) == judged(given, tried)
            verdicts.append(verdict.valid)
    assert set(lengths) >= {None, 0, 1, 2, 3}  # what was tried says something
    assert 50 < sum(verdicts) < len(verdicts) - 50


# --- Blocks
def blocks_problem(start, goal):
    """A problem of stacks, from the bottom up; the goal is a text."""
    facts = ["(handempty)"]
    for stack in start:
        facts += [f"(ontable {stack[0]})", f"(clear {stack[-1]})"]
        facts += [f"(on {b} {a})" for a, b in itertools.pairwise(stack)]
    names = " ".join(block for stack in start for block in stack)
    return (
        f"(define (problem p) (:domain blocks) (:objects {names}) (:init {' '.join(facts)})"
        f"(:goal (and {goal})))"
    )


@pytest.fixture
def blocks(tmp_path):
    def read(start, goal):
        (tmp_path / "p.pddl").write_text(blocks_problem(start, goal))
        return read_problem(BLOCKS, tmp_path / "p.pddl")

    return read


def test_a_star_finds_plans_as_short_as_breadth_first_whatever_the_goal_leaves_open(blocks):
    problem = blocks(["a", "b", "c", "d"], "")
    states = recognise(problem).space.states
    seen = recognise(problem)
    rng = random.Random(3)
    lengths = set()
    for _ in range(150):
        wanted = sorted(seen.atoms(rng.choice(states)))
        goal = set(rng.sample(wanted, rng.randint(1, len(wanted))))
        if rng.random() < 0.1:  # mostly more than a state can meet
            goal.add(rng.choice(sorted(seen.atoms(rng.choice(states)))))
        absent = {rng.choice(sorted(seen.atoms(rng.choice(states))))} if rng.random() < 0.2 else ()
        asked = dataclasses.replace(
            problem,
            init=seen.atoms(rng.choice(states)),
            goal=Conjunction(frozenset(goal), frozenset(absent)),
        )
        guided, plain = recognise(asked).solve(), asked.solve()
        lengths.add(plain if plain is None else len(plain))
        assert (guided is None) == (plain is None)
        if guided is not None:
            assert len(guided) == len(plain)
            assert asked.validate(guided).valid
    assert {None, 0, 4, 8} <= lengths


def test_fifteen_blocks_are_planned_and_told_unsolvable(blocks):
    tower = "abcdefghijklmno"
    upside_down = blocks([tower], " ".join(f"(on {a} {b})" for a, b in itertools.pairwise(tower)))
    plan = recognise(upside_down).solve()
    assert len(plan) == 30  # each block is moved once
    assert upside_down.validate(plan).valid
    mixed = blocks(["afkbg", "lchmd", "inejo"], "(on a b) (on b c) (on c d) (on d e) (on o n)")
    assert mixed.validate(recognise(mixed).solve()).valid
    for never in (
        "(on a b) (on b a)",
        "(on a b) (on c b)",
        "(clear a) (on b a)",
        "(on a a)",
        "(holding a) (handempty)",
        "(ontable a) (on a b)",
        "(holding a) (clear a)",
    ):
        assert recognise(blocks([tower], never)).solve() is None


def test_a_search_that_gives_up_says_after_how_many_states_and_what_the_limits_are(
    blocks, monkeypatch
):
    problem = blocks(["abcdef"], "(on a b) (on b c) (on c d)")
    assert len(problem.solve()) == len(recognise(problem).solve())
    for solver, most in ((problem, 30), (recognise(problem), 10)):
        monkeypatch.setattr(search, "MOST_STATES", most)
        with pytest.raises(
            pr.InputError,
            match=rf"no plan of up to \d+ steps, and after \d+ states .*at {most} states",
        ):
            solver.solve()
    monkeypatch.setattr(search, "MOST_STATES", 10**6)
    monkeypatch.setattr(search, "MOST_TRIES", 500)
    with pytest.raises(pr.InputError, match=r"500 tests of actions"):
        problem.solve()


def test_a_watcher_is_told_of_states_and_steps(blocks):
    told = []
    never = blocks(["abcdefg"], "(on a b) (on b a)")
    assert never.solve(watch=lambda states, steps: told.append((states, steps))) is None
    assert told == sorted(told)
    assert len(told) > 10


def test_blocks_that_some_action_may_not_take_are_no_blocksworld(tmp_path):
    text = BLOCKS.read_text().lower().replace("(holding ?x))\n", "(holding ?x) (light ?x))\n", 1)
    (tmp_path / "d").write_text(
        text.replace("(and (clear ?x) (ontable ?x)", "(and (light ?x) (clear ?x) (ontable ?x)")
    )
    (tmp_path / "p").write_text(
        blocks_problem(["ab", "c"], "(on a c)").replace("(:init", "(:init (light c) (light b)")
    )
    problem = read_problem(tmp_path / "d", tmp_path / "p")
    with pytest.raises(
        pr.InputError, match=r"\(pick-up a\) is never possible, since it needs \(light a\)"
    ):
        recognise(problem)
    assert problem.solve() is None


def test_actions_that_no_one_can_do_are_no_burden(tmp_path):
    """Forty thousand choices of objects, of which a map leaves few."""
    (tmp_path / "d").write_text(
        "(define (domain far) (:predicates (at ?a) (road ?a ?b) (meets ?a ?b ?c))"
        "(:action go :parameters (?a ?b ?c) :precondition (and (road ?a ?b) (at ?a) (road ?b ?c))"
        " :effect (and (at ?c) (not (at ?a)))))"
    )
    places = [f"x{k}" for k in range(80)]
    roads = " ".join(f"(road {a} {b})" for a, b in itertools.pairwise(places))
    (tmp_path / "p").write_text(
        f"(define (problem p) (:domain far) (:objects {' '.join(places)})"
        f"(:init (at x0) {roads}) (:goal (at x78)))"
    )
    problem = read_problem(tmp_path / "d", tmp_path / "p")
    assert len(problem.solve()) == 39
    assert len(problem.actions) == 39  # those from a place of even number
    state = problem.init
    assert [str(action) for action, _ in problem.successors(state)] == ["(go x0 x1 x2)"]


# --- The command
@pytest.fixture
def asked(tmp_path, capsys):
    def run(goal, *options, domain=None, more=""):
        (tmp_path / "d.pddl").write_text(domain or BLOCKS.read_text())
        text = blocks_problem(["ab", "c"], goal)
        (tmp_path / "p.pddl").write_text(text[:-1] + more + ")")
        code = main(["plan", str(tmp_path / "d.pddl"), str(tmp_path / "p.pddl"), *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_goal_that_holds_already_is_told_and_what_is_printed_is_a_plan(asked, tmp_path):
    code, out, err = asked("(on b a)")
    assert (code, err) == (0, "")
    assert "the goal holds already: the empty plan" in out
    (tmp_path / "plan").write_text(out)
    assert asked("(on b a)", "--check", str(tmp_path / "plan"))[:2] == (0, "valid: 0 steps\n")
    code, out, _ = asked("(on a b)", "--check", str(tmp_path / "plan"))
    assert (code, out) == (1, "invalid: after its 0 steps the goal lacks (on a b)\n")
    assert '"plan": []' in asked("(on b a)", "--json")[1].replace('"plan":[]', '"plan": []')


def test_what_is_ignored_is_said_once_beside_the_plan(asked):
    code, out, err = asked("(on b c)", more="(:metric minimize (total-cost))")
    assert (code, out) == (0, "(unstack b a)\n(stack b c)\n")
    assert err.count("\n") == 1
    assert "every action costs the same" in err


def test_ctrl_c_ends_a_search_with_one_line_and_code_130(asked, monkeypatch):
    def interrupted(self, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Problem, "solve", interrupted)
    code, out, err = asked("(on b c)")
    assert (code, out, err) == (130, "", "planrl: stopped: no plan was found yet\n")


def test_what_is_beyond_strips_gets_no_verdict(asked, tmp_path):
    """A derived atom that was left out would make this plan valid."""
    (tmp_path / "plan").write_text("(stack c b)\n")
    domain = BLOCKS.read_text().rstrip()[:-1] + "(:derived (clear ?x) (holding ?x)))"
    for options in ((), ("--check", str(tmp_path / "plan"))):
        code, out, err = asked("(on c b)", *options, domain=domain)
        assert (code, out) == (2, "")
        assert "d.pddl uses :derived (line 12), which is beyond STRIPS" in err
