"""PDDL files as people and planners write them: what is read, what is refused and by which name."""

import random
import re

import pytest

import planrl as pr
from planrl.domains import parse_plan
from planrl.domains.pddl import read_problem

# A robot goes through rooms and lights lamps.
DOMAIN = """(define (domain night)
 (:requirements :strips)
 (:predicates (in ?r) (door ?r ?s) (lit ?r))
 (:action go :parameters (?r ?s)
  :precondition (and (in ?r) (door ?r ?s))
  :effect (and (in ?s) (not (in ?r))))
 (:action light :parameters (?r) :precondition (in ?r) :effect (lit ?r)))
"""
PROBLEM = """(define (problem walk) (:domain night)
 (:objects hall attic)
 (:init (in hall) (door hall attic))
 (:goal (and (lit attic))))
"""
PLAN = ["(go hall attic)", "(light attic)"]


@pytest.fixture
def read(tmp_path):
    def write(domain=DOMAIN, problem=PROBLEM):
        (tmp_path / "d.pddl").write_text(domain, encoding="utf-8")
        (tmp_path / "p.pddl").write_text(problem, encoding="utf-8")
        return read_problem(tmp_path / "d.pddl", tmp_path / "p.pddl")

    return write


def domain(old="", new="", *, more=""):
    """The domain with a text replaced, and with further sections before its end."""
    assert old in DOMAIN
    return DOMAIN.replace(old, new).rstrip().removesuffix(")") + more + ")"


def problem(old="", new="", *, more=""):
    assert old in PROBLEM
    return PROBLEM.replace(old, new).rstrip().removesuffix(")") + more + ")"


def turned(text):
    """The sections of a file in the opposite order, one a line."""
    name, *sections = re.findall(
        r"\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)", text[7:]
    )
    return f"(define {name}\n" + "\n".join(reversed(sections)) + ")"


LIGHT = ":precondition (in ?r) :effect (lit ?r)"
READ = {
    "all sections in the opposite order": (turned(DOMAIN), turned(PROBLEM)),
    "no functions": (domain(more="(:functions)"), PROBLEM),
    "functions that nothing reads": (
        domain(more="(:functions (width ?r) - number (glow ?r ?s))"),
        problem("(in hall)", "(= (width hall) 2.5) (in hall) (= (glow hall attic) -1)"),
    ),
    "empty sections": (
        domain(more="(:types) (:constants)"),
        problem("(in hall)", "(and) () (in hall)"),
    ),
    "requirements last, and in the problem": (
        domain(" (:requirements :strips)", "", more="(:requirements :adl :fluents)"),
        problem(more="(:requirements :strips)"),
    ),
    "the type object without types": (
        domain("(?r ?s)", "(?r ?s - object)"),
        problem("s hall attic", "s hall - object attic"),
    ),
    "types, glued to their mark": (
        domain("(?r ?s)", "(?r ?s -room)", more="(:types room - place)"),
        problem("s hall attic", "s hall -room attic - room"),
    ),
    "a hierarchy, and one of several types": (
        domain(
            "(?r ?s)",
            "(?r - (either cave room) ?s - place)",
            more="(:types room cave - place place thing)",
        ),
        problem("s hall attic", "s hall - room attic - cave"),
    ),
    "a type that an action narrows": (
        domain("(lit ?r))\n", "(lit ?r - room))\n", more="(:types room)"),
        problem("s hall attic", "s hall attic - room"),
    ),
    "constants after all else": (
        domain(more="(:constants attic)"),
        problem("s hall attic", "s hall"),
    ),
    "constants that are listed again": (domain(more="(:constants attic)"), PROBLEM),
    "no objects but constants": (
        domain(more="(:constants hall attic)"),
        problem("(:objects hall attic)", ""),
    ),
    "preconditions and effects that are empty or missing": (
        domain(
            more="""(:action rest) (:action wait :parameters () :precondition () :effect ())
         (:action yawn :precondition (and) :effect (and)) (:action nap :effect (and (not (lit hall))))
         (:constants hall)"""
        ),
        PROBLEM,
    ),
    "conjunctions of one, nested": (
        domain(LIGHT, ":effect (and (and (lit ?r))) :precondition (and (and (in ?r)) (and))"),
        problem("(and (lit attic))", "(lit attic)"),
    ),
    "equalities": (
        domain("(and (in ?r) ", "(and (not (= ?r ?s)) (= ?r ?r) (in ?r) "),
        problem("(and (lit", "(and (= attic attic) (not (= hall attic)) (lit"),
    ),
    "what is not so, and what is itself": (
        DOMAIN,
        problem("(in hall)", "(not (lit hall)) (= hall hall) (not (= hall attic)) (in hall)"),
    ),
    "no negation twice over": (domain("(and (in ?r) ", "(and (not (not (in ?r))) "), PROBLEM),
    "comments everywhere": (
        DOMAIN.replace("\n", " ; (:derived (no section)\n"),
        PROBLEM.replace(" ", " ;)\n\t"),
    ),
    "capitals": (DOMAIN.upper(), PROBLEM.title()),
    "names that are numbers": (
        DOMAIN.replace("night", "2"),
        PROBLEM.replace("night", "2").replace("walk", "0"),
    ),
    "what length a plan should have": (DOMAIN, problem(more="(:length (:serial 2) (:parallel 2))")),
    "a metric before the goal": (
        DOMAIN,
        problem("(:goal", "(:metric minimize (total-time)) (:goal"),
    ),
    "words of other logics as names": (
        DOMAIN.replace("lit", "within"),
        PROBLEM.replace("lit", "within"),
    ),
}


