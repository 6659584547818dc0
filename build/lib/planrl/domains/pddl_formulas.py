"""PDDL's formulas to conditions and effects: conjunctions of atoms, negated atoms, equalities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from planrl.domains.operators import Atom, Conjunction, text_of
from planrl.domains.pddl_syntax import Form, Source, cut, words

RESERVED = words("and not = or imply forall exists when preference")
# These are no predicates, unless a domain declares them: errors say so instead of listing its own.
BEYOND = RESERVED | words(
    "always sometime within at-most-once sometime-after sometime-before always-within hold-during "
    "hold-after probabilistic oneof unknown increase decrease assign scale-up scale-down < > <= >= "
    "+ - * /"
)
NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")
Types = frozenset[str]


@dataclass(frozen=True)
class Vocabulary:
    """What formulas may name.

    `types` gives each type itself and all types above it, `objects` all types of each object,
    `predicates` the types of each argument (none: any).
    """

    types: Mapping[str, Types]
    objects: Mapping[str, Types]
    predicates: Mapping[str, tuple[Types, ...]]
    functions: frozenset[str]

    def may_be(self, types: Types, wanted: Types) -> bool:
        """Whether a variable of one of these types can stand for an object of one of those."""
        if not types or not wanted:
            return True
        return any(types & above and wanted & above for above in self.types.values())


@dataclass(frozen=True)
class Reader:
    """Reads the formulas of one file. `what` is the part of the file that errors name."""

    source: Source
    words: Vocabulary

    def condition(
        self, forms: Iterable[Form | str], line: int, what: str, variables: Mapping[str, Types]
    ) -> Conjunction:
        """A conjunction of atoms, negated atoms and equalities, or nothing."""
        atoms: dict[bool, set[Atom]] = {True: set(), False: set()}
        pairs: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
        for form, positive in self._literals(forms, line, what):
            if form.head == "=":
                pairs[positive].add(self._equality(form, what, variables))
            else:
                atoms[positive].add(self._atom(form, what, variables))
        return Conjunction(
            frozenset(atoms[True]),
            frozenset(atoms[False]),
            differ=frozenset(pairs[False]),
            same=frozenset(pairs[True]),
        )

    def effect(
        self, forms: Iterable[Form | str], line: int, what: str, variables: Mapping[str, Types]
    ) -> tuple[frozenset[Atom], frozenset[Atom], float]:
        """What an action adds, what it deletes, and by how much it increases (total-cost)."""
        atoms: dict[bool, set[Atom]] = {True: set(), False: set()}
        cost = 0.0
        for form, positive in self._literals(forms, line, what):
            if form.head == "increase" and positive:
                cost += self._cost(form, what)
            else:
                atoms[positive].add(self._atom(form, what, variables))
        return frozenset(atoms[True]), frozenset(atoms[False]), cost

    def facts(self, forms: Iterable[Form | str], line: int) -> tuple[frozenset[Atom], set[str]]:
        """The atoms that hold at first, and the functions that are given values.

        Negations and equalities are taken if they are true, since what is not listed is false.
        """
        plain, valued = [], set()
        for form in forms:
            if isinstance(form, Form) and form.head == "=" and len(form) == 3:
                name = form[1].head if isinstance(form[1], Form) else str(form[1])
                if name in self.words.functions:
                    if not isinstance(form[2], str):
                        raise self.source.beyond(form, form.line, "init")
                    valued.add(name)
                    continue
            plain.append(form)
        said = self.condition(plain, line, "init", {})
        wrong = said.unmet(said.holds)
        if wrong:
            raise self.source.wrong(line, f"init says {wrong[0]}, which what it lists contradicts")
        return said.holds, valued

    def _literals(
        self, forms: Iterable[Form | str], line: int, what: str
    ) -> Iterator[tuple[Form, bool]]:
        """The parts of a conjunction, and whether each is asserted or negated."""
        waiting = [(form, True, line) for form in forms][::-1]
        while waiting:
            form, positive, line = waiting.pop()
            if isinstance(form, str) or (form and not form.head):
                raise self.source.wrong(
                    line,
                    f"{what} has {cut(form)}, which is no formula: write "
                    "(predicate argument ...) or (and ...)",
                )
            if form.head == "not":
                if len(form) != 2:
                    raise self.source.wrong(
                        form.line, f"{what} has {cut(form)}: not takes one formula"
                    )
                waiting.append((form[1], not positive, form.line))
            elif positive and (not form or form.head == "and"):
                waiting += [(part, True, form.line) for part in form[:0:-1]]
            elif not form or form.head == "and":
                raise self.source.beyond(f"(not {form})", form.line, what)
            else:
                yield form, positive

    def _atom(self, form: Form, what: str, variables: Mapping[str, Types]) -> Atom:
        wrong, name = self.source.wrong, form.head
        parameters = self.words.predicates.get(name)
        terms = [term for term in form[1:] if isinstance(term, str)]
        if len(terms) < len(form) - 1 or (
            parameters is None and name in BEYOND | self.words.functions
        ):
            raise self.source.beyond(form, form.line, what)
        atom = (name, *terms)
        has = f"{what} has {cut(text_of(atom))}, but"
        if parameters is None:
            known = ", ".join(sorted(self.words.predicates)) or "none"
            raise wrong(form.line, f"{has} the domain's predicates are {cut(known, 200)}")
        if len(terms) != len(parameters):
            raise wrong(form.line, f"{has} {name} is declared with {len(parameters)} arguments")
        for term, wanted in zip(terms, parameters, strict=True):
            if not self._fits(term, wanted, form, what, variables):
                raise wrong(form.line, f"{has} {term} is not of type {' or '.join(sorted(wanted))}")
        return atom

    def _equality(self, form: Form, what: str, variables: Mapping[str, Types]) -> tuple[str, str]:
        if len(form) != 3 or any(isinstance(term, Form) for term in form):
            raise self.source.beyond(form, form.line, what)
        a, b = map(str, form[1:])
        for term in (a, b):
            self._fits(term, frozenset(), form, what, variables)
        return a, b

    def _fits(
        self, term: str, wanted: Types, form: Form, what: str, variables: Mapping[str, Types]
    ) -> bool:
        """Whether a variable or an object can be of one of these types (none: any)."""
        if term in variables:
            return self.words.may_be(variables[term], wanted)
        if term in self.words.objects:
            return not wanted or bool(wanted & self.words.objects[term])
        thing = "parameter" if term.startswith("?") else "object"
        raise self.source.wrong(
            form.line, f"{what} has {cut(form)}, but there is no {thing} {cut(term)}"
        )

    def _cost(self, form: Form, what: str) -> float:
        """By how much (increase (total-cost) number) increases it."""
        if len(form) == 3 and isinstance(form[1], Form) and list(form[1]) == ["total-cost"]:
            amount = form[2]
            if isinstance(amount, str) and NUMBER.fullmatch(amount):
                return float(amount)
        raise self.source.beyond(form, form.line, what)
