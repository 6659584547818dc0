"""PDDL files to problems: parsed by the library `pddl`, checked and understood here.

The parser takes the grammar; it neither knows case nor whether an atom fits its declaration, so
these are our part, as is saying in one line what is wrong with a file.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from planrl.blocksworld.strips import MOST_BYTES, Atom, Condition, Operator, Problem, text_of
from planrl.errors import InputError
from planrl.reading import read_text

try:
    from lark.exceptions import LarkError, VisitError
    from pddl.exceptions import PDDLMissingRequirementError
    from pddl.logic.base import And, Not
    from pddl.logic.predicates import EqualTo, Predicate
    from pddl.parser.domain import DomainParser
    from pddl.parser.problem import ProblemParser
except ImportError:
    raise InputError(
        'reading PDDL needs the library pddl: pip install "planrl[planning]"'
    ) from None

T = TypeVar("T")
DEEPEST = 50  # brackets inside each other

# Many files say too little of what they use. All of it is allowed to the parser; what is beyond
# STRIPS is then refused by name.
ALLOWED = (
    "(:requirements :strips :typing :equality :negative-preconditions :disjunctive-preconditions "
    ":existential-preconditions :universal-preconditions :conditional-effects)"
)


def read_problem(domain: str | Path, problem: str | Path) -> Problem:
    """The problem that a PDDL domain file and a problem file describe.

    STRIPS, types, constants, negated conditions and (not (= ?x ?y)) are read. Raises InputError,
    naming the file and what is wrong in it.
    """
    domain, problem = Path(domain), Path(problem)
    rules: Any = _parsed(domain, "domain", lambda text: DomainParser()(text))
    task: Any = _parsed(problem, "problem", lambda text: ProblemParser()(text))
    if str(task.domain_name) != str(rules.name):
        raise InputError(
            f"{problem} is a problem of the domain {task.domain_name}, but {domain} describes "
            f"{rules.name}"
        )
    names = _Names.of(rules, task, str(problem))
    reader = _Reader(names, str(domain))
    operators = {}
    for action in sorted(rules.actions, key=lambda action: str(action.name)):
        operators[str(action.name)] = reader.operator(action)
    reader = _Reader(names, str(problem))
    init = reader.condition(tuple(task.init), "init")
    if init.absent or init.differ:
        raise InputError(f"{problem}: init lists atoms that hold, not negations")
    return Problem(
        domain=str(rules.name),
        name=str(task.name),
        objects=names.types,
        operators=operators,
        init=init.holds,
        goal=reader.condition((task.goal,), "the goal"),
    )


def _parsed(path: Path, kind: str, parse: Callable[[str], T]) -> T:
    text = re.sub(r";[^\n]*", "", read_text(path, most=MOST_BYTES)).lower()
    if f"({kind}" not in re.sub(r"\(\s+", "(", text):
        raise InputError(f"{path} is no PDDL {kind} file: it has no ({kind} ...)")
    limit = getattr(sys, "tracebacklimit", None)
    try:
        _refuse_depth(text, path)
        _refuse_double_actions(text, path)
        text = re.sub(r"\(\s*:requirements[^()]*\)", " ", text)
        if kind == "problem":  # what length a plan should have says nothing of the problem
            text = re.sub(r"\(\s*:length(?:[^()]|\([^()]*\))*\)", " ", text)
        header = rf"(\(\s*{kind}\s[^()]*\))" + (r"(\s*\(\s*:domain[^()]*\))" * (kind != "domain"))
        return parse(re.sub(header, lambda found: found[0] + ALLOWED, text, count=1))
    except InputError:
        raise
    except VisitError as error:
        raise InputError(f"{path}: {_first_line(error.orig_exc)}") from None
    except LarkError as error:
        at = getattr(error, "line", None)
        place = f", line {at}" if isinstance(at, int) and at > 0 else ""
        said = _first_line(error).split(" at line")[0]
        raise InputError(f"{path}{place}: this is not PDDL that can be read: {said}") from None
    except PDDLMissingRequirementError as error:
        raise InputError(
            f"{path} is beyond STRIPS ({_first_line(error).rstrip('.')}): planrl reads "
            "conjunctions of atoms and of negated atoms"
        ) from None
    except Exception as error:  # the parser's own, whatever a stranger's file makes of it
        raise InputError(f"{path}: {_first_line(error)}") from None
    finally:  # the parser cuts all tracebacks and, when it fails, leaves them cut
        if limit is None:
            vars(sys).pop("tracebacklimit", None)
        else:
            sys.tracebacklimit = limit


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _refuse_double_actions(text: str, path: Path) -> None:
    names = Counter(re.findall(r"\(\s*:action\s+([^\s()]+)", text))
    for name, count in names.most_common(1):
        if count > 1:
            raise InputError(f"{path} has two actions called {name}: rename one")


def _refuse_depth(text: str, path: Path) -> None:
    """Raise InputError where brackets are nested deeper than the parser can follow."""
    depth = 0
    for bracket in re.findall(r"[()]", text):
        depth += 1 if bracket == "(" else -1
        if depth > DEEPEST:
            raise InputError(f"{path}: this is not PDDL that can be read: brackets are nested more "
                             f"than {DEEPEST} deep")  # fmt: skip


@dataclass(frozen=True)
class _Names:
    """What may be named: objects with all their types, predicates with their number of places."""

    types: Mapping[str, frozenset[str]]
    places: Mapping[str, int]

    @staticmethod
    def of(rules: Any, task: Any, where: str) -> _Names:
        parents = {str(kind): str(above) for kind, above in rules.types.items() if above}
        types = {}
        for thing in [*rules.constants, *task.objects]:
            tags: set[str] = {"object"}
            for tag in map(str, thing.type_tags):
                if tag != "object" and tag not in {*map(str, rules.types)}:
                    raise InputError(f"{where}: {thing.name} is of the type {tag}, which the "
                                     "domain does not have")  # fmt: skip
                while tag not in tags:
                    tags.add(tag)
                    tag = parents.get(tag, "object")
            types[str(thing.name)] = frozenset(tags)
        places = {str(p.name): len(p.terms) for p in rules.predicates}
        return _Names(dict(sorted(types.items())), places)


@dataclass(frozen=True)
class _Reader:
    """Formulas to conditions; `where` is the file that errors name."""

    names: _Names
    where: str

    def operator(self, action: Any) -> Operator:
        """An action, its variables written `?x`."""
        name = f"the action {action.name}"
        parameters = tuple(
            (f"?{variable.name}", frozenset(map(str, variable.type_tags)))
            for variable in action.parameters
        )
        known = {variable for variable, _ in parameters}
        needs = action.precondition
        precondition = self.condition(() if needs is None else (needs,), name, known)
        effect = self.condition((action.effect,), name, known)
        if effect.differ:
            raise InputError(f"{self.where}: {name} has an equality among its effects")
        return Operator(str(action.name), parameters, precondition, effect.holds, effect.absent)

    def condition(
        self, formulas: Iterable[Any], what: str, variables: Iterable[str] = ()
    ) -> Condition:
        """A conjunction. Raises InputError for anything beyond."""
        known = frozenset(variables)
        holds: set[Atom] = set()
        absent: set[Atom] = set()
        differ: set[tuple[str, str]] = set()
        waiting = list(formulas)
        while waiting:
            formula = waiting.pop()
            if isinstance(formula, And):
                waiting += formula.operands
            elif isinstance(formula, Predicate):
                holds.add(self._atom(formula, what, known))
            elif isinstance(formula, Not) and isinstance(formula.argument, Predicate):
                absent.add(self._atom(formula.argument, what, known))
            elif isinstance(formula, Not) and isinstance(formula.argument, EqualTo):
                equal = formula.argument
                differ.add((_term(equal.left), _term(equal.right)))
            else:
                raise InputError(
                    f"{self.where}: {what} uses {' '.join(str(formula).split())[:60]}, which is "
                    "beyond STRIPS: planrl reads conjunctions of atoms and of negated atoms"
                )
        return Condition(frozenset(holds), frozenset(absent), frozenset(differ))

    def _atom(self, predicate: Any, what: str, variables: frozenset[str]) -> Atom:
        atom = (str(predicate.name), *map(_term, predicate.terms))
        places = self.names.places.get(atom[0])
        if places is None:
            known = ", ".join(sorted(self.names.places))
            raise InputError(
                f"{self.where}: {what} has {text_of(atom)}, but the domain's predicates are {known}"
            )
        if len(atom) - 1 != places:
            raise InputError(
                f"{self.where}: {what} has {text_of(atom)}, but {atom[0]} is declared with "
                f"{places} places"
            )
        for term in atom[1:]:
            if term not in variables and term not in self.names.types:
                thing = "parameter" if term.startswith("?") else "object"
                raise InputError(
                    f"{self.where}: {what} has {text_of(atom)}, but there is no {thing} {term}"
                )
        return atom


def _term(term: Any) -> str:
    """A variable as `?x`, an object as `x`."""
    return str(term) if str(term).startswith("?") else str(term.name)