@pytest.mark.parametrize("case", READ)
def test_what_pddl_allows_is_read_in_any_order_and_spelling(case, read):
    assert list(map(str, read(*READ[case]).solve())) == PLAN


def test_objects_may_be_numbers_and_a_missing_init_means_that_nothing_holds(read):
    named = PROBLEM.replace("hall", "1").replace("attic", "2.0")
    assert list(map(str, read(DOMAIN, named).solve())) == ["(go 1 2.0)", "(light 2.0)"]
    without = PROBLEM.replace(" (:init (in hall) (door hall attic))\n", "")
    assert read(DOMAIN, without).solve() is None


def effect(text):
    return domain(":effect (lit ?r)", f":effect (and (lit ?r) {text})")


def needs(text):
    return domain(LIGHT, f":precondition (and (in ?r) {text}) :effect (lit ?r)")


BEYOND = {
    ":derived": (domain(more="\n(:derived (lit ?r) (in ?r))"), PROBLEM),
    ":axiom": (domain(more="(:axiom :vars (?r) :context (in ?r) :implies (lit ?r))"), PROBLEM),
    ":constraints": (domain(more="(:constraints (always (in hall)))"), PROBLEM),
    ":durative-action": (domain(more="(:durative-action sit :duration (= ?duration 3))"), PROBLEM),
    ":process": (domain(more="(:process burn :parameters (?r))"), PROBLEM),
    ":event": (domain(more="(:event dark :parameters (?r))"), PROBLEM),
    ":task": (domain(more="(:task clean :parameters (?r))"), PROBLEM),
    ":observe": (domain(LIGHT, f"{LIGHT} :observe (lit ?r)"), PROBLEM),
    ":duration": (domain(LIGHT, f":duration (= ?duration 1) {LIGHT}"), PROBLEM),
    ":condition": (domain(LIGHT, ":condition (in ?r) :effect (lit ?r)"), PROBLEM),
    ":cost": (domain(LIGHT, f"{LIGHT} :cost 3"), PROBLEM),
    ":open-world": (domain(":strips", ":strips :open-world"), PROBLEM),
    ":private": (domain("(in ?r)", "(:private ?a (in ?r))"), PROBLEM),
    "(or": (needs("(or (lit ?r) (in ?r))"), PROBLEM),
    "(imply": (needs("(imply (lit ?r) (in ?r))"), PROBLEM),
    "(forall": (needs("(forall (?x) (door ?r ?x))"), PROBLEM),
    "(exists": (needs("(exists (?x) (door ?r ?x))"), PROBLEM),
    "(not (and": (needs("(not (and (lit ?r) (in ?r)))"), PROBLEM),
    "(>=": (needs("(>= (width ?r) 3)"), PROBLEM),
    "(= (width": (needs("(= (width ?r) 3)"), PROBLEM),
    "(unknown": (needs("(unknown (in ?r))"), PROBLEM),
    "(in (at": (needs("(in (at ?r))"), PROBLEM),
    "(when": (effect("(when (in ?r) (lit ?r))"), PROBLEM),
    "(forall (?x) (lit": (effect("(forall (?x) (lit ?x))"), PROBLEM),
    "(probabilistic": (effect("(probabilistic 0.5 (lit ?r))"), PROBLEM),
    "(oneof": (effect("(oneof (lit ?r) (in ?r))"), PROBLEM),
    "(assign": (effect("(assign (width ?r) 3)"), PROBLEM),
    "(decrease": (effect("(decrease (total-cost) 3)"), PROBLEM),
    "(increase (total-cost) (width": (effect("(increase (total-cost) (width ?r))"), PROBLEM),
    "(increase (total-cost) -1": (effect("(increase (total-cost) -1)"), PROBLEM),
    "(increase (width": (effect("(increase (width ?r) 1)"), PROBLEM),
    "(= ?r": (effect("(= ?r ?r)"), PROBLEM),
    "(at 5": (DOMAIN, problem("(in hall)", "(in hall) (at 5 (lit hall))")),
    "(oneof (in": (DOMAIN, problem("(in hall)", "(oneof (in hall) (in attic))")),
    "(= (height": (DOMAIN, problem("(in hall)", "(in hall) (= (height hall) 3)")),
    "(preference": (DOMAIN, problem("(lit attic)", "(lit attic) (preference p (lit hall))")),
    "(or (lit": (DOMAIN, problem("(lit attic)", "(or (lit attic) (lit hall))")),
    "(forall (?x) (lit ?x": (DOMAIN, problem("(and (lit attic))", "(forall (?x) (lit ?x))")),
    "(sometime": (DOMAIN, problem("(lit attic)", "(sometime (lit attic))")),
    ":constraint": (DOMAIN, problem(more="(:constraint (lit hall))")),
    ":htn": (DOMAIN, problem(more="(:htn :tasks (and))")),
    ":goal-reward": (DOMAIN, problem(more="(:goal-reward 100)")),
    "either": (domain(more="(:types a b c - (either a b))"), PROBLEM),
}


