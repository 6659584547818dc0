"""PDDL files to problems: STRIPS with types, constants, negated conditions and equalities.

What is not understood is refused by its name and never left out: a section, a part of an action,
a requirement or a formula is read only if it is listed here or in `formulas`. Sections stand in
any order, and what is empty or missing means nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planrl.domains.operators import Operator
from planrl.domains.pddl_formulas import RESERVED, Reader, Types, Vocabulary
from planrl.domains.pddl_syntax import Form, Source, cut, read_forms, words
from planrl.domains.strips import Problem
from planrl.errors import InputError
from planrl.io.files import read_text

MOST_BYTES = 1_000_000  # of a domain or a problem
MOST_TYPES = 1_000
PARTS = {
    "domain": words(":requirements :types :constants :predicates :functions"),
    # :length, the wanted length of a plan, has no effect on the problem.
    "problem": words(":domain :requirements :objects :init :goal :metric :length"),
}
# A domain may require one of these; an error follows only where it uses what planrl lacks.
REQUIREMENTS = words(
    ":strips :typing :equality :negative-preconditions :disjunctive-preconditions "
    ":existential-preconditions :universal-preconditions :quantified-preconditions "
    ":conditional-effects :adl :fluents :numeric-fluents :object-fluents :action-costs "
    ":derived-predicates :domain-axioms :constraints :preferences :timed-initial-literals "
    ":durative-actions :duration-inequalities :continuous-effects :time "
    ":probabilistic-effects :rewards :mdp :non-deterministic :goal-utilities :ucpop "
    ":safety-constraints :expression-evaluation :action-expansions :foreach-expansions "
    ":dag-expansions :subgoal-through-axioms"
)


def read_problem(domain: str | Path, problem: str | Path) -> Problem:
    """The problem that a PDDL domain file and a problem file describe.

    STRIPS, types, constants, negated conditions and equalities are read. Action costs are left
    out where they are the same for every action, which `ignored` then says. Raises InputError,
    naming the file, the line and what is wrong in it or beyond STRIPS.
    """
    rules, task = _File.read(Path(domain), "domain"), _File.read(Path(problem), "problem")
    of = task.part(":domain")
    if len(of) != 2:
        raise task.source.wrong(of.line, "a problem needs (:domain name)")
    if of[1] != rules.name:
        raise InputError(
            f"{problem} is a problem of the domain {cut(of[1])}, but {domain} describes "
            f"{cut(rules.name)}"
        )
    types = _types(rules)
    objects = _objects(rules, task, types)
    known = Vocabulary(types, objects, _predicates(rules, types), _functions(rules))
    operators, costs = _operators(rules, known)
    reader = Reader(task.source, known)
    start = task.part(":init")
    init, valued = reader.facts(start[1:], start.line)
    goal = task.part(":goal")
    if ":goal" not in task.parts:
        raise task.source.wrong(
            goal.line, "the problem has no (:goal ...): write (:goal (and)) if any state will do"
        )
    if len(goal) > 2:
        raise task.source.wrong(goal.line, "the goal is one formula: write (:goal (and ...))")
    metric, ignored = _metric(task.part(":metric"), costs, valued)
    return Problem(
        domain=rules.name,
        name=task.name,
        objects=objects,
        operators=operators,
        init=init,
        goal=reader.condition(goal[1:], goal.line, "the goal", {}),
        metric=metric,
        ignored=ignored,
    )


@dataclass(frozen=True)
class _File:
    """A file's sections by their keyword, and its actions."""

    source: Source
    name: str
    line: int
    parts: Mapping[str, Form]
    actions: Mapping[str, Form]

    def part(self, keyword: str) -> Form:
        """A section, or an empty one."""
        return self.parts.get(keyword) or Form(self.line)

    @staticmethod
    def read(path: Path, kind: str) -> _File:
        """The sections of a domain or a problem. Raises InputError for one that is not known."""
        source = Source(path)
        found = read_forms(read_text(path, most=MOST_BYTES), source)
        define = found[0] if found else Form(1)
        header = define[1] if len(define) > 1 else ""
        if define.head != "define" or not isinstance(header, Form) or header.head != kind:
            raise InputError(f"{path} is no PDDL {kind} file: it has no ({kind} ...)")
        if len(found) > 1:
            raise source.wrong(
                found[1].line,
                f"{cut(found[1])} comes after the end of the "
                f"{kind}: a file holds one {kind} and nothing else",
            )
        if len(header) != 2:
            raise source.wrong(header.line, f"the {kind} needs one name: write ({kind} name)")
        parts, actions = _sections(source, kind, define)
        for need in map(str, parts.get(":requirements", Form(1))[1:]):
            if need not in REQUIREMENTS:
                raise source.beyond(f":requirements {need}", parts[":requirements"].line)
        return _File(source, str(header[1]), define.line, parts, actions)