@pytest.mark.parametrize("said", BEYOND)
def test_what_is_beyond_strips_is_refused_by_its_name_and_line(said, read):
    with pytest.raises(
        pr.InputError, match=r"uses .*\(line \d+\), which is beyond STRIPS"
    ) as error:
        read(*BEYOND[said])
    assert said in str(error.value)


def test_no_section_and_no_part_of_an_action_is_left_out_in_silence(read):
    rng = random.Random(0)
    for _ in range(25):
        word = ":" + "".join(rng.choices("abcdefgh-", k=5))
        for texts in (
            (domain(more=f"({word} (lit ?r))"), PROBLEM),
            (domain(LIGHT, f"{word} (lit ?r) {LIGHT}"), PROBLEM),
            (domain(":strips", word), PROBLEM),
            (DOMAIN, problem(more=f"({word})")),
        ):
            with pytest.raises(pr.InputError, match=f"uses .*{word}.* beyond STRIPS"):
                read(*texts)


WRONG = [
    (
        domain(more="(:predicates (out ?r))"),
        PROBLEM,
        r"line 7: there are two sections :predicates.*line 3",
    ),
    (DOMAIN, problem(more="(:goal (lit hall))"), "two sections :goal"),
    (domain("(:action light", "(:action go"), PROBLEM, "line 7: there are two actions called go"),
    (domain("(lit ?r))\n", "(lit ?r) (lit ?x))\n"), PROBLEM, "lit is declared twice"),
    (domain("(lit ?r))\n", "(lit ?r) (or ?x))\n"), PROBLEM, "or is a word of PDDL"),
    (domain("(lit ?r))\n", "(lit ?r) dark)\n"), PROBLEM, r"write \(dark\) among the predicates"),
    (domain("(lit ?r))\n", "(lit r))\n"), PROBLEM, r"r was given, but a name such as \?x"),
    (
        domain("(lit ?r))\n", "(lit ?r - lamp))\n"),
        PROBLEM,
        "of the type lamp, which the domain does not have",
    ),
    (domain(more="(:types a - b b - a)"), PROBLEM, "is a subtype of itself"),
    (domain(more="(:types - a)"), PROBLEM, "write names, - and their type"),
    (
        domain(
            "(?r ?s)",
            "(?r ?r)",
        ),
        PROBLEM,
        "two parameters of the same name",
    ),
    (domain(":parameters (?r) ", ":parameters ?r "), PROBLEM, r"write \(\?x \?y\)"),
    (domain(LIGHT, f"{LIGHT} (in ?r)"), PROBLEM, "another part such as :effect"),
    (domain(LIGHT, f"{LIGHT} :effect (in ?r)"), PROBLEM, "another part such as :effect"),
    (domain(":precondition (in ?r)", ":precondition ((in ?r) (lit ?r))"), PROBLEM, "no formula"),
    (
        domain(":precondition (in ?r)", ":precondition in"),
        PROBLEM,
        "light has in, which is no formula",
    ),
    (needs("(not (in ?r) (lit ?r))"), PROBLEM, "not takes one formula"),
    (needs("(= ?r ?z)"), PROBLEM, r"no parameter \?z"),
    (needs("(door ?r)"), PROBLEM, "declared with 2 arguments"),
    (needs("(inside ?r)"), PROBLEM, "predicates are door, in, lit"),
    (DOMAIN, problem("(lit attic)", "(not (= attic cellar))"), "no object cellar"),
    (DOMAIN, problem("(lit attic)", "(lit ?r)"), r"no parameter \?r"),
    (DOMAIN, problem("(lit attic))", "(lit attic)) (lit hall)"), "the goal is one formula"),
    (DOMAIN, problem("(:goal (and (lit attic)))", ""), r"no \(:goal"),
    (DOMAIN, problem("(:domain night)", ""), r"needs \(:domain name\)"),
    (DOMAIN, problem("(in hall)", "(in hall) (not (in hall))"), r"init says \(not \(in hall\)\)"),
    (DOMAIN, problem("(in hall)", "(in hall) (= hall attic)"), r"init says \(= hall attic\)"),
    (DOMAIN, problem("s hall attic", "s hall attic hall"), "hall is declared twice"),
    (DOMAIN, problem("s hall attic", "s hall, attic"), "hall, was given, but a name is expected"),
    (DOMAIN, problem("(:init ", "(in hall) (:init "), r"\(in hall\) is no section"),
    (DOMAIN, PROBLEM + PROBLEM, "line 5: .* comes after the end of the problem"),
    (
        domain(
            "(door ?r ?s) (lit ?r))", "(door ?r ?s) (lit ?r - lamp))", more="(:types lamp room)"
        ),
        problem("s hall attic", "s hall attic - room"),
        "attic is not of type lamp",
    ),
    (
        domain(
            "(?r) :precondition", "(?r - room) :precondition", more="(:types lamp room)"
        ).replace("(lit ?r))\n", "(lit ?r - lamp))\n"),
        PROBLEM,
        r"light has \(lit \?r\), but \?r is not of type lamp",
    ),
]