def _sections(source: Source, kind: str, define: Form) -> tuple[dict[str, Form], dict[str, Form]]:
    """The sections of a file by their keyword, and its actions by their name."""
    parts: dict[str, Form] = {}
    actions: dict[str, Form] = {}
    for part in define[2:]:
        if isinstance(part, str) or not part.head.startswith(":"):
            line = define.line if isinstance(part, str) else part.line
            raise source.wrong(line, f"{cut(part)} is no section such as (:init ...)")
        if part.head == ":action" and kind == "domain":
            name = source.name(part[1] if len(part) > 1 else "", part.line, "an action's name")
            if name in actions:
                raise source.wrong(
                    part.line, f"there are two actions called {cut(name)}: rename one"
                )
            actions[name] = part
        elif part.head not in PARTS[kind]:
            raise source.beyond(part.head, part.line)
        elif part.head in parts:
            raise source.wrong(
                part.line,
                f"there are two sections {part.head}, the first of "
                f"them in line {parts[part.head].line}: join them",
            )
        else:
            parts[part.head] = part
    return parts, actions


def _types(rules: _File) -> dict[str, Types]:
    """Each type with all types above it."""
    part = rules.part(":types")
    parents: dict[str, set[str]] = defaultdict(set)
    for name, above in rules.source.typed(part[1:], part.line):
        if len(above) > 1:
            raise rules.source.beyond(f"{cut(name)} - (either ...)", part.line, "a type")
        parents[name] |= above - {"object"}
        for other in above:
            parents[other] |= set()
    if len(parents) > MOST_TYPES:
        raise rules.source.wrong(part.line, f"there are more than {MOST_TYPES:,} types")
    found = {"object": frozenset({"object"})}
    for name in parents:
        over, waiting = set[str](), [*parents[name]]
        while waiting:
            if (other := waiting.pop()) not in over:
                over.add(other)
                waiting += parents[other]
        if name in over or (name == "object" and over):
            raise rules.source.wrong(part.line, f"the type {cut(name)} is a subtype of itself")
        found[name] = frozenset({*over, name, "object"})
    return found


def _objects(rules: _File, task: _File, types: Mapping[str, Types]) -> dict[str, Types]:
    """Constants and objects with all their types."""
    found: dict[str, Types] = {}
    for file, keyword in ((rules, ":constants"), (task, ":objects")):
        part = file.part(keyword)
        listed: dict[str, Types] = {}
        for name, tags in file.source.typed(part[1:], part.line, types):
            kinds = frozenset({"object"}).union(*(types[tag] for tag in tags))
            if name in listed or found.get(name, kinds) != kinds:
                raise file.source.wrong(part.line, f"{cut(name)} is declared twice")
            listed[name] = kinds
        found |= listed
    return dict(sorted(found.items()))


def _predicates(rules: _File, types: Mapping[str, Types]) -> dict[str, tuple[Types, ...]]:
    """Predicates with the types of their arguments."""
    part = rules.part(":predicates")
    found: dict[str, tuple[Types, ...]] = {}
    for form in part[1:]:
        if isinstance(form, str):
            raise rules.source.wrong(part.line, f"write ({cut(form)}) among the predicates")
        if form.head.startswith(":"):
            raise rules.source.beyond(form, form.line, "the list of predicates")
        name = rules.source.name(form.head, form.line, "a predicate such as (clear ?x)")
        if name in found or name in RESERVED:
            said = "is declared twice" if name in found else "is a word of PDDL"
            raise rules.source.wrong(form.line, f"the predicate {cut(name)} {said}: rename it")
        parameters = rules.source.typed(form[1:], form.line, types, mark="?")
        found[name] = tuple(_any(tags) for _, tags in parameters)
    return found