@pytest.mark.parametrize(("given", "task", "said"), WRONG)
def test_what_is_no_pddl_is_refused_with_its_line_and_what_to_write(given, task, said, read):
    with pytest.raises(pr.InputError, match=said) as error:
        read(given, task)
    assert re.search(r"[dp]\.pddl, line \d+", str(error.value))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "(door ?r ?s))\n",
            "(door ?r ?s)\n",
            "line 4: .* a bracket of :action is not closed before :action begins in line 7",
        ),
        (" (lit ?r))\n", " (lit ?r)\n", "line 3: .* a bracket of :predicates is not closed"),
        ("(lit ?r)))\n", "(lit ?r))\n", "line 1: .* never closed"),
        ("(lit ?r)))\n", "(lit ?r))))\n", "line 7: .* closed that was not opened"),
        ("(define", "x (define", "line 1: .* x is outside all brackets"),
    ],
)
def test_a_bracket_that_is_missing_or_too_many_is_told_with_its_line(old, new, said, read):
    assert DOMAIN.count(old) >= 1
    with pytest.raises(pr.InputError, match=said):
        read(DOMAIN.replace(old, new))


COST = DOMAIN.replace("(not (in ?r)))", "(not (in ?r)) (increase (total-cost) 2))").replace(
    ":effect (lit ?r)", ":effect (and (lit ?r) (increase (total-cost) 2.0))"
)
METRIC = problem(
    "(in hall)", "(in hall) (= (total-cost) 0)", more="(:metric minimize (total-cost))"
)


def test_costs_that_are_the_same_for_all_actions_are_ignored_and_that_is_said(read):
    for functions in ("", "(:functions (total-cost) - number)"):
        priced = read(COST.rstrip()[:-1] + functions + ")", METRIC)
        assert list(map(str, priced.solve())) == PLAN
        assert len(priced.ignored) == 1
        assert "every action costs the same" in priced.ignored[0]
    assert read().ignored == ()
    assert "total-cost" in read(COST).ignored[0]
    free = read(COST.replace("(increase (total-cost) 2.0)", ""), METRIC)
    assert "light cost nothing" in free.ignored[0]
    assert "not the least (total-cost)" in free.ignored[0]


@pytest.mark.parametrize(
    ("given", "task", "said"),
    [
        (COST.replace("2.0", "3"), METRIC, "action costs that differ .2 and 3."),
        (DOMAIN, METRIC.replace("minimize", "maximize"), "the metric maximize .total-cost."),
        (
            DOMAIN,
            METRIC.replace("(total-cost)))", "(+ (total-time) 1)))"),
            r"the metric minimize \(\+ \(total-time\) 1\)",
        ),
    ],
)
def test_another_metric_than_the_number_of_steps_is_refused_but_plans_are_judged(
    given, task, said, read
):
    asked = read(given, task)
    with pytest.raises(pr.InputError, match=f"{said}, which is beyond STRIPS"):
        asked.solve()
    assert asked.validate(parse_plan("\n".join(PLAN))).valid


def test_what_an_effect_both_adds_and_deletes_holds_afterwards(read):
    both = read(domain("(lit ?r)))", "(and (not (lit ?r)) (lit ?r))))"))
    assert list(map(str, both.solve())) == PLAN
    assert both.validate(both.solve()).valid


def test_equalities_decide_which_actions_are_possible(read):
    same = read(needs("(= ?r hall)").rstrip()[:-1] + "(:constants hall))")
    assert same.solve() is None
    verdict = same.validate(parse_plan("\n".join(PLAN)))
    assert verdict.unmet == ("(= attic hall)",)
    assert read(problem=problem("(lit attic)", "(= hall attic)")).solve() is None


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", 0),
        ("; nothing\n\n", 0),
        ("0.00100: (GO hall attic) [1.000]\n0.002: (light attic) [D:1.0; C:2.0]\n", 2),
        ("(go hall attic) ; first\r\n( light  attic )", 2),
        ("0: (go hall attic) [1]\n1: (light attic)", 2),
    ],
)
def test_plans_are_read_with_times_durations_comments_and_capitals(text, steps):
    assert [str(step) for step in parse_plan(text)] == PLAN[:steps]


def test_a_plan_whose_times_are_out_of_order_is_refused():
    with pytest.raises(pr.InputError, match="line 2: its time 1 is before"):
        parse_plan("2: (light attic)\n1: (go hall attic)")