def _any(types: Types) -> Types:
    """No types instead of the type that everything has."""
    return frozenset() if "object" in types else types


def _functions(rules: _File) -> frozenset[str]:
    """The names of functions, whose values no condition may ask for."""
    part = rules.part(":functions")
    rest = iter(part[1:])
    found = {"total-cost", "total-time"}
    for form in rest:
        if form == "-":
            next(rest, None)  # number, or another type
        elif isinstance(form, Form) and form.head:
            found.add(rules.source.name(form.head, form.line))
        else:
            raise rules.source.wrong(part.line, f"{cut(form)} is no function such as (total-cost)")
    return frozenset(found)


def _operators(rules: _File, known: Vocabulary) -> tuple[dict[str, Operator], dict[str, float]]:
    """The actions in alphabetical order, and what each adds to (total-cost)."""
    source, reader = rules.source, Reader(rules.source, known)
    found, costs = {}, {}
    for name, form in sorted(rules.actions.items()):
        what = f"the action {cut(name)}"
        parts = _parts(source, form, what)
        listed = parts[":parameters"][0] if parts[":parameters"] else Form(form.line)
        if isinstance(listed, str):
            raise source.wrong(form.line, f"{what} has the parameters {cut(listed)}: write (?x ?y)")
        parameters = [
            (variable, _any(tags))
            for variable, tags in source.typed(listed, listed.line, known.types, mark="?")
        ]
        variables = dict(parameters)
        if len(variables) < len(parameters):
            raise source.wrong(form.line, f"{what} has two parameters of the same name")
        needs = reader.condition(parts[":precondition"], form.line, what, variables)
        adds, deletes, costs[name] = reader.effect(parts[":effect"], form.line, what, variables)
        found[name] = Operator(name, tuple(parameters), needs, adds, deletes)
    return found, costs


def _parts(source: Source, form: Form, what: str) -> dict[str, Form]:
    """The parts of an action: of each, nothing or one formula."""
    parts = {key: Form(form.line) for key in (":parameters", ":precondition", ":effect")}
    given: list[str] = []
    for item in form[2:]:
        if isinstance(item, str) and item.startswith(":") and item not in given:
            if item not in parts:
                raise source.beyond(item, form.line, what)
            given.append(item)
        elif given and not parts[given[-1]]:
            parts[given[-1]].append(item)
        else:
            raise source.wrong(
                form.line, f"{what} has {cut(item)} where another part such as :effect is expected"
            )
    return parts


def _metric(
    part: Form, costs: Mapping[str, float], valued: set[str]
) -> tuple[str, tuple[str, ...]]:
    """What the best plan has least of, if not steps; and what is left out of the files, if any."""
    asked = " ".join(map(str, part[1:]))
    spent = sorted({cost for cost in costs.values() if cost})
    if asked in ("", "minimize (total-time)", "minimize total-time"):
        unread = sorted(valued | ({"total-cost"} if spent else set()))
        said = [f"no condition depends on the values of {', '.join(unread)}"] if unread else []
        said += ["every action takes one unit of time"] if asked else []
        return "", tuple(said)
    if asked not in ("minimize (total-cost)", "minimize total-cost"):
        return f"the metric {cut(asked)}", ()
    if len(spent) > 1:
        return f"action costs that differ ({spent[0]:g} and {spent[-1]:g})", ()
    free = sorted(name for name, cost in costs.items() if not cost)
    if spent and free:
        return "", (
            f"{cut(', '.join(free))} cost nothing, but count as steps: plans found have "
            "the fewest steps, not the least (total-cost)",
        )
    return "", ("every action costs the same: the fewest steps have the least (total-cost)",)
